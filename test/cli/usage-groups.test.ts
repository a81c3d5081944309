import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { UsageRecord } from "../../src/api.js";
import { groupUsage } from "../../src/cli/usage-groups.js";

const test = suite("usage by tag");

function record(team: string | undefined, seconds: number): UsageRecord {
  return {
    id: "id",
    name: "name",
    image: "image",
    tags: team === undefined ? {} : { team },
    startedAt: "2026-11-23T00:00:00.000Z",
    seconds,
    vcpuSeconds: seconds / 2,
    gibSeconds: seconds / 8,
  };
}

test("one row for each value, with the sums; records without the tag have the empty key", () => {
  const groups = groupUsage([record("b", 4), record(undefined, 1), record("a", 2), record("b", 6)], "team");
  assert.equal(
    groups.map(({ key, segments, seconds, vcpuSeconds, gibSeconds }) => [
      key,
      segments,
      seconds,
      vcpuSeconds,
      gibSeconds,
    ]),
    [
      ["", 1, 1, 0.5, 0.125],
      ["a", 1, 2, 1, 0.25],
      ["b", 2, 10, 5, 1.25],
    ],
  );
});

test("no records, no rows", () => {
  assert.equal(groupUsage([], "team"), []);
});

test.run();
