import type { Command } from "commander";
import type { RestartPolicy } from "../../api.js";
import type { CliContext } from "../context.js";
import { addLimitOptions, type LimitOptions, limitsOf } from "../limit-options.js";
import { invalid } from "../parse/invalid.js";
import { parseRestart } from "../parse/restart.js";
import { forEachContainer } from "../targets.js";

export function register(command: Command, context: CliContext): void {
  addLimitOptions(command.argument("<container...>"))
    .option("--restart <policy>", "no, always or on-failure[:n]", parseRestart)
    .action(async (names: string[], options: LimitOptions & { restart?: RestartPolicy }) => {
      const changes = { ...limitsOf(options), ...(options.restart === undefined ? {} : { restart: options.restart }) };
      if (Object.keys(changes).length === 0)
        throw invalid("nothing to update", "give a limit, such as --cpus 1 or -m 256m");
      await forEachContainer(context, names, (container) => container.update(changes));
    });
}
