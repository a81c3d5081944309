import type { Command } from "commander";
import { addBench } from "../../../bench/command-line.js";
import { requireRoot } from "../connect.js";
import type { CliContext } from "../context.js";

export function register(command: Command, context: CliContext): void {
  addBench(command, (code) => (context.exitCode = code)).hook("preAction", requireRoot);
}
