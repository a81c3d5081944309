/**
 * One owner of a ledger, driven by a world that outlives it: it answers each line on stdin with one on stdout, and may
 * be killed at any instant. `node kill-child.js LEDGER`.
 */
import { createInterface } from "node:readline";
import { Meter } from "../../src/meter/meter.js";
import type { Moment } from "../../src/meter/moment.js";
import type { Allocation } from "../../src/meter/segment.js";

interface Wire {
  wall: string;
  boot: string;
}

export type Order = { now: Wire } & (
  | { do: "begin"; of: Allocation; started: Wire }
  | { do: "resize"; of: Allocation; cpuUsec: number }
  | { do: "end"; of: Allocation; started: Wire; ended: Wire; cpuUsec: number }
  | { do: "tick"; counters: [id: string, cpuUsec: number][] }
);

const moment = ({ wall, boot }: Wire): Moment => ({ wallNs: BigInt(wall), bootNs: BigInt(boot) });

let now: Moment = { wallNs: 0n, bootNs: 0n };
const meter = new Meter({
  path: process.argv[2] ?? "",
  bootId: "simulated",
  now: () => now,
  onProblem: (message) => process.stderr.write(`${message}\n`),
});
process.stdout.write("ready\n");

for await (const line of createInterface(process.stdin)) {
  const order = JSON.parse(line) as Order;
  now = moment(order.now);
  if (order.do === "begin") meter.begin(order.of, moment(order.started));
  else if (order.do === "resize") meter.resize(order.of, order.cpuUsec);
  else if (order.do === "end") {
    const end = { started: moment(order.started), ended: moment(order.ended) };
    meter.end(order.of, end, { cpuUsec: order.cpuUsec }, "exit");
  } else {
    const absent = { rxBytes: Number.NaN, txBytes: Number.NaN, readBytes: Number.NaN, writeBytes: Number.NaN };
    const readings = order.counters.map(([id, usageUsec]) => ({
      id,
      counters: { usageUsec, memoryBytes: 1 << 20, memoryPeakBytes: 1 << 20, ...absent },
    }));
    meter.tick(readings, Number(now.wallNs) / 1e9);
  }
  process.stdout.write("done\n");
}
