import type { UsageRetention } from "../api.js";
import { GranuleError } from "../errors.js";
import { type Database, type DatabaseKind, isDamage, openDatabase, setAside } from "../state/database.js";
import { type ChainHead, genesis } from "./chain.js";
import type { Prices } from "./prices.js";
import { ledgerSteps } from "./schema.js";
import type { Segment } from "./segment.js";

const ledgerKind: DatabaseKind = {
  steps: ledgerSteps,
  damageHint: "metering goes on in a new ledger; what the damaged one has can be read with `sqlite3 .recover`",
  checkUpToBytes: 64 * 2 ** 20,
  shrinks: true,
};

const sql = {
  tagSet: "INSERT OR IGNORE INTO tag_sets(id, tags) VALUES(?, ?)",
  sheet: "INSERT OR IGNORE INTO price_sheets(id, valid_from_ns, currency, sheet, set_ns) VALUES(?, ?, ?, ?, ?)",
  record: `INSERT INTO usage_records(record, container_id, name, image, tag_set, cpu_milli, memory_bytes, boot_id,
    run_boot_ns, run_ended, started_ns, ended_ns, started_boot_ns, ended_boot_ns, billed_from_ns, seconds, cpu_used_usec,
    memory_byte_seconds, memory_peak_bytes, rx_bytes, tx_bytes, read_bytes, write_bytes, cost, price_sheet, end_reason,
    hash) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  open: "INSERT OR REPLACE INTO open_segments(container_id, segment) VALUES(?, ?)",
  unopen: "DELETE FROM open_segments WHERE container_id = ?",
  hour: `INSERT OR REPLACE INTO usage_hours(container_id, hour, samples, cpu_usec, cpu_max_milli, memory_byte_seconds,
    memory_max_bytes, rx_bytes, tx_bytes, read_bytes, write_bytes, minutes) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  budget: "INSERT OR REPLACE INTO tag_budgets(tag, value, budget) VALUES(?, ?, ?)",
  unbudget: "DELETE FROM tag_budgets WHERE tag = ? AND value = ?",
  readEnd: "SELECT 1 FROM usage_records WHERE container_id = ? AND run_boot_ns = ? AND run_ended = 1 LIMIT 1",
  readHour: "SELECT * FROM usage_hours WHERE hour = ? AND container_id = ?",
  setting: "INSERT OR REPLACE INTO settings(name, value) VALUES(?, ?)",
} as const;

type StatementName = keyof typeof sql;
type Parameter = string | number | bigint | Buffer | null;

interface Statement {
  run(parameters: Parameter[]): unknown;
  get(parameters: Parameter[]): unknown;
}

interface Write {
  statement: StatementName;
  parameters: Parameter[];
}

/** Errors of a write itself, which no waiting mends; all others are of the disk. */
const neverWritten = /SQLITE_(CONSTRAINT|MISMATCH|RANGE|TOOBIG)/;

const defaultRetention: UsageRetention = { recordDays: 0, hourDays: 400, minuteDays: 30 };

/** Told of what the operator has to know: a full disk, a damaged file, and that all is well again. */
export type OnProblem = (message: string, hint?: string) => void;

/**
 * The ledger's file, and in memory what is written often. Writes are queued and go to disk together; where the disk
 * takes none they wait, and are tried again. A file found damaged is set aside and a new one begun from memory.
 */
export class LedgerStore {
  readonly path: string;
  readonly segments = new Map<string, Segment>();
  readonly budgets = new Map<string, string>();
  prices: Prices[] = [];
  head: ChainHead = { record: 0, hash: genesis };
  retention: UsageRetention = defaultRetention;
  /** What keeps writes waiting. */
  problem: string | undefined;
  readonly #onProblem: OnProblem;
  readonly #tagSets = new Map<string, number>();
  #database: Database;
  #statements: Partial<Record<StatementName, Statement>> = {};
  #pending: Write[] = [];
  /** Open segments that wait to be written, by container, and those that are in the file. */
  readonly #waitingOpen = new Map<string, Write>();
  readonly #writtenOpen = new Set<string>();
  /** The last record that is on disk. */
  #written: ChainHead = { record: 0, hash: genesis };
  #lastSheet = 0;

  /** @throws GranuleError FAILED_PRECONDITION where a newer version wrote it */
  constructor(path: string, onProblem: OnProblem) {
    this.path = path;
    this.#onProblem = onProblem;
    const { database, warning } = openDatabase(path, ledgerKind);
    this.#database = database;
    if (warning) onProblem(warning.message.replace("the database", "the usage ledger"), warning.hint);
    try {
      this.#load();
    } catch (thrown) {
      if (!isDamage(thrown)) {
        database.close();
        throw GranuleError.from(thrown);
      }
      this.#replace();
    }
  }

