import type { Container, CreateOptions, ExitStatus, Runtime } from "../api.js";
import { GranuleError } from "../errors.js";
import { humanSize } from "./format/human.js";
import { printLog } from "./log-printer.js";
import { SampleWriter } from "./sample-writer.js";
import { runSession } from "./terminal/session.js";
import { SignalForwarder } from "./terminal/signals.js";

export interface ForegroundOptions {
  /** File of the samples, or `-` for stdout. */
  stats?: string;
}

/** Runs a container with its streams on this process's, and resolves to the exit code to leave with. */
export async function runForeground(
  runtime: Runtime,
  create: CreateOptions,
  options: ForegroundOptions = {},
): Promise<number> {
  using signals = new SignalForwarder();
  await using samples = options.stats === undefined ? undefined : new SampleWriter(options.stats);
  const stdout = options.stats === "-" ? process.stderr : process.stdout;
  const container = await runtime.containers.create(create);
  const session = { tty: create.tty === true, stdin: create.stdin === true, stdout };
  const restarts = create.restart !== undefined && create.restart.policy !== "never";
  const exit = restarts
    ? await followRestarts(container, signals, samples)
    : await runOnce(container, session, signals, samples);
  if (exit === undefined) return 0;
  if (create.autoRemove) await removeQuietly(container);
  return exitCodeOfStatus(exit, create.memory);
}

/**
 * Attaches and waits before the start, so that neither a byte nor the exit is missed, however short the run and however
 * soon the container removes itself. Undefined where the user detached.
 */
async function runOnce(
  container: Container,
  session: { tty: boolean; stdin: boolean; stdout: NodeJS.WriteStream },
  signals: SignalForwarder,
  samples: SampleWriter | undefined,
): Promise<ExitStatus | undefined> {
  const exit = container.wait();
  // Where the start fails, that is told instead.
  exit.catch(() => undefined);
  const attachment = await startOrRemove(container, async () => {
    const attached = await container.attach({ stdin: session.stdin });
    await container.start();
    return attached;
  });
  forwardTo(container, signals);
  samples?.follow(container);
  return (await runSession(attachment, session)) === "detached" ? undefined : exit;
}

/** An attachment ends with its process; the log goes on through every restart. */
async function followRestarts(
  container: Container,
  signals: SignalForwarder,
  samples: SampleWriter | undefined,
): Promise<ExitStatus> {
  await startOrRemove(container, () => container.start());
  forwardTo(container, signals);
  samples?.follow(container);
  await printLog(container.logs({ follow: true }));
  return container.wait();
}

/** A container that never ran is not left behind. */
async function startOrRemove<T>(container: Container, start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (thrown) {
    await removeQuietly(container);
    throw thrown;
  }
}

/** Removes what may remove itself at this very moment. */
async function removeQuietly(container: Container): Promise<void> {
  try {
    await container.remove({ force: true });
  } catch (thrown) {
    if (GranuleError.from(thrown).code !== "NOT_FOUND") throw thrown;
  }
}

/** Delivers this process's signals to a container. */
export function forwardTo(container: Container, signals: SignalForwarder): void {
  signals.deliver((signal) => {
    container.kill(signal).catch((thrown: unknown) => {
      const error = GranuleError.from(thrown);
      // It has ended meanwhile, which the session tells by itself.
      if (error.code === "FAILED_PRECONDITION" || error.code === "NOT_FOUND") return;
      process.stderr.write(`granule: ${signal} could not be delivered: ${error.message}\n`);
    });
  });
}

/** The code to leave with; says on stderr what a bare number would not tell. */
export function exitCodeOfStatus(exit: ExitStatus, memoryBytes?: number): number {
  if (exit.oomKilled) {
    const limit = memoryBytes === undefined ? "its memory limit" : `its memory limit of ${humanSize(memoryBytes)}`;
    process.stderr.write(`granule: the container reached ${limit} and was killed\n`);
  }
  if (exit.code !== undefined) return exit.code;
  process.stderr.write(`granule: the exit code is unknown: ${exit.reason ?? "nobody saw the container end"}\n`);
  return 125;
}
