import { existsSync, renameSync, statSync } from "node:fs";
import Libsql from "libsql";
import { GranuleError } from "../errors.js";
import { schemaSteps } from "./schema.js";

export type Database = Libsql.Database;

/** Something that was mended while opening, for the operator to know. */
export interface StateWarning {
  message: string;
  hint: string;
  path: string;
}

export interface OpenedDatabase {
  database: Database;
  /** Set where a damaged database was put aside and a new one begun. */
  warning?: StateWarning;
}

/** What tells one database from another. */
export interface DatabaseKind {
  /** One step a version. */
  steps: readonly string[];
  /** What a damaged one costs, and how to save what can be. */
  damageHint: string;
  /** Larger files are not read through at the open: their damage shows where it is met. */
  checkUpToBytes: number;
  /** Gives freed pages back a few at a time. */
  shrinks?: boolean;
}

const stateKind: DatabaseKind = {
  steps: schemaSteps,
  damageHint: "images must be loaded again; the damaged file can be read with `sqlite3 .recover`",
  checkUpToBytes: Number.POSITIVE_INFINITY,
};

/**
 * Opens a database in WAL mode, that of the state directory unless told, and brings its schema up to date.
 *
 * Synchronous is NORMAL: after a power loss the last transactions may be missing, never torn. What must outlive that
 * is the exit record, which the monitor syncs itself, and recovery reads it.
 *
 * @throws GranuleError FAILED_PRECONDITION where a newer version wrote it.
 */
export function openDatabase(path: string, kind: DatabaseKind = stateKind): OpenedDatabase {
  try {
    return { database: openAndMigrate(path, kind) };
  } catch (thrown) {
    if (!isDamage(thrown)) throw GranuleError.from(thrown, "UNAVAILABLE");
    const aside = setAside(path);
    return {
      database: openAndMigrate(path, kind),
      warning: {
        message: `the database was damaged and is kept as ${aside}; a new one was begun`,
        hint: kind.damageHint,
        path: aside,
      },
    };
  }
}

function openAndMigrate(path: string, kind: DatabaseKind): Database {
  const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  const database = new Libsql(path, { timeout: 5000 });
  try {
    if (kind.shrinks && bytes === 0) database.pragma("auto_vacuum = INCREMENTAL");
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = NORMAL");
    database.pragma("busy_timeout = 5000");
    database.pragma("foreign_keys = ON");
    if (bytes <= kind.checkUpToBytes) {
      const check = database.prepare("PRAGMA quick_check(1)").get() as { quick_check: string };
      if (check.quick_check !== "ok") throw new Damage(check.quick_check);
    }
    migrate(database, path, kind.steps);
    return database;
  } catch (thrown) {
    database.close();
    throw thrown;
  }
}

function migrate(database: Database, path: string, steps: readonly string[]): void {
  const row = database.prepare("PRAGMA user_version").get() as { user_version: number };
  const found = row.user_version;
  if (found > steps.length) {
    throw new GranuleError("FAILED_PRECONDITION", `the database has schema ${found}, written by a newer granule`, {
      path,
      hint: `this version knows schema ${steps.length}: run the newer version, or use another root directory`,
    });
  }
  for (const [version, step] of steps.entries()) {
    if (version < found) continue;
    database
      .transaction(() => {
        database.exec(step);
        database.exec(`PRAGMA user_version = ${version + 1}`);
      })
      .immediate();
  }
}

class Damage extends Error {}

/** Whether an error says that a database file is damaged. */
export function isDamage(thrown: unknown): boolean {
  if (thrown instanceof Damage) return true;
  if (!(thrown instanceof Error)) return false;
  const code = (thrown as Error & { code?: unknown }).code;
  return code === "SQLITE_CORRUPT" || code === "SQLITE_NOTADB" || /malformed|not a database/.test(thrown.message);
}

/** Renames a database that is closed, with its log; its new path. */
export function setAside(path: string): string {
  const aside = `${path}.damaged-${new Date().toISOString().replaceAll(":", "")}`;
  renameSync(path, aside);
  for (const suffix of ["-wal", "-shm"]) {
    if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
  }
  return aside;
}
