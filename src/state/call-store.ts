import Libsql from "libsql";
import type { Database } from "./database.js";
import { schemaSteps } from "./schema.js";

/** A call that was made with an idempotency key. */
export interface KeptCall {
  method: string;
  /** Digest of its params. */
  params: string;
  /** What came of it, as JSON; absent where nobody knows: it is under way, or its server died meanwhile. */
  outcome?: string;
}

interface Row {
  method: string;
  params: string;
  outcome: string | null;
}

// Old rows are looked for once in so many calls.
const CALLS_BETWEEN_PRUNES = 1000;

/** The calls table: what came of calls that change state, by principal and idempotency key. */
export class CallStore {
  readonly #find;
  readonly #begin;
  readonly #finish;
  readonly #forget;
  readonly #deleteOld;
  readonly #deleteSurplus;
  #begun = 0;

  constructor(database: Database) {
    this.#find = database.prepare("SELECT method, params, outcome FROM calls WHERE principal = ? AND key = ?");
    this.#begin = database.prepare(
      "INSERT INTO calls(principal, key, method, params, begun_at_ms) VALUES (?, ?, ?, ?, ?)",
    );
    this.#finish = database.prepare("UPDATE calls SET outcome = ? WHERE principal = ? AND key = ?");
    this.#forget = database.prepare("DELETE FROM calls WHERE principal = ? AND key = ?");
    this.#deleteOld = database.prepare("DELETE FROM calls WHERE begun_at_ms < ?");
    this.#deleteSurplus = database.prepare(
      `DELETE FROM calls WHERE principal = ?1 AND begun_at_ms <
         (SELECT begun_at_ms FROM calls WHERE principal = ?1 ORDER BY begun_at_ms DESC LIMIT 1 OFFSET ?2)`,
    );
  }

  /** One that lasts as long as the process, for a runtime without a database. */
  static inMemory(): CallStore {
    const database = new Libsql(":memory:");
    for (const step of schemaSteps) database.exec(step);
    return new CallStore(database);
  }

  find(principal: string, key: string): KeptCall | undefined {
    const row = this.#find.get(principal, key) as Row | undefined;
    if (row === undefined) return undefined;
    const { method, params, outcome } = row;
    return { method, params, ...(outcome !== null && { outcome }) };
  }

  /** Writes down that a call begins. At times, forgets those that began before `keptMs`, and all but the last `most`. */
  begin(principal: string, key: string, call: KeptCall, { keptMs, most }: { keptMs: number; most: number }): void {
    const now = Date.now();
    this.#begin.run(principal, key, call.method, call.params, now);
    if (this.#begun++ % CALLS_BETWEEN_PRUNES > 0) return;
    this.#deleteOld.run(now - keptMs);
    this.#deleteSurplus.run(principal, most - 1);
  }

  finish(principal: string, key: string, outcome: string): void {
    this.#finish.run(outcome, principal, key);
  }

  /** As if the call had never been made. */
  forget(principal: string, key: string): void {
    this.#forget.run(principal, key);
  }
}
