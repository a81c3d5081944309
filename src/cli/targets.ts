import type { Container, Runtime } from "../api.js";
import type { CliContext } from "./context.js";
import { reportFailure } from "./failure.js";
import { printLine } from "./output.js";

/**
 * Does something to each container named, all at once, and prints each name (or what `action` gives) in the order they
 * were asked for. One failure is told and stops no other; the exit code is then 1.
 */
export async function forEachContainer(
  context: CliContext,
  names: string[],
  action: (container: Container, runtime: Runtime) => Promise<string | void>,
): Promise<void> {
  const runtime = await context.runtime();
  const outcomes = names.map(async (name) => (await action(await runtime.containers.get(name), runtime)) ?? name);
  for (const [index, outcome] of (await Promise.allSettled(outcomes)).entries()) {
    if (outcome.status === "fulfilled") printLine(outcome.value || (names[index] ?? ""));
    else context.exitCode = reportFailure(outcome.reason);
  }
}
