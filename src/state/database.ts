import { existsSync, renameSync } from "node:fs";
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

/**
 * Opens the one database of a state directory, in WAL mode, and brings its schema up to date.
 *
 * Synchronous is NORMAL: after a power loss the last transactions may be missing, never torn. What must outlive that
 * is the exit record, which the monitor syncs itself, and recovery reads it.
 *
 * @throws GranuleError FAILED_PRECONDITION where a newer version wrote it.
 */
export function openDatabase(path: string): OpenedDatabase {
  try {
    return { database: openAndMigrate(path) };
  } catch (thrown) {
    if (!isDamage(thrown)) throw GranuleError.from(thrown, "UNAVAILABLE");
    const aside = setAside(path);
    return {
      database: openAndMigrate(path),
      warning: {
        message: `the database was damaged and is kept as ${aside}; a new one was begun`,
        hint: "images must be loaded again; usage records of the damaged file can be read with `sqlite3 .recover`",
        path: aside,
      },
    };
  }
}

function openAndMigrate(path: string): Database {
  const database = new Libsql(path, { timeout: 5000 });
  try {
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = NORMAL");
    database.pragma("busy_timeout = 5000");
    database.pragma("foreign_keys = ON");
    const check = database.prepare("PRAGMA quick_check(1)").get() as { quick_check: string };
    if (check.quick_check !== "ok") throw new Damage(check.quick_check);
    migrate(database, path);
    return database;
  } catch (thrown) {
    database.close();
    throw thrown;
  }
}

function migrate(database: Database, path: string): void {
  const row = database.prepare("PRAGMA user_version").get() as { user_version: number };
  const found = row.user_version;
  if (found > schemaSteps.length) {
    throw new GranuleError("FAILED_PRECONDITION", `the database has schema ${found}, written by a newer granule`, {
      path,
      hint: `this version knows schema ${schemaSteps.length}: run the newer version, or use another root directory`,
    });
  }
  for (const [version, step] of schemaSteps.entries()) {
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

function isDamage(thrown: unknown): boolean {
  if (thrown instanceof Damage) return true;
  if (!(thrown instanceof Error)) return false;
  const code = (thrown as Error & { code?: unknown }).code;
  return code === "SQLITE_CORRUPT" || code === "SQLITE_NOTADB" || /malformed|not a database/.test(thrown.message);
}

function setAside(path: string): string {
  const aside = `${path}.damaged-${new Date().toISOString().replaceAll(":", "")}`;
  renameSync(path, aside);
  for (const suffix of ["-wal", "-shm"]) {
    if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
  }
  return aside;
}
