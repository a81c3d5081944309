import type { Command } from "commander";
import type { Container } from "../../api.js";
import type { CliContext } from "../context.js";
import { exitCodeOfStatus, forwardTo } from "../foreground.js";
import { printLog } from "../log-printer.js";
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
  const { state, options } = await container.inspect();
  const tty = options.tty === true;
  requireTerminal({ tty, interactive: stdin });
  if (state === "stopped" && !stdin) return startAndFollow(container, signals);
  // Only a created container has a process to attach to before its start.
  const early = state === "created" ? await container.attach({ stdin }) : undefined;
  await container.start();
  const attachment = early ?? (await container.attach({ stdin }));
  forwardTo(container, signals);
  if ((await runSession(attachment, { tty, stdin })) === "detached") return 0;
  return exitCodeOfStatus(await attachment.wait());
}

/** The log of a new run is complete, where an attachment after the start may come late. */
async function startAndFollow(container: Container, signals: SignalForwarder): Promise<number> {
  await container.start();
  forwardTo(container, signals);
  const { startedAt } = await container.inspect();
  await printLog(container.logs({ follow: true, ...(startedAt === undefined ? {} : { since: startedAt }) }));
  return exitCodeOfStatus(await container.wait());
}
