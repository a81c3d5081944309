import type { Command } from "commander";
import type { CliContext } from "../context.js";
import { exitCodeOfStatus, forwardTo } from "../foreground.js";
import { invalid } from "../parse/invalid.js";
import { forEachContainer } from "../targets.js";
import { requireTerminal, runSession } from "../terminal/session.js";
import { SignalForwarder } from "../terminal/signals.js";

interface StartOptions {
  attach?: boolean;
  interactive?: boolean;
}

export function register(command: Command, context: CliContext): void {
  command
    .argument("<container...>")
    .option("-a, --attach", "show its output and leave with its exit code")
    .option("-i, --interactive", "connect stdin as well")
    .action(async (names: string[], options: StartOptions) => {
      const [name, ...more] = names;
      if (!options.attach && !options.interactive) {
        await forEachContainer(context, names, (container) => container.start());
      } else if (name === undefined || more.length > 0) {
        throw invalid("only one container can be attached to at a time");
      } else {
        context.exitCode = await startAttached(context, name, options.interactive === true);
      }
    });
}

async function startAttached(context: CliContext, name: string, stdin: boolean): Promise<number> {
  using signals = new SignalForwarder();
  const container = await (await context.runtime()).containers.get(name);
  const { tty = false } = (await container.inspect()).options;
  requireTerminal({ tty, interactive: stdin });
  const attachment = await container.attach({ stdin });
  await container.start();
  forwardTo(container, signals);
  if ((await runSession(attachment, { tty, stdin })) === "detached") return 0;
  return exitCodeOfStatus(await attachment.wait());
}
