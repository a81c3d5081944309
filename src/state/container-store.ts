import type { ContainerState, CreateOptions, ExitStatus } from "../api.js";
import type { Database } from "./database.js";

/** What is kept about one container. */
export interface ContainerRecord {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly imageId: string;
  readonly createdAt: string;
  readonly command: string[];
  options: CreateOptions;
  state: ContainerState;
  /** What the user wants: recovery and the restart policy act on it. */
  desired: "running" | "stopped";
  pid?: number | undefined;
  monitorPid?: number | undefined;
  /** Start time of `pid` in clock ticks, which tells it from a later process of the same number. */
  startTicks?: number | undefined;
  restarts: number;
  startedAt?: string | undefined;
  finishedAt?: string | undefined;
  exit?: ExitStatus | undefined;
}

interface ContainerRow {
  id: string;
  name: string;
  image: string;
  image_id: string;
  state: ContainerState;
  desired: "running" | "stopped";
  options: string;
  command: string;
  pid: number | null;
  monitor_pid: number | null;
  start_ticks: number | null;
  restarts: number;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  exit: string | null;
}

/** How long the note of an end may wait: most containers are removed before, and then it is never written. */
const noteWithinMs = 20;
const retryNoteMs = 1000;

/** The containers table. */
export class ContainerStore {
  readonly #all;
  readonly #insert;
  readonly #update;
  readonly #updateOptions;
  readonly #delete;
  readonly #noted = new Map<string, ContainerRecord>();
  #waits = false;

  constructor(database: Database) {
    this.#all = database.prepare("SELECT * FROM containers ORDER BY created_at");
    this.#insert = database.prepare(
      `INSERT INTO containers(id, name, image, image_id, state, desired, options, command, created_at)
       VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#update = database.prepare(
      `UPDATE containers SET state = ?, desired = ?, pid = ?, monitor_pid = ?, start_ticks = ?, restarts = ?,
       started_at = ?, finished_at = ?, exit = ? WHERE id = ?`,
    );
    this.#updateOptions = database.prepare("UPDATE containers SET options = ? WHERE id = ?");
    this.#delete = database.prepare("DELETE FROM containers WHERE id = ?");
  }

  all(): ContainerRecord[] {
    return (this.#all.all() as ContainerRow[]).map(fromRow);
  }

  insert(record: ContainerRecord): void {
    this.#insert.run(
      record.id,
      record.name,
      record.image,
      record.imageId,
      record.state,
      record.desired,
      JSON.stringify(record.options),
      JSON.stringify(record.command),
      record.createdAt,
    );
  }

  /**
   * Writes what `update` does, a moment later, unless the container is deleted before: for what can be told again by an
   * exit record, should this process end meanwhile.
   */
  note(record: ContainerRecord): void {
    this.#noted.set(record.id, record);
    if (!this.#waits) this.#writeNotesIn(noteWithinMs);
  }

  #writeNotesIn(milliseconds: number): void {
    this.#waits = true;
    setTimeout(() => {
      this.#waits = false;
      try {
        this.flush();
      } catch {
        // A full disk: what is not written is still noted, and the next write that somebody waits for tells of it.
        this.#writeNotesIn(retryNoteMs);
      }
    }, milliseconds).unref();
  }

  /** Writes what was noted. */
  flush(): void {
    for (const record of this.#noted.values()) this.update(record);
  }

  /** Writes everything that changes while a container lives, save its options. */
  update(record: ContainerRecord): void {
    this.#write(record);
    this.#noted.delete(record.id);
  }

  #write(record: ContainerRecord): void {
    this.#update.run(
      record.state,
      record.desired,
      record.pid ?? null,
      record.monitorPid ?? null,
      record.startTicks ?? null,
      record.restarts,
      record.startedAt ?? null,
      record.finishedAt ?? null,
      record.exit === undefined ? null : JSON.stringify(record.exit),
      record.id,
    );
  }

  updateOptions(record: ContainerRecord): void {
    this.#updateOptions.run(JSON.stringify(record.options), record.id);
  }

  delete(id: string): void {
    this.#noted.delete(id);
    this.#delete.run(id);
  }
}

function fromRow(row: ContainerRow): ContainerRecord {
  return {
    id: row.id,
    name: row.name,
    image: row.image,
    imageId: row.image_id,
    createdAt: row.created_at,
    command: JSON.parse(row.command) as string[],
    options: JSON.parse(row.options) as CreateOptions,
    state: row.state,
    desired: row.desired,
    restarts: row.restarts,
    pid: row.pid ?? undefined,
    monitorPid: row.monitor_pid ?? undefined,
    startTicks: row.start_ticks ?? undefined,
    startedAt: row.started_at ?? undefined,
    finishedAt: row.finished_at ?? undefined,
    exit: row.exit === null ? undefined : (JSON.parse(row.exit) as ExitStatus),
  };
}
