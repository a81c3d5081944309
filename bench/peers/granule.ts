import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Attachment, Container, CreateOptions } from "../../src/api.js";
import { detectCgroupHost } from "../../src/cgroup/host.js";
import { type LocalRuntime, openRuntime } from "../../src/runtime/runtime.js";
import { type Peer, type PeerHost, payload, type StartTimes, type StepTimes } from "./peer.js";

/** The name of the image that the shared root file system became. */
export const benchImage = "bench:latest";

/**
 * A runtime in this process, on folders of this question's own, with the shared root file system as an image. `spares` as
 * RuntimeOptions has it.
 */
export async function openGranule(host: PeerHost, spares?: number): Promise<LocalRuntime> {
  const name = spares === undefined ? "granule" : `granule-${spares}`;
  const archive = join(host.folder, `${name}.tar`);
  execFileSync("tar", ["-C", host.rootfs, "-cf", archive, "."]);
  const runtime = await openRuntime({
    root: join(host.folder, name),
    state: join(host.folder, `${name}-run`),
    ...(spares === undefined ? {} : { spares }),
  });
  host.bench.defer(() => runtime.close());
  await runtime.images.import(archive, { name: benchImage, config: { cmd: [payload, "stamp"] } });
  return runtime;
}

const now = (): bigint => process.hrtime.bigint();
const since = (before: bigint, after: bigint): number => Number(after - before);

/** What there is of a container before it is asked for. */
export type Prepared = "nothing" | "spares" | "pool" | "warm";

/** Spares kept whatever was asked for before: more than `throughput` starts for one value. */
export const POOL = 64;

const preparations: Record<Prepared, { key: string; name: string; does: string }> = {
  nothing: {
    key: "granule-unprepared",
    name: "granule, nothing made ahead",
    does: "everything inside the clock, the overlay root too",
  },
  spares: {
    key: "granule",
    name: "granule",
    does: "as many spares as the largest burst before (4 to 64): namespaces, /proc, /dev and /sys made ahead, for any container; overlay root mounted inside the clock",
  },
  pool: {
    key: "granule-pooled",
    name: `granule, ${POOL} spares`,
    does: `so many spares always; overlay root mounted inside the clock`,
  },
  warm: {
    key: "granule-warm",
    name: "granule, warm slot",
    does: "all made ahead for this image and these limits, but the exec",
  },
};

/** The kernel dismantles the network namespaces of monitors that have left within so long. */
const settledMs = 20;

/** Warm slots kept: some more than are started one after another. */
const SLOTS = 16;

/** granule in this process: the clock starts at the call in JavaScript. */
export class GranulePeer implements Peer {
  readonly key: string;
  readonly name: string;
  readonly does: string;
  readonly #runtime: LocalRuntime;
  readonly #options: CreateOptions;
  readonly #slots: number;
  #standing: Container | undefined;

  constructor(runtime: LocalRuntime, host: Pick<PeerHost, "limits">, prepared: Prepared = "spares") {
    const { key, name, does } = preparations[prepared];
    this.key = key;
    this.name = name;
    this.does = `called from JavaScript; ${does}; log, record of the exit, database, metering`;
    this.#runtime = runtime;
    this.#slots = prepared === "warm" ? SLOTS : 0;
    // A shape of its own, so that no other peer on the same runtime takes the slots.
    this.#options = { image: benchImage, ...host.limits, ...(prepared === "warm" ? { env: ["WARM=1"] } : {}) };
  }

  async starts(count: number): Promise<StartTimes[]> {
    if (this.#slots > 0) await this.#runtime.warm({ ...this.#options, count: this.#slots });
    const times: StartTimes[] = [];
    while (times.length < count) times.push(await this.#start());
    await this.#settled();
    return times;
  }

  async #start(): Promise<StartTimes> {
    const before = now();
    const container = await this.#runtime.containers.run(this.#options);
    const exit = await container.wait();
    const after = now();
    const stamp = await stampOf(container);
    if (exit.code !== 0) throw new Error(`granule: the payload ended with ${exit.code ?? exit.signal ?? exit.reason}`);
    await container.remove();
    return { firstInstructionNs: since(before, stamp), exitSeenNs: since(before, after) };
  }

  async steps(count: number): Promise<StepTimes[]> {
    const times: StepTimes[] = [];
    while (times.length < count) {
      const before = now();
      const container = await this.#runtime.containers.create(this.#options);
      const created = now();
      await container.start();
      await container.wait();
      const stamp = await stampOf(container);
      const ended = now();
      await container.remove();
      times.push({
        createNs: since(before, created),
        startNs: since(created, stamp),
        deleteNs: since(ended, now()),
      });
    }
    return times;
  }

  async parallel(count: number, lanes: number): Promise<number> {
    let left = count;
    const lane = async (): Promise<void> => {
      while (left-- > 0) {
        const container = await this.#runtime.containers.run(this.#options);
        await container.wait();
        await container.remove();
      }
    };
    const before = now();
    await Promise.all(Array.from({ length: lanes }, lane));
    const taken = since(before, now());
    await this.#settled();
    return taken;
  }

  /** What is done ahead and behind is done in nobody else's turn. */
  async #settled(): Promise<void> {
    await this.#runtime.prepared();
    const { base, name } = detectCgroupHost();
    const monitors = (): string => readFileSync(`${base}/${name}/monitors/cgroup.procs`, "latin1");
    let before: string;
    do {
      before = monitors();
      await delay(settledMs);
    } while (monitors() !== before);
  }

  async execs(count: number): Promise<StartTimes[]> {
    this.#standing ??= await this.#runtime.containers.run({ ...this.#options, command: [payload, "pause"] });
    const times: StartTimes[] = [];
    while (times.length < count) {
      const before = now();
      await using attachment = await this.#standing.exec({ command: [payload, "stamp"] });
      const text = await outputOf(attachment);
      await attachment.wait();
      const after = now();
      times.push({ firstInstructionNs: since(before, BigInt(text)), exitSeenNs: since(before, after) });
    }
    return times;
  }

  async close(): Promise<void> {
    if (this.#slots > 0) await this.#runtime.warm({ ...this.#options, count: 0 });
    await this.#standing?.remove({ force: true });
  }
}

async function stampOf(container: Container): Promise<bigint> {
  let text = "";
  for await (const line of container.logs()) text += Buffer.from(line.data).toString();
  return BigInt(text);
}

async function outputOf(attachment: Attachment): Promise<string> {
  let text = "";
  for await (const { data } of attachment.output) text += Buffer.from(data).toString();
  return text.trim();
}
