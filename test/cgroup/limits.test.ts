import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Limits } from "../../src/api.js";
import type { CgroupHost } from "../../src/cgroup/host.js";
import { limitWrites } from "../../src/cgroup/limits.js";
import { type ErrorCode, GranuleError } from "../../src/errors.js";

const MiB = 1024 * 1024;
const v2 = { version: "v2" } as const;
const v1 = (controller: string) => ({ version: "v1", mount: `/sys/fs/cgroup/${controller}` }) as const;

const unified: CgroupHost = {
  mode: "unified",
  bindings: { cpu: v2, cpuset: v2, memory: v2, pids: v2, io: v2 },
  unifiedMount: "/sys/fs/cgroup",
  base: "/sys/fs/cgroup",
  delegated: false,
  name: "granule",
  cpus: [0, 1, 2, 3],
};
const hybrid: CgroupHost = {
  ...unified,
  mode: "hybrid",
  bindings: { cpu: v1("cpu"), cpuset: v1("cpuset"), memory: v1("memory"), pids: v1("pids"), io: v1("blkio") },
};

const lines = (limits: Limits, host: CgroupHost, current?: Limits) =>
  limitWrites(limits, host, current).map(({ file, value }) => `${file} ${value}`);

const refused = (limits: Limits, host: CgroupHost, code: ErrorCode, ...words: string[]) => {
  assert.throws(
    () => limitWrites(limits, host),
    (thrown: unknown) =>
      thrown instanceof GranuleError &&
      thrown.code === code &&
      words.every((word) => `${thrown.message} ${thrown.hint ?? ""}`.includes(word)),
    `${JSON.stringify(limits)} is ${code}`,
  );
};

const test = suite("cgroup limits");

test("cpus on v2 is an exact quota and a weight in proportion", () => {
  assert.equal(lines({ cpus: 0.5 }, unified), ["cpu.weight 50", "cpu.max 50000 100000"]);
  assert.equal(lines({ cpus: 0.01 }, unified), ["cpu.weight 1", "cpu.max 1000 100000"]);
  assert.equal(lines({ cpus: 4 }, unified), ["cpu.weight 400", "cpu.max 400000 100000"]);
});

test("cpus on v1 is a quota and shares", () => {
  assert.equal(lines({ cpus: 0.5 }, hybrid), ["cpu.shares 512", "cpu.cfs_period_us 100000", "cpu.cfs_quota_us 50000"]);
});

test("memory on v2 switches swap off and kills as a group", () => {
  const wanted = ["memory.swap.max 0", "memory.oom.group 1", `memory.max ${64 * MiB}`];
  assert.equal(lines({ memory: 64 * MiB }, unified), wanted);
});

test("memory on v1 keeps limit <= memsw at every step, up and down", () => {
  const files = (next: number, current?: number) =>
    limitWrites({ memory: next * MiB }, hybrid, current ? { memory: current * MiB } : {}).map(({ file }) => file);
  const limitFirst = ["memory.swappiness", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes"];
  const memswFirst = ["memory.swappiness", "memory.memsw.limit_in_bytes", "memory.limit_in_bytes"];
  assert.equal(files(64), limitFirst);
  assert.equal(files(32, 64), limitFirst);
  assert.equal(files(128, 64), memswFirst);
});

test("the rest of the table on v2", () => {
  assert.equal(
    lines({ memoryHigh: 32 * MiB, memoryLow: 16 * MiB, pids: 20, cpuset: "3,0-1", ioWeight: 250 }, unified),
    [`memory.high ${32 * MiB}`, `memory.low ${16 * MiB}`, "pids.max 20", "cpuset.cpus 0-1,3", "io.weight default 250"],
  );
});

test("a burst is lifted while the quota changes, since the kernel refuses a quota below it", () => {
  const current = { cpus: 1, cpuBurstUsec: 40_000 };
  assert.equal(lines({ cpus: 0.5 }, unified, current), [
    "cpu.weight 50",
    "cpu.max.burst 0",
    "cpu.max 50000 100000",
    "cpu.max.burst 40000",
  ]);
});

test("spot takes no weight, and leaving it gives the weight back", () => {
  assert.equal(lines({ cpus: 1, spot: true }, unified), ["cpu.idle 1", "cpu.max 100000 100000"]);
  assert.equal(lines({ spot: false }, unified, { cpus: 1, spot: true }), ["cpu.idle 0", "cpu.weight 100"]);
  assert.equal(lines({ spot: false }, unified), []);
});

test("values that the host cannot have are refused", () => {
  for (const cpus of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 0.001, 4.5]) {
    refused({ cpus }, unified, "INVALID_ARGUMENT", "cpus");
  }
  for (const memory of [0, -1, 1.5, Number.NaN, 6 * MiB - 1])
    refused({ memory }, unified, "INVALID_ARGUMENT", "memory");
  for (const pids of [0, -1, 2.5, 5_000_000]) refused({ pids }, unified, "INVALID_ARGUMENT", "pids");
  for (const cpuset of ["", "4", "0-9", "1-0", "a", "0;1", "0-99999999"]) {
    refused({ cpuset }, unified, "INVALID_ARGUMENT", "CPU");
  }
  refused({ cpuBurstUsec: 1000 }, unified, "INVALID_ARGUMENT", "cpus");
  refused({ cpus: 0.5, cpuBurstUsec: 50_001 }, unified, "INVALID_ARGUMENT", "50000");
  refused({ memory: 8 * MiB, memoryLow: 9 * MiB }, unified, "INVALID_ARGUMENT", "memoryLow");
  refused({ ioWeight: 10_001 }, unified, "INVALID_ARGUMENT", "ioWeight");
  refused({ io: [{ device: "/dev/null", readBytesPerSecond: 1 }] }, unified, "INVALID_ARGUMENT", "block device");
});

test("a limit that v1 holds is refused with its mount and the boot option that mends it", () => {
  const boot = "cgroup_no_v1=all";
  refused({ memoryHigh: 8 * MiB }, hybrid, "UNSUPPORTED", "memory", "/sys/fs/cgroup/memory", boot);
  refused({ memoryLow: 8 * MiB }, hybrid, "UNSUPPORTED", "memory", boot);
  refused({ io: [{ device: "8:0", readBytesPerSecond: 1 }] }, hybrid, "UNSUPPORTED", "/sys/fs/cgroup/blkio", boot);
  refused({ ioWeight: 10 }, hybrid, "UNSUPPORTED", "io", boot);
  refused({ spot: true }, hybrid, "UNSUPPORTED", "cpu", boot);
  refused({ cpus: 1, cpuBurstUsec: 10 }, hybrid, "UNSUPPORTED", "cpu", boot);
});

test("a limit without its controller is refused by the controller's name", () => {
  const host: CgroupHost = { ...unified, bindings: { ...unified.bindings, memory: { version: "absent" } } };
  refused({ memory: 8 * MiB }, host, "UNSUPPORTED", "memory", "cgroup_disable=memory");
});

test("no limits write nothing", () => {
  assert.equal(lines({ spot: false, io: [] }, hybrid), []);
});

test.run();
