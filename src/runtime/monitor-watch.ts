import { setTimeout as delay } from "node:timers/promises";
import { GranuleError } from "../errors.js";
import { type NativeEnd, native } from "../native.js";
import type { Bursts } from "./bursts.js";
import { type ExitRecord, readExitRecord } from "./exit.js";
import { MonitorClient, MonitorGone } from "./monitor-client.js";
import { isAlive } from "./process.js";

/**
 * How a monitor's process ended: as recorded, or `unknown` where nobody saw it. `told`: the monitor said so itself, and
 * its socket is gone.
 */
export type ProcessEnd = (ExitRecord & { told?: boolean }) | { kind: "unknown"; reason: string };

const retryMs = 50;
const retries = 20;

/**
 * Waits for the end of a monitor's process: by what its monitor tells whoever started it, and over a connection where
 * another owner did. Where the monitor is gone, its record tells; where there is none the end is unknown, and not made up.
 */
export class MonitorWatch {
  /** Settles with the end; never after `detach`. */
  readonly ended: Promise<ProcessEnd>;
  readonly #socketPath: string;
  readonly #recordPath: string;
  readonly #monitorPid: number;
  readonly #end: NativeEnd | undefined;
  readonly #bursts: Bursts;
  #client: MonitorClient | undefined;
  #detached = false;

  constructor(bursts: Bursts, socketPath: string, recordPath: string, monitorPid: number, end?: NativeEnd) {
    this.#bursts = bursts;
    this.#end = end;
    this.#socketPath = socketPath;
    this.#recordPath = recordPath;
    this.#monitorPid = monitorPid;
    this.ended = this.#watch();
  }

  /** Lets go; the process runs on. */
  detach(): void {
    this.#detached = true;
    this.#client?.close();
    if (this.#end) native().leaveEnd(this.#end);
  }

  async #watch(): Promise<ProcessEnd> {
    const end = this.#end;
    const told = end && (await native().awaitEnd(end));
    // Its monitor stays until then, and with it the network namespace, which takes longest to dismantle.
    if (end) this.#bursts.afterwards(() => native().leaveEnd(end));
    if (told) {
      const { counters, ...exit } = told;
      return { kind: "exit", exit, counters, told: true };
    }
    for (let attempt = 0; ; attempt++) {
      const end = await this.#listen();
      if (end) return end;
      if (this.#detached) return new Promise(() => undefined);
      const record = readExitRecord(this.#recordPath);
      if (record) return record;
      if (attempt >= retries || !isAlive(this.#monitorPid)) {
        return { kind: "unknown", reason: "its monitor ended without a record of the exit" };
      }
      await delay(retryMs);
    }
  }

  async #listen(): Promise<ProcessEnd | undefined> {
    try {
      const client = await MonitorClient.connect(this.#socketPath);
      this.#client = client;
      if (this.#detached) client.close();
      const exit = await client.wait();
      client.close();
      // Neither code nor signal: the start failed, and the record says how.
      if (exit.code === undefined && exit.signal === undefined) return undefined;
      // The record is on disk before anybody is told, and it alone has the last counters.
      const record = readExitRecord(this.#recordPath);
      return { kind: "exit", exit, counters: record?.kind === "exit" ? record.counters : {} };
    } catch (thrown) {
      this.#client?.close();
      if (thrown instanceof MonitorGone) return undefined;
      // A refusal of Wait means a process that never ran: the record has the step.
      return thrown instanceof GranuleError ? { kind: "unknown", reason: thrown.message } : undefined;
    }
  }
}
