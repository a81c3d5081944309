import type { Command } from "commander";
import { parseDecimal } from "./parse/number.js";

export interface StopTimeout {
  timeout?: number;
  time?: number;
}

/** Adds `-t, --timeout`, and docker's older `--time`. */
export function addStopTimeout(command: Command): Command {
  return command
    .option(
      "-t, --timeout <seconds>",
      "seconds from the stop signal to SIGKILL; the container's own unless told",
      parseDecimal,
    )
    .addOption(command.createOption("--time <seconds>").argParser(parseDecimal).hideHelp());
}

export function stopOptionsOf(options: StopTimeout): { timeoutSeconds?: number } {
  const timeoutSeconds = options.timeout ?? options.time;
  return timeoutSeconds === undefined ? {} : { timeoutSeconds };
}