  get database(): Database {
    return this.#database;
  }

  get pendingWrites(): number {
    return this.#pending.length;
  }

  write(statement: StatementName, ...parameters: Parameter[]): void {
    this.#pending.push({ statement, parameters });
  }

  /** The number of a set of tags, given as JSON with its keys in order. */
  tagSet(tags: string): number {
    const known = this.#tagSets.get(tags);
    if (known !== undefined) return known;
    const id = this.#tagSets.size + 1;
    this.#tagSets.set(tags, id);
    this.write("tagSet", id, tags);
    return id;
  }

  /** Every set of tags by its number. */
  tagsById(): Map<number, string> {
    return new Map([...this.#tagSets].map(([tags, id]) => [id, tags]));
  }

  addPrices(sheet: Omit<Prices, "id">, setNs: bigint): Prices {
    const prices = { ...sheet, id: ++this.#lastSheet };
    this.prices = [...this.prices, prices].sort((a, b) => (a.validFromNs < b.validFromNs ? -1 : 1));
    this.write("sheet", prices.id, prices.validFromNs, prices.currency, toJson(prices), setNs);
    return prices;
  }

  setting(name: "retention" | "anchor" | "head", value: unknown): void {
    this.write("setting", name, toJson(value));
  }

  /** Reads a setting; undefined where it was never set. */
  readSetting(name: "anchor" | "head"): { record: number; hash: string } | undefined {
    const row = this.#database.prepare("SELECT value FROM settings WHERE name = ?").get(name) as
      | { value: string }
      | undefined;
    return row && (JSON.parse(row.value) as { record: number; hash: string });
  }

  /** Whether the last record of a run is on disk. */
  hasEnded(containerId: string, runBootNs: bigint): boolean {
    return this.#statement("readEnd").get([containerId, runBootNs]) !== undefined;
  }

  /** A row of usage_hours. */
  readHour(hour: number, containerId: string): unknown {
    return this.#statement("readHour").get([hour, containerId]);
  }

  /**
   * Writes all that waits, in one transaction. False where the disk takes nothing: it waits on.
   * @param again tries a disk that took nothing the last time; otherwise what waits is left alone
   */
  flush(again = false): boolean {
    if (this.#pending.length === 0) return true;
    if (this.problem !== undefined && !again) return false;
    try {
      this.#commit();
    } catch (thrown) {
      if (isDamage(thrown)) {
        this.#replace();
        return this.#retry();
      }
      this.#wait(thrown);
      return false;
    }
    if (this.problem !== undefined) {
      this.problem = undefined;
      this.#onProblem("the usage ledger is written again; nothing was lost");
    }
    return true;
  }

  #retry(): boolean {
    try {
      this.#commit();
      return true;
    } catch (thrown) {
      this.#wait(thrown);
      return false;
    }
  }

  #commit(): void {
    const writes = this.#pending;
    const head = this.head;
    this.#inTransaction(() => {
      for (const { statement, parameters } of writes) this.#statement(statement).run(parameters);
      if (head.record !== this.#written.record) {
        const value = toJson({ record: head.record, hash: head.hash.toString("hex") });
        this.#statement("setting").run(["head", value]);
      }
    });
    this.#noteWritten();
    this.#pending = [];
    this.#written = head;
  }

  #noteWritten(): void {
    for (const id of this.#waitingOpen.keys()) this.#writtenOpen.add(id);
    this.#waitingOpen.clear();
  }

