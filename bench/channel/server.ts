import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Bench } from "../harness/question.js";
import type { Order, Reply } from "./serve.js";

/** A server in a process of its own, held to the first core. */
export class BenchServer {
  readonly socket: string;
  readonly #child: ChildProcess;
  #left = false;

  static async open(bench: Bench): Promise<BenchServer> {
    const folder = mkdtempSync(join(bench.folder, "server-"));
    const socket = join(folder, "bench.sock");
    const program = fileURLToPath(new URL("serve.js", import.meta.url));
    const env = { ...process.env, GRANULE_CGROUP: `granule-bench-${process.pid}` };
    const child = spawn("taskset", ["-c", "0", process.execPath, program, join(folder, "root"), socket], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      env,
    });
    const server = new BenchServer(child, socket);
    bench.defer(() => server.leave());
    await once(child, "message");
    return server;
  }

  private constructor(child: ChildProcess, socket: string) {
    this.#child = child;
    this.socket = socket;
  }

  /** Ids of containers that sleep. */
  async start(count: number): Promise<string[]> {
    return (await this.#ask({ start: count })) as string[];
  }

  /** Resident memory in bytes, after a collection of garbage. */
  async memoryBytes(): Promise<number> {
    return (await this.#ask("memory")) as number;
  }

  async #ask(order: Order): Promise<Reply> {
    this.#child.send(order);
    const [reply] = (await once(this.#child, "message")) as [Reply];
    return reply;
  }

  /** Removes its containers and ends it. */
  async leave(): Promise<void> {
    if (this.#left) return;
    this.#left = true;
    const exited = once(this.#child, "exit");
    await this.#ask("leave");
    await exited;
  }
}
