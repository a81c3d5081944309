import type { Limits } from "../api.js";
import { GranuleError } from "../errors.js";
import { applyFirst, applyWrites } from "./apply.js";
import { type FinalCounters, readFinalCounters, readOomKills } from "./counters.js";
import { removeCgroup, tryRemoveCgroup } from "./directories.js";
import { awaitEvent, isPopulated } from "./events.js";
import { errnoOf, keyedNumber, numberOf, readControl, readPids, writeControl } from "./files.js";
import type { CgroupHost } from "./host.js";
import { type ControlWrite, limitWrites } from "./limits.js";
import { type CgroupPaths, directoryOf } from "./paths.js";

/** How long freezing may take; a process in an uninterruptible sleep cannot be frozen. */
const freezeMilliseconds = 10_000;

/** How long processes that were sent SIGKILL may take to be gone. */
const killMilliseconds = 10_000;

/** What a container's cgroup needs of the subtree it is in. */
export interface Subtree {
  readonly host: CgroupHost;
  /** Makes the v1 cgroups that writes need and that are not there yet; gives all of the container's. */
  directoriesFor(id: string, writes: readonly ControlWrite[], paths: CgroupPaths): CgroupPaths;
  /** Sums up again what containers were promised by memory.low. */
  shareProtection(): void;
}

/** The cgroup of one container. Synchronous where a few small files are all there is to it. */
export class ContainerCgroup {
  readonly id: string;
  readonly #tree: Subtree;
  #paths: CgroupPaths;
  #limits: Limits;

  /** Made by CgroupTree alone. */
  constructor(tree: Subtree, id: string, paths: CgroupPaths, limits: Limits) {
    this.id = id;
    this.#tree = tree;
    this.#paths = paths;
    this.#limits = limits;
  }

  /** The v2 cgroup: processes are cloned into it. */
  get unified(): string {
    return this.#paths.unified;
  }

  /** The v1 cgroups to join before exec; each costs an RCU grace period (5-30 ms). */
  get joins(): string[] {
    const { unified: _, ...v1 } = this.#paths;
    return [...new Set(Object.values(v1))];
  }

  /** The folders the sampler reads, in the form of SamplerTarget. */
  get samplerPaths(): Omit<CgroupPaths, "cpuset"> {
    const { cpuset: _, ...read } = this.#paths;
    return read;
  }

  /** The limits in force. */
  get limits(): Limits {
    return this.#limits;
  }

