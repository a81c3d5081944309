import { spawn } from "node:child_process";
import { closeSync, fstatSync, ftruncateSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { GranuleError } from "../errors.js";
import { READY_FD_VARIABLE } from "./ready.js";
import { errorFromWire } from "./wire-error.js";

const MAX_LOG_BYTES = 1 << 20;
const LOG_TAIL_CHARACTERS = 600;
const READY_FD = 3;

/**
 * Starts `granule serve --idle-exit` in the background and waits until it listens. It tells so, or why it cannot, on a
 * pipe; where it dies without a word, the end of its log is the error's message.
 */
export async function startOwner({ root, state }: { root: string; state: string }): Promise<void> {
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const logPath = join(state, "serve.log");
  const log = openLog(logPath);
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    GRANULE_ROOT: root,
    GRANULE_STATE: state,
    [READY_FD_VARIABLE]: String(READY_FD),
  };
  // Where the caller speaks to and with which token is no business of a process that outlives it.
  delete env["GRANULE_HOST"];
  delete env["GRANULE_TOKEN"];
  const main = fileURLToPath(new URL("../cli/main.js", import.meta.url));
  let child: ReturnType<typeof spawn>;
  try {
    child = spawn(process.execPath, [main, "serve", "--idle-exit"], {
      detached: true,
      cwd: "/",
      env,
      stdio: ["ignore", log, log, "pipe"],
    });
  } finally {
    closeSync(log);
  }
  const failed = new Promise<never>((_resolve, reject) => child.once("error", reject));
  const word = await Promise.race([text(child.stdio[READY_FD] as Readable), failed]);
  child.unref();
  if (word === "ready\n") return;
  throw word.startsWith("error ") ? errorFromWire(JSON.parse(word.slice("error ".length))) : died(logPath);
}

function openLog(path: string): number {
  const log = openSync(path, "a", 0o600);
  if (fstatSync(log).size > MAX_LOG_BYTES) ftruncateSync(log);
  return log;
}

function died(logPath: string): GranuleError {
  const tail = readFileSync(logPath, "utf8").slice(-LOG_TAIL_CHARACTERS).trim();
  return new GranuleError("INTERNAL", `granule serve ended before it listened: ${tail}`, { path: logPath });
}
