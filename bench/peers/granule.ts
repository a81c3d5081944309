import { execFileSync } from "node:child_process";
import { join } from "node:path";
import type { Container } from "../../src/api.js";
import { Runtime } from "../../src/index.js";
import type { Peer, PeerHost } from "./peer.js";

const image = "bench:latest";

/** granule in this process: the clock starts at the call in JavaScript, and the container has an overlay root. */
export async function granulePeer(host: PeerHost): Promise<Peer> {
  const archive = join(host.folder, "rootfs.tar");
  execFileSync("tar", ["-C", host.rootfs, "-cf", archive, "."]);
  const runtime = await Runtime.open({ root: join(host.folder, "granule"), state: join(host.folder, "granule-run") });
  await runtime.images.import(archive, { name: image, config: { cmd: ["/stamp"] } });

  async function once(): Promise<number> {
    const before = process.hrtime.bigint();
    const container = await runtime.containers.run({ image });
    const exit = await container.wait();
    const text = await output(container);
    if (exit.code !== 0) throw new Error(`the payload ended with ${exit.code ?? exit.signal}: ${text}`);
    await container.remove();
    return Number(BigInt(text) - before);
  }

  return {
    name: "granule",
    async batch(count) {
      const figures: number[] = [];
      while (figures.length < count) figures.push(await once());
      return figures;
    },
    close: () => runtime.close(),
  };
}

async function output(container: Container): Promise<string> {
  let text = "";
  for await (const line of container.logs()) text += Buffer.from(line.data).toString();
  return text;
}