  /**
   * Sets the limits of a cgroup that was made without any, before the container's program runs in it.
   * @throws GranuleError INVALID_ARGUMENT, UNSUPPORTED
   */
  limit(limits: Limits): void {
    const writes = limitWrites(limits, this.#tree.host);
    this.#limits = limits;
    this.#paths = this.#tree.directoriesFor(this.id, writes, this.#paths);
    applyFirst(writes, (write) => directoryOf(this.#paths, write.controller));
    if (limits.memoryLow !== undefined) this.#tree.shareProtection();
  }

  /**
   * Changes limits in place; what is not named stays. Where a write fails, those before it are taken back.
   * @throws GranuleError INVALID_ARGUMENT, UNSUPPORTED; FAILED_PRECONDITION where the container uses more memory than
   *   asked, or where memory on cgroup v1 was not limited from the start
   */
  update(next: Limits): void {
    const writes = limitWrites(next, this.#tree.host, this.#limits);
    if (next.memory !== undefined) this.#checkMemory(next.memory);
    const wasJoined = new Set(this.joins);
    const paths = this.#tree.directoriesFor(this.id, writes, this.#paths);
    applyWrites(writes, (write) => directoryOf(paths, write.controller));
    this.#paths = paths;
    for (const path of this.joins) if (!wasJoined.has(path)) this.#moveInto(path);
    this.#limits = { ...this.#limits, ...next };
    if (next.memoryLow !== undefined) this.#tree.shareProtection();
  }

  #checkMemory(bytes: number): void {
    if (this.#tree.host.bindings.memory.version === "v1") {
      if (this.#paths.memory !== undefined || !this.populated) return;
      throw new GranuleError("FAILED_PRECONDITION", "the container was started without a memory limit", {
        hint: "cgroup v1 does not count what a process has already; start the container with a limit",
      });
    }
    const current = numberOf(readControl(`${this.unified}/memory.current`));
    if (current === undefined || current <= bytes) return;
    // The kernel would kill rather than refuse: page cache can be given back, the rest cannot.
    const stat = readControl(`${this.unified}/memory.stat`);
    const cache = (keyedNumber(stat, "inactive_file") ?? 0) + (keyedNumber(stat, "active_file") ?? 0);
    if (current - cache <= bytes) return;
    const message = `the container uses ${current - cache} bytes of memory that cannot be given back`;
    throw new GranuleError("FAILED_PRECONDITION", message, { hint: "ask for more, or end what uses it" });
  }

  /** Moves the running processes; those forked meanwhile are found by looking again until nobody is new. */
  #moveInto(path: string): void {
    const moved = new Set<number>();
    for (;;) {
      const fresh = readPids(this.unified).filter((pid) => !moved.has(pid));
      if (fresh.length === 0) return;
      for (const pid of fresh) {
        moved.add(pid);
        try {
          writeControl(`${path}/cgroup.procs`, String(pid));
        } catch (thrown) {
          if (errnoOf(thrown) !== "ESRCH") throw thrown;
        }
      }
    }
  }

  /** Stops every process; settles when all are stopped. */
  async freeze(): Promise<void> {
    writeControl(`${this.unified}/cgroup.freeze`, "1");
    try {
      await awaitEvent(this.unified, "frozen", 1, freezeMilliseconds);
    } catch (thrown) {
      writeControl(`${this.unified}/cgroup.freeze`, "0");
      throw thrown;
    }
  }

  /** Lets every process go on. */
  async thaw(): Promise<void> {
    writeControl(`${this.unified}/cgroup.freeze`, "0");
    await awaitEvent(this.unified, "frozen", 0, freezeMilliseconds);
  }

  /** Sends SIGKILL to every process, those that fork meanwhile too; does not wait. A cgroup that is gone is fine. */
  kill(): void {
    try {
      writeControl(`${this.unified}/cgroup.kill`, "1");
    } catch (thrown) {
      if (errnoOf(thrown) === "ENODEV") return;
      if (errnoOf(thrown) !== "ENOENT") throw thrown;
      this.#killEach();
    }
  }

  /** Before Linux 5.14: look again until nobody is new, since a process may fork between the look and its signal. */
  #killEach(): void {
    const killed = new Set<number>();
    for (;;) {
      const fresh = readPids(this.unified).filter((pid) => !killed.has(pid));
      if (fresh.length === 0) return;
      for (const pid of fresh) {
        killed.add(pid);
        try {
          process.kill(pid, "SIGKILL");
        } catch (thrown) {
          if (errnoOf(thrown) !== "ESRCH") throw thrown;
        }
      }
    }
  }

  /** Whether a process is in it. */
  get populated(): boolean {
    return isPopulated(this.unified);
  }

  /** Settles when no process is left. @throws GranuleError DEADLINE_EXCEEDED */
  waitEmpty(timeoutMilliseconds = killMilliseconds): Promise<void> {
    return awaitEvent(this.unified, "populated", 0, timeoutMilliseconds);
  }

  /** Processes ended by the OOM killer; undefined where the host does not count them for this container. */
  oomKills(): number | undefined {
    return readOomKills(this.#paths);
  }

  /** The counters, read now; to be read before `remove`. */
  finalCounters(): FinalCounters {
    return readFinalCounters(this.#paths);
  }

  /** Removes the cgroup everywhere where no process is left in it, and no cgroup below it. */
  removeIfEmpty(): boolean {
    for (const path of [...this.joins, this.unified]) if (!tryRemoveCgroup(path)) return false;
    if (this.#limits.memoryLow !== undefined) this.#tree.shareProtection();
    return true;
  }

  /** Waits until no process is left, then removes the cgroup everywhere, with those that were made below it. */
  async remove(): Promise<void> {
    await this.waitEmpty();
    for (const path of [...this.joins, this.unified]) await removeCgroup(path);
    if (this.#limits.memoryLow !== undefined) this.#tree.shareProtection();
  }
}
