import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Runtime } from "../../src/api.js";
import { type ConnectOptions, connect } from "../../src/channel/connect.js";
import { type ChannelServer, type ServeOptions, serveChannel } from "../../src/channel/server.js";
import { FakeRuntime } from "./fake-runtime.js";

/** A fake runtime, served, and a client of it. */
export interface Served extends AsyncDisposable {
  runtime: FakeRuntime;
  server: ChannelServer;
  client: Runtime;
  url: string;
}

export async function served(
  options: Partial<ServeOptions> & Pick<ConnectOptions, "encoding" | "reconnect"> = {},
): Promise<Served> {
  const { encoding = "cbor", reconnect = false, ...serving } = options;
  const folder = mkdtempSync(join(tmpdir(), "granule-channel-"));
  const runtime = new FakeRuntime();
  const server = await serveChannel(runtime, { path: join(folder, "s.sock"), ...serving });
  const url = `unix:${server.path}`;
  const client = await connect(url, { encoding, reconnect });
  return {
    runtime,
    server,
    client,
    url,
    [Symbol.asyncDispose]: async () => {
      await client.close();
      await server.close({ graceMs: 0 });
      rmSync(folder, { recursive: true });
    },
  };
}

/** Takes `count` items and leaves. */
export async function take<T>(source: AsyncIterable<T>, count: number): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) if (items.push(item) === count) break;
  return items;
}

/** Reads to the end. */
export async function drain<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

/** Waits, turn by turn of the event loop, until a condition holds. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise<void>((resolve) => setTimeout(resolve, 1));
}
