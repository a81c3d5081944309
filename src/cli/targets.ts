import type { Container } from "../api.js";
import type { CliContext } from "./context.js";
import { reportFailure } from "./failure.js";
import { printLine } from "./output.js";

/**
 * Does something to each container named, all at once, and prints for each what `action` gives where that is a text, or
 * else its name, in the order they were asked for. One failure is told and stops no other; the exit code is then 1.
 */
export async function forEachContainer(
  context: CliContext,
  names: string[],
  action: (container: Container) => Promise<unknown>,
): Promise<void> {
  const { containers } = await context.runtime();
  const outcomes = names.map(async (name) => {
    const result = await action(await containers.get(name));
    return typeof result === "string" ? result : name;
  });
  for (const outcome of await Promise.allSettled(outcomes)) {
    if (outcome.status === "fulfilled") printLine(outcome.value);
    else context.exitCode = reportFailure(outcome.reason);
  }
}
