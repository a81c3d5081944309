import type { Command } from "commander";
import type { Limits } from "../api.js";
import { defined } from "./options.js";
import { parseCount, parseDecimal } from "./parse/number.js";
import { parseSize } from "./parse/size.js";

export interface LimitOptions {
  cpus?: number;
  memory?: number;
  memoryHigh?: number;
  memoryLow?: number;
  pids?: number;
  pidsLimit?: number;
  cpusetCpus?: string;
  spot?: boolean;
}

/** Adds the options that run, create and update share. */
export function addLimitOptions(command: Command): Command {
  return command
    .option("--cpus <n>", "vCPUs, such as 0.5", parseDecimal)
    .option("-m, --memory <size>", "hard memory limit, such as 128m or 1.5g", parseSize)
    .option("--memory-high <size>", "memory above which it is slowed and reclaimed from (cgroup v2)", parseSize)
    .option("--memory-low <size>", "memory that is not reclaimed while others have more (cgroup v2)", parseSize)
    .option("--pids <n>", "most processes and threads; also --pids-limit", parseCount)
    .addOption(command.createOption("--pids-limit <n>").argParser(parseCount).hideHelp())
    .option("--cpuset-cpus <list>", "CPUs it may run on, such as 0-1,3")
    .option("--spot", "run only on CPU time that nobody else wants (cgroup v2)");
}

export function limitsOf(options: LimitOptions): Limits {
  return defined<Limits>({
    cpus: options.cpus,
    memory: options.memory,
    memoryHigh: options.memoryHigh,
    memoryLow: options.memoryLow,
    pids: options.pids ?? options.pidsLimit,
    cpuset: options.cpusetCpus,
    spot: options.spot,
  });
}
