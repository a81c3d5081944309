import { readFileSync } from "node:fs";
import { constants } from "node:os";
import type { ExitStatus } from "../api.js";
import { GranuleError } from "../errors.js";
import { errnoName, type MonitorExit, type MonitorFailure } from "./monitor-frames.js";

const signalNames = new Map<number, string>(
  Object.entries(constants.signals)
    .filter(([name]) => name !== "SIGPOLL" && name !== "SIGIOT")
    .map(([name, number]) => [number, name]),
);

export function signalName(number: number): string {
  return signalNames.get(number) ?? `SIG${number}`;
}

/** A signal's number from `9`, `KILL`, `SIGKILL` or `sigkill`. */
export function signalNumber(signal: string | number): number {
  const text = String(signal).trim().toUpperCase();
  const number = /^\d+$/.test(text)
    ? Number(text)
    : (constants.signals as Record<string, number>)[text.startsWith("SIG") ? text : `SIG${text}`];
  if (number !== undefined && number >= 1 && number <= 64) return number;
  throw new GranuleError("INVALID_ARGUMENT", `no such signal: ${signal}`, {
    hint: "give a name such as SIGTERM, or a number from 1 to 64",
  });
}

/** ISO 8601 with nanoseconds; undefined where it never happened. */
export function isoTime(ns: bigint): string | undefined {
  if (ns === 0n) return undefined;
  const seconds = new Date(Number(ns / 1_000_000n)).toISOString().slice(0, 19);
  return `${seconds}.${String(ns % 1_000_000_000n).padStart(9, "0")}Z`;
}

/** What a monitor saw, as callers read it: the program's own code, or 128 + signal. */
export function exitStatus(exit: MonitorExit): ExitStatus {
  const startedAt = isoTime(exit.startedNs);
  const finishedAt = isoTime(exit.finishedNs);
  const code = exit.signal === undefined ? exit.code : 128 + exit.signal;
  return {
    ...(code === undefined ? {} : { code }),
    ...(exit.signal === undefined ? {} : { signal: signalName(exit.signal) }),
    oomKilled: exit.oomKilled,
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(finishedAt === undefined ? {} : { finishedAt }),
  };
}

/** What a monitor wrote down about the end of its process. */
export type ExitRecord =
  | { kind: "exit"; exit: MonitorExit; counters: Record<string, number> }
  | { kind: "never-started"; failure: MonitorFailure };

/** The counters of an exit record; what the host did not count is not there. */
const counterNames = [
  "cpuUsec",
  "userUsec",
  "systemUsec",
  "throttledUsec",
  "memoryPeakBytes",
  "oomKills",
  "ioReadBytes",
  "ioWriteBytes",
  "ioReads",
  "ioWrites",
  "rxBytes",
  "txBytes",
] as const;

/** Reads an exit record; undefined where there is none, or where it is not whole. */
export function readExitRecord(path: string): ExitRecord | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw GranuleError.from(thrown);
  }
  const fields = new Map<string, string>();
  for (const line of text.split("\n")) {
    const space = line.indexOf(" ");
    if (space > 0) fields.set(line.slice(0, space), line.slice(space + 1));
  }
  const failedStep = fields.get("failedStep");
  if (failedStep !== undefined) {
    const errno = errnoName(Number(fields.get("failedErrno") ?? "0"));
    const failure = { step: failedStep, errno, path: fields.get("failedPath") ?? "" };
    return { kind: "never-started", failure };
  }
  const wholeNumber = (key: string): number => Number(fields.get(key) ?? Number.NaN);
  const nanoseconds = (key: string): bigint =>
    /^\d+$/.test(fields.get(key) ?? "") ? BigInt(fields.get(key) as string) : 0n;
  const code = wholeNumber("code");
  const signal = wholeNumber("signal");
  if (!Number.isSafeInteger(code) && !Number.isSafeInteger(signal)) return undefined;
  const exit: MonitorExit = {
    ...(code >= 0 ? { code } : {}),
    ...(signal > 0 ? { signal } : {}),
    oomKilled: Number(fields.get("oomKilled") ?? "0") > 0,
    startedNs: nanoseconds("startedNs"),
    finishedNs: nanoseconds("finishedNs"),
    startedBootNs: nanoseconds("startedBootNs"),
    finishedBootNs: nanoseconds("finishedBootNs"),
  };
  const counters: Record<string, number> = {};
  for (const key of counterNames) {
    const value = wholeNumber(key);
    if (Number.isSafeInteger(value)) counters[key] = value;
  }
  return { kind: "exit", exit, counters };
}
