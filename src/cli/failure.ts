import type { CommanderError } from "commander";
import { GranuleError } from "../errors.js";
import { painter } from "./format/colour.js";

/** The commands whose own exit code is the container's, so that granule's failures are 125 as docker's. */
const containerCommands = new Set(["run", "create", "exec"]);

/** The exit code of a failed command. */
export function exitCodeOf(thrown: unknown, command: string | undefined): number {
  if (command === undefined || !containerCommands.has(command)) return 1;
  const code = thrown instanceof GranuleError ? thrown.code : undefined;
  if (code === "COMMAND_NOT_FOUND") return 127;
  if (code === "COMMAND_NOT_EXECUTABLE") return 126;
  return 125;
}

/** Tells a failure on stderr, in one line and a hint, and gives its exit code. */
export function reportFailure(thrown: unknown, command?: string): number {
  const error = GranuleError.from(thrown);
  const paint = painter(process.stderr);
  process.stderr.write(`${paint("red", "granule:")} ${describe(error)}\n`);
  if (error.hint !== undefined) process.stderr.write(`${paint("dim", "hint:")} ${oneLine(error.hint)}\n`);
  if (error.code === "INTERNAL" && process.env["GRANULE_DEBUG"]) process.stderr.write(`${error.stack ?? ""}\n`);
  return exitCodeOf(error, command);
}

/** The message with the system's part of the failure, where the message does not hold it already. */
function describe(error: GranuleError): string {
  const message = oneLine(error.message);
  if (error.code === "COMMAND_NOT_FOUND" || error.code === "COMMAND_NOT_EXECUTABLE") return message;
  const system = [error.syscall, error.path, error.errno].filter(
    (part): part is string => part !== undefined && part !== "" && !message.includes(part),
  );
  return system.length === 0 ? message : `${message} (${system.join(" ")})`;
}

function oneLine(text: string): string {
  return text.trim().replaceAll(/\s*\n\s*/g, "; ");
}

/** A usage error as commander found it. */
export function usageFailure(error: CommanderError, command: string | undefined): GranuleError {
  const [message = "", suggestion] = error.message.replace(/^error: /, "").split("\n");
  const help = command === undefined ? "granule --help" : `granule ${command} --help`;
  return new GranuleError("INVALID_ARGUMENT", message, {
    hint: suggestion?.replace(/^\(|\)$/g, "") ?? `see \`${help}\``,
  });
}
