import { readFileSync } from "node:fs";
import type { HostInfo, Runtime, RuntimeEvent, Sample, Usage, WarmOptions } from "../api.js";
import { awaitEvent } from "../cgroup/events.js";
import { CgroupTree } from "../cgroup/tree.js";
import { GranuleError } from "../errors.js";
import { ImageStore } from "../image/store.js";
import { Behind } from "../state/behind.js";
import { CallStore } from "../state/call-store.js";
import { ContainerStore } from "../state/container-store.js";
import { type Database, openDatabase } from "../state/database.js";
import { Directories, type DirectoryOptions } from "../state/directories.js";
import { OwnerLock } from "../state/lock.js";
import { Bursts } from "./bursts.js";
import { LocalContainers } from "./containers.js";
import { EventLog, type EventReadOptions } from "./events.js";
import { hostInfo } from "./host-info.js";
import { RuntimeImages } from "./images.js";
import { LiveMetering } from "./live-metering.js";
import { recover } from "./recovery.js";
import type { Services } from "./services.js";
import { type SpareRange, spareRange } from "./spare-demand.js";
import { Spares } from "./spares.js";
import { LocalTokens } from "./tokens.js";
import { Trash } from "./trash.js";

/** How long a monitor may take to leave once it has told the end. */
const monitorsLeaveMs = 3000;

export interface RuntimeOptions extends DirectoryOptions {
  /**
   * Containers prepared ahead, each of which holds about 1 MiB of memory: exactly so many, or in a range as many as the
   * largest burst of the last five minutes took. 4 to 64 unless told, fewer on a small host; 0 switches it off.
   */
  spares?: number | Partial<SpareRange>;
}

/**
 * Opens the runtime of this host, and takes up every container that an earlier owner left. A state directory has one
 * owner at a time.
 *
 * @throws GranuleError FAILED_PRECONDITION naming the owner, where there is one; PERMISSION_DENIED where not root
 */
export async function openRuntime(options: RuntimeOptions = {}): Promise<LocalRuntime> {
  const spares = spareRange(options.spares);
  const directories = new Directories(options);
  directories.create();
  const owner = { pid: process.pid, socket: directories.controlSocket };
  const lock = OwnerLock.acquire([directories.root, directories.state], owner);
  try {
    const cgroups = new CgroupTree();
    cgroups.prepare();
    const { database, warning } = openDatabase(directories.database);
    if (warning) process.emitWarning(warning.message, { type: "GranuleWarning", detail: warning.hint });
    try {
      return await LocalRuntime.recovered({ directories, lock, cgroups, database, spares });
    } catch (thrown) {
      database.close();
      throw thrown;
    }
  } catch (thrown) {
    lock[Symbol.dispose]();
    throw GranuleError.from(thrown);
  }
}

interface Holdings {
  directories: Directories;
  lock: OwnerLock;
  cgroups: CgroupTree;
  database: Database;
  spares: SpareRange;
}

/** The runtime in this process. */
export class LocalRuntime implements Runtime {
  readonly containers: LocalContainers;
  readonly images: RuntimeImages;
  /** What came of calls with an idempotency key, for a channel that serves this runtime. */
  readonly calls: CallStore;
  readonly tokens: LocalTokens;
  readonly usage: Usage;
  readonly #holdings: Holdings;
  readonly #services: Services;
  #closing: Promise<void> | undefined;

  private constructor(holdings: Holdings) {
    const { directories, database, cgroups } = holdings;
    const events = new EventLog();
    const images = new RuntimeImages(new ImageStore(directories.root, database), events, {
      usedBy: (id) => this.containers.usersOf(id),
      gone: (id) => void this.containers.dropWarm(id),
    });
    const warn: Services["warn"] = (what, thrown) => {
      const { message, hint } = GranuleError.from(thrown);
      process.emitWarning(`${what}: ${message}`, {
        type: "GranuleWarning",
        ...(hint === undefined ? {} : { detail: hint }),
      });
    };
    const metering = new LiveMetering({
      path: directories.ledger,
      warn,
      onExhausted: (id, reason) => this.containers.exhaust(id, reason),
      onPending: () => behind.soon(),
    });
    // The exit record in a container's folder tells all again, until that is deleted.
    const behind = new Behind(() => {
      metering.flush();
      store.flush();
      trash.flush();
    });
    const store = new ContainerStore(database, behind);
    const bursts = new Bursts();
    const trash = new Trash(directories.trash, bursts, behind);
    this.#services = {
      directories,
      cgroups,
      events,
      metering,
      store,
      trash,
      bursts,
      behind,
      spares: new Spares({ directories, cgroups, trash, bursts, warn }, holdings.spares),
      resolveImage: (nameOrId) => images.resolve(nameOrId),
      warn,
    };
    this.#holdings = holdings;
    this.images = images;
    this.calls = new CallStore(database);
    this.containers = new LocalContainers(this.#services);
    this.tokens = new LocalTokens(database);
    this.usage = metering.usage;
  }

  static async recovered(holdings: Holdings): Promise<LocalRuntime> {
    const runtime = new LocalRuntime(holdings);
    await runtime.images.addBase();
    await recover(runtime.containers, runtime.#services);
    return runtime;
  }

  async info(): Promise<HostInfo> {
    return hostInfo(version(), this.#holdings.directories, this.#holdings.cgroups);
  }

  warm(options: WarmOptions): Promise<void> {
    return this.containers.keepWarm(options);
  }

  /** Settles once the spares are made, so that the next starts find all of them: for whoever expects many at once. */
  prepared(): Promise<void> {
    return this.#services.spares.filled();
  }

  events(options?: EventReadOptions): AsyncIterable<RuntimeEvent> {
    return this.#services.events.read(options);
  }

  samples(options: { signal?: AbortSignal } = {}): AsyncIterable<Sample> {
    return this.#services.metering.samples(options);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.containers.detach();
    this.#services.metering.close();
    this.#services.events.close();
    await this.containers.dropWarm();
    await this.#services.spares.close();
    this.#services.behind.flush();
    this.#services.bursts.cut();
    await this.#services.trash.drain();
    this.#holdings.database.close();
    await this.#leaveCgroups();
    this.#holdings.lock[Symbol.dispose]();
  }

  /** The last monitors are on their way out when their containers are gone. */
  async #leaveCgroups(): Promise<void> {
    const { cgroups } = this.#holdings;
    if (cgroups.list().length > 0) return;
    try {
      await awaitEvent(cgroups.monitors, "populated", 0, monitorsLeaveMs);
    } catch (thrown) {
      // One that stays belongs to another owner's container, and so does the subtree.
      if (!(thrown instanceof GranuleError && thrown.code === "DEADLINE_EXCEEDED")) throw thrown;
      return;
    }
    cgroups.removeIfEmpty();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

let knownVersion: string | undefined;

function version(): string {
  knownVersion ??= (
    JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8")) as { version: string }
  ).version;
  return knownVersion;
}
