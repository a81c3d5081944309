import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GranuleError } from "../errors.js";
import { native } from "../native.js";
import { type CapabilityName, capabilityBits } from "./linux/capabilities.js";
import { DEFAULT_ERRNO, seccompRules } from "./seccomp-rules.js";

/** Bytes of a struct sock_filter, from linux/filter.h. */
const INSTRUCTION_BYTES = 8;

/** BPF_MAXINSNS, from linux/bpf_common.h. */
const MAX_INSTRUCTIONS = 4096;

const DIGEST_BYTES = 32;

/** Part of each file's name; goes up whenever the native compiler would make another program of the same rules. */
const COMPILER_VERSION = 1;

const programs = new Map<bigint, Buffer>();

/**
 * The compiled default filter for a container with these bounding capabilities, as seccomp(2) takes it. Kept in memory
 * and, where a folder is given, on disk under the hash of its rules; a file that fails its check is made anew.
 */
export function seccompProgram(capabilities: readonly CapabilityName[], cacheDir?: string): Buffer {
  const key = capabilityBits(capabilities);
  let program = programs.get(key);
  if (program === undefined) {
    const rules = seccompRules(new Set(capabilities));
    const compile = (): Buffer => native().compileSeccomp(DEFAULT_ERRNO, rules);
    program = cacheDir === undefined ? compile() : cached(join(cacheDir, fileName(rules)), compile);
    programs.set(key, program);
  }
  return program;
}

function fileName(rules: ReturnType<typeof seccompRules>): string {
  const text = JSON.stringify([COMPILER_VERSION, process.arch, DEFAULT_ERRNO, rules], (_, value: unknown) =>
    typeof value === "bigint" ? value.toString() : value,
  );
  return `${createHash("sha256").update(text).digest("hex")}.bpf`;
}

function cached(path: string, compile: () => Buffer): Buffer {
  const stored = readProgram(path);
  if (stored !== undefined) return stored;
  const program = compile();
  const temporary = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    mkdirSync(join(path, ".."), { recursive: true, mode: 0o700 });
    writeFileSync(temporary, Buffer.concat([digestOf(program), program]), { mode: 0o600 });
    renameSync(temporary, path);
  } catch (thrown) {
    rmSync(temporary, { force: true });
    throw GranuleError.from(thrown, "UNAVAILABLE");
  }
  return program;
}

/** The program of a cache file; undefined where there is none, or none that is whole. */
function readProgram(path: string): Buffer | undefined {
  let file: Buffer;
  try {
    file = readFileSync(path);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw GranuleError.from(thrown, "UNAVAILABLE");
  }
  const program = file.subarray(DIGEST_BYTES);
  const wellFormed =
    program.length > 0 &&
    program.length % INSTRUCTION_BYTES === 0 &&
    program.length <= MAX_INSTRUCTIONS * INSTRUCTION_BYTES;
  return wellFormed && digestOf(program).equals(file.subarray(0, DIGEST_BYTES)) ? program : undefined;
}

function digestOf(program: Buffer): Buffer {
  return createHash("sha256").update(program).digest();
}
