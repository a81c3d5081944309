import type { ContainerState, CreateOptions, ExitStatus } from "../api.js";
import type { Behind } from "./behind.js";
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

/** The containers table. What `note` and `delete` change is written behind. */
export class ContainerStore {
  readonly #behind: Behind;
  readonly #database: Database;
  readonly #all;
  readonly #insert;
  readonly #update;
  readonly #updateOptions;
  readonly #delete;
  readonly #noted = new Map<string, ContainerRecord>();
  /** Those that are to be deleted, and their names. */
  readonly #deleted = new Set<string>();
  readonly #freed = new Set<string>();

  constructor(database: Database, behind: Behind) {
    this.#database = database;
    this.#behind = behind;
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
    if (this.#freed.has(record.name)) this.#behind.flush();
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
   * Writes what `update` does, a moment later, unless the container is deleted before: for what its monitor and its exit
   * record tell again, should this process end meanwhile.
   */
  note(record: ContainerRecord): void {
    this.#noted.set(record.id, record);
    this.#behind.soon();
  }

  /** Writes what was noted. */
  flush(): void {
    if (this.#noted.size + this.#deleted.size === 0) return;
    this.#database
      .transaction(() => {
        for (const id of this.#deleted) this.#delete.run(id);
        for (const record of this.#noted.values()) this.#write(record);
      })
      .immediate();
    this.#deleted.clear();
    this.#freed.clear();
    this.#noted.clear();
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

  /** Forgets a container, a moment later: that its folder is gone tells as much. */
  delete({ id, name }: ContainerRecord): void {
    this.#noted.delete(id);
    this.#deleted.add(id);
    this.#freed.add(name);
    this.#behind.soon();
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
