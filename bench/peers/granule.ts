import { execFileSync } from "node:child_process";
import { join } from "node:path";
import type { Attachment, Container, CreateOptions, Runtime } from "../../src/api.js";
import { openRuntime } from "../../src/runtime/runtime.js";
import { type Peer, type PeerHost, payload, type StartTimes, type StepTimes } from "./peer.js";

/** The name of the image that the shared root file system became. */
export const benchImage = "bench:latest";

/** A runtime in this process, on folders of this question's own, with the shared root file system as an image. */
export async function openGranule(host: PeerHost): Promise<Runtime> {
  const archive = join(host.folder, "rootfs.tar");
  execFileSync("tar", ["-C", host.rootfs, "-cf", archive, "."]);
  const runtime = await openRuntime({ root: join(host.folder, "granule"), state: join(host.folder, "granule-run") });
  host.bench.defer(() => runtime.close());
  await runtime.images.import(archive, { name: benchImage, config: { cmd: [payload, "stamp"] } });
  return runtime;
}

const now = (): bigint => process.hrtime.bigint();
const since = (before: bigint, after: bigint): number => Number(after - before);

/** granule in this process: the clock starts at the call in JavaScript. */
export class GranulePeer implements Peer {
  readonly key: string = "granule";
  readonly name: string = "granule";
  readonly does: string =
    "called from JavaScript; overlay root mounted inside the clock; log, record of the exit, database, metering";
  readonly #runtime: Runtime;
  readonly #options: CreateOptions;
  #standing: Container | undefined;

  constructor(runtime: Runtime, host: Pick<PeerHost, "limits">) {
    this.#runtime = runtime;
    this.#options = { image: benchImage, ...host.limits };
  }

  async starts(count: number): Promise<StartTimes[]> {
    const times: StartTimes[] = [];
    while (times.length < count) times.push(await this.#start());
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
    return since(before, now());
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