  /** SQLite ends a transaction by itself where the disk is full (lang_transaction.html): a ROLLBACK would hide why. */
  #inTransaction(act: () => void): void {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      act();
      this.#database.exec("COMMIT");
    } catch (thrown) {
      if (this.#database.inTransaction) this.#database.exec("ROLLBACK");
      throw thrown;
    }
  }

  #statement(name: StatementName): Statement {
    const statement = this.#statements[name] ?? (this.#database.prepare(sql[name]) as Statement);
    this.#statements[name] = statement;
    return statement;
  }

  #wait(thrown: unknown): void {
    const { message, errno = "" } = GranuleError.from(thrown);
    if (neverWritten.test(errno)) {
      this.#writeSingly();
      return;
    }
    if (this.problem === undefined) {
      this.#onProblem(
        `the usage ledger cannot be written: ${message}`,
        `metering goes on and is written later; make room on the disk of ${this.path}`,
      );
    }
    this.problem = message;
  }

  /** One write that can never succeed must not hold up all others: it is told, and they are made. */
  #writeSingly(): void {
    const writes = this.#pending;
    this.#pending = [];
    for (const { statement, parameters } of writes) {
      try {
        this.#statement(statement).run(parameters);
      } catch (thrown) {
        this.#onProblem(`a part of usage (${statement}) could not be written: ${GranuleError.from(thrown).message}`);
      }
    }
    this.#noteWritten();
    this.#written = this.head;
  }

  /** Called where a read finds damage: begins anew from memory. */
  replaceDamaged(): void {
    this.#replace();
    this.flush();
  }

  #replace(): void {
    this.#database.close();
    const aside = setAside(this.path);
    this.#statements = {};
    this.#database = openDatabase(this.path, ledgerKind).database;
    this.#onProblem(`the usage ledger was damaged and is kept as ${aside}; a new one was begun`, ledgerKind.damageHint);
    const waiting = this.#pending.filter(({ statement }) => statement === "record" || statement === "hour");
    this.#pending = [];
    this.#waitingOpen.clear();
    this.#writtenOpen.clear();
    for (const [tags, id] of this.#tagSets) this.write("tagSet", id, tags);
    for (const sheet of this.prices) {
      this.write("sheet", sheet.id, sheet.validFromNs, sheet.currency, toJson(sheet), sheet.validFromNs);
    }
    for (const segment of this.segments.values()) this.saveSegment(segment);
    for (const [key, budget] of this.budgets) {
      const [tag, value] = JSON.parse(key) as [string, string];
      this.write("budget", tag, value, budget);
    }
    this.setting("retention", this.retention);
    const { record, hash } = this.#written;
    this.setting("anchor", { record, hash: hash.toString("hex") });
    this.#pending.push(...waiting);
  }

  saveSegment(segment: Segment): void {
    const write: Write = { statement: "open", parameters: [segment.id, toJson(segment)] };
    this.#pending.push(write);
    this.#waitingOpen.set(segment.id, write);
  }

  /** Forgets an open segment: one that never reached the file is not written at all. */
  dropSegment(id: string): void {
    this.segments.delete(id);
    const waiting = this.#waitingOpen.get(id);
    if (waiting && !this.#writtenOpen.has(id)) this.#pending = this.#pending.filter((write) => write !== waiting);
    else this.write("unopen", id);
    this.#waitingOpen.delete(id);
    this.#writtenOpen.delete(id);
  }

  #load(): void {
    const all = <T>(query: string) => this.#database.prepare(query).all() as T[];
    for (const { id, tags } of all<{ id: number; tags: string }>("SELECT id, tags FROM tag_sets ORDER BY id")) {
      this.#tagSets.set(tags, id);
    }
    this.prices = all<{ sheet: string }>("SELECT sheet FROM price_sheets ORDER BY valid_from_ns, id").map(
      ({ sheet }) => fromJson(sheet) as Prices,
    );
    this.#lastSheet = Math.max(0, ...this.prices.map(({ id }) => id));
    for (const { segment } of all<{ segment: string }>("SELECT segment FROM open_segments")) {
      const open = fromJson(segment) as Segment;
      this.segments.set(open.id, open);
      this.#writtenOpen.add(open.id);
    }
    for (const row of all<{ tag: string; value: string; budget: string }>("SELECT * FROM tag_budgets")) {
      this.budgets.set(JSON.stringify([row.tag, row.value]), row.budget);
    }
    const [retention] = all<{ value: string }>("SELECT value FROM settings WHERE name = 'retention'");
    if (retention) this.retention = { ...defaultRetention, ...(JSON.parse(retention.value) as UsageRetention) };
    const [last] = all<{ record: number; hash: Buffer }>(
      "SELECT record, hash FROM usage_records ORDER BY record DESC LIMIT 1",
    );
    const anchor = this.readSetting("anchor");
    if (last) this.head = { record: last.record, hash: Buffer.from(last.hash) };
    else if (anchor) this.head = { record: anchor.record, hash: Buffer.from(anchor.hash, "hex") };
    this.#written = this.head;
  }

  /** Writes what waits and closes the file. What the disk does not take now, the next owner finds at the monitors. */
  close(): void {
    this.flush(true);
    this.#database.close();
  }
}

/** JSON with whole numbers of any size, as `"123n"`. */
function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) => (typeof each === "bigint" ? `${each}n` : each));
}

function fromJson(text: string): unknown {
  return JSON.parse(text, (key, each: unknown) =>
    typeof each === "string" && key !== "name" && key !== "image" && key !== "tags" && /^-?\d+n$/.test(each)
      ? BigInt(each.slice(0, -1))
      : each,
  ) as unknown;
}
