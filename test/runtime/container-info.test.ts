import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { CreateOptions } from "../../src/api.js";
import { containerInfo } from "../../src/runtime/container-info.js";
import type { ContainerRecord } from "../../src/state/container-store.js";

const test = suite("what is told of a container");

const record = (): ContainerRecord => {
  const options: CreateOptions = {
    image: "i",
    cpus: 0.5,
    tags: { team: "a" },
    mounts: [{ type: "tmpfs", target: "/t", sizeBytes: 1 }],
    env: ["A=1"],
  };
  const state = { state: "running", desired: "running", restarts: 0, pid: 7 } as const;
  return { id: "1", name: "n", image: "i", imageId: "x", createdAt: "c", command: ["true"], options, ...state };
};

test("has the options as they are, and what is absent is absent", () => {
  const info = containerInfo(record());
  assert.equal(info.options, record().options);
  assert.equal([info.cpus, info.tags, info.command, info.pid], [0.5, { team: "a" }, ["true"], 7]);
  assert.not.ok("memoryBytes" in info);
  assert.not.ok("exit" in info);
});

test("is the caller's to change, down to the last list", () => {
  const kept = record();
  const info = containerInfo(kept);
  info.command.push("more");
  info.tags["team"] = "b";
  info.options.mounts?.push({ type: "tmpfs", target: "/u" });
  const [mount] = info.options.mounts ?? [];
  if (mount) mount.target = "/else";
  assert.equal(kept, record());
});

test.run();
