/** The server that is measured: `node serve.js ROOT SOCKET`, told by IPC to start containers and to say what it uses. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { serveChannel } from "../../src/channel/server.js";
import { openRuntime } from "../../src/runtime/runtime.js";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

export type Order = { start: number } | "memory" | "leave";
/** Ids of the containers that were started, or bytes of resident memory. */
export type Reply = string[] | number;

const [root = "", socket = ""] = process.argv.slice(2);
const runtime = await openRuntime({ root });
const server = await serveChannel(runtime, { path: socket });

async function obey(order: Order): Promise<Reply> {
  if (order === "memory") {
    collectGarbage();
    return process.memoryUsage().rss;
  }
  if (order === "leave") {
    for (const { id } of await runtime.containers.list({ all: true })) {
      await (await runtime.containers.get(id)).remove({ force: true });
    }
    await server.close({ graceMs: 0 });
    await runtime.close();
    return [];
  }
  const ids: string[] = [];
  for (let count = 0; count < order.start; count++) {
    const options = { image: "granule/base:latest", command: ["sleep", "100000"], tags: { team: "bench" } };
    ids.push((await runtime.containers.run(options)).id);
  }
  return ids;
}

process.on("message", (order: Order) => {
  void obey(order).then((reply) => {
    process.send?.(reply, () => {
      if (order === "leave") process.disconnect();
    });
  });
});
process.send?.([]);
