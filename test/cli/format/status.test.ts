import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { ContainerInfo } from "../../../src/api.js";
import { statsCells } from "../../../src/cli/format/sample.js";
import { containerStatus } from "../../../src/cli/format/status.js";

const test = suite("containers and samples in words");
const now = Date.parse("2026-11-23T12:00:00Z");

function container(more: Partial<ContainerInfo>): ContainerInfo {
  return {
    id: "0123456789abcdef",
    name: "web",
    image: "img",
    imageId: "sha256:00",
    state: "created",
    tags: {},
    command: ["sh"],
    restarts: 0,
    createdAt: "2026-11-23T11:00:00Z",
    options: { image: "img" },
    ...more,
  };
}

test("status by state", () => {
  const startedAt = "2026-11-23T11:55:00Z";
  assert.is(containerStatus(container({}), now), "Created");
  assert.is(containerStatus(container({ state: "running", startedAt }), now), "Up 5 minutes");
  assert.is(containerStatus(container({ state: "paused", startedAt }), now), "Up 5 minutes (paused)");
});

test("a stopped one tells its code and why", () => {
  const finishedAt = "2026-11-23T11:59:57Z";
  const stopped = (exit: ContainerInfo["exit"] & object): ContainerInfo =>
    container({ state: "stopped", finishedAt, exit });
  assert.is(containerStatus(stopped({ code: 0, oomKilled: false }), now), "Exited (0) 3 seconds ago");
  assert.is(containerStatus(stopped({ code: 137, oomKilled: true }), now), "Exited (137, OOM) 3 seconds ago");
  assert.is(containerStatus(stopped({ oomKilled: false }), now), "Exited (unknown) 3 seconds ago");
});

test("what the host does not tell is a dash, not a zero", () => {
  const cells = statsCells(undefined, { id: "0123456789abcdef", time: "2026-11-23T12:00:00Z", cpu: { usageUsec: 1 } });
  assert.equal(cells, ["0123456789ab", "", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"]);
});

test("what it tells is told", () => {
  const cells = statsCells(container({ cpus: 0.5, memoryBytes: 2 ** 20 * 128 }), {
    id: "0123456789abcdef",
    time: "2026-11-23T12:00:00Z",
    cpu: { usageUsec: 1, throttledUsec: 1_500_000, vcpus: 0.4999 },
    memory: { currentBytes: 2 ** 20 * 32, peakBytes: 2 ** 20 * 64 },
    pids: { current: 3 },
  });
  const expected = ["web", "0.50", "0.5", "1.50 s", "32 MiB", "128 MiB", "25.0 %", "64 MiB", "3", "-", "-"];
  assert.equal(cells.slice(1), expected);
});

test.run();
