import type { Command } from "commander";
import type { CliContext } from "../context.js";
import { exitCodeOfStatus, forwardTo } from "../foreground.js";
import { requireTerminal, runSession } from "../terminal/session.js";
import { SignalForwarder } from "../terminal/signals.js";

export function register(command: Command, context: CliContext): void {
  command
    .argument("<container>")
    .option("--no-stdin", "do not connect stdin")
    .action(async (name: string, options: { stdin: boolean }) => {
      const container = await (await context.runtime()).containers.get(name);
      const info = await container.inspect();
      const tty = info.options.tty === true;
      const stdin = options.stdin && info.options.stdin === true;
      requireTerminal({ tty, interactive: stdin });
      using signals = new SignalForwarder();
      const attachment = await container.attach({ stdin });
      forwardTo(container, signals);
      if ((await runSession(attachment, { tty, stdin })) === "detached") return;
      context.exitCode = exitCodeOfStatus(await attachment.wait(), info.memoryBytes);
    });
}
