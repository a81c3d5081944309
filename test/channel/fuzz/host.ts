import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Container } from "../../../src/api.js";
import type { AuditEntry } from "../../../src/channel/principal.js";
import { type ChannelServer, serveChannel } from "../../../src/channel/server.js";
import { LEAST_SPARES } from "../../../src/runtime/spare-demand.js";
import { Fixture } from "../../runtime/fixture.js";
import { until } from "../served.js";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** What this process holds. */
export interface Held {
  memoryBytes: number;
  descriptors: number;
}

/** A served runtime with containers that run, and what must be as before once its callers are gone. */
export class Host implements AsyncDisposable {
  readonly fixture: Fixture;
  readonly server: ChannelServer;
  readonly containers: Container[];
  /** Containers that callers have made, and were told so. */
  made = 0;

  static async open(): Promise<Host> {
    const fixture = await Fixture.open({ spares: LEAST_SPARES });
    const containers = [await fixture.run("cat; echo over", { stdin: true }), await fixture.run("exec sleep 1000")];
    // Node opens what it watches files with at the first time, and keeps it.
    for await (const _ of (containers[1] as Container).logs({ follow: true, signal: AbortSignal.timeout(50) })) break;
    let host: Host | undefined;
    const audit = ({ method, outcome, replayed }: AuditEntry): void => {
      if (host === undefined || outcome !== "OK" || replayed) return;
      if (method === "containers.create" || method === "containers.run") host.made++;
    };
    const server = await serveChannel(fixture.runtime, { path: join(fixture.root, "fuzz.sock"), audit });
    host = new Host(fixture, server, containers);
    return host;
  }

  private constructor(fixture: Fixture, server: ChannelServer, containers: Container[]) {
    this.fixture = fixture;
    this.server = server;
    this.containers = containers;
  }

  get ids(): string[] {
    return this.containers.map(({ id }) => id);
  }

  /** Settles once no caller is left and what they asked for is done. */
  async settled(): Promise<void> {
    await until(() => this.server.connections === 0);
    for (let all = -1; all !== this.containers.length + this.made; ) {
      all = (await this.fixture.runtime.containers.list({ all: true })).length;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Removes what callers made and knew of. */
  async removeMade(): Promise<void> {
    for (const { id } of await this.fixture.runtime.containers.list({ all: true })) {
      if (this.ids.includes(id)) continue;
      await (await this.fixture.runtime.containers.get(id)).remove({ force: true });
    }
  }

  /** The states of the containers that nobody was to touch. */
  async states(): Promise<string[]> {
    return Promise.all(
      this.containers.map(async (container) => {
        const { state, pid, restarts } = await container.inspect();
        return `${state} ${pid} ${restarts}`;
      }),
    );
  }

  async held(): Promise<Held> {
    let least = Number.POSITIVE_INFINITY;
    // What is let go of goes in later turns of the event loop, and native memory with the collection after that.
    for (let fruitless = 0; fruitless < 5; fruitless++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      collectGarbage();
      const { heapUsed, external } = process.memoryUsage();
      if (heapUsed + external < least - 64 * 1024) fruitless = 0;
      least = Math.min(least, heapUsed + external);
    }
    return { memoryBytes: least, descriptors: readdirSync("/proc/self/fd").length };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close({ graceMs: 0 });
    await this.fixture.close();
  }
}
