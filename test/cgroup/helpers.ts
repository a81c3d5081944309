import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync } from "node:fs";
import type { Readable, Writable } from "node:stream";
import type { ContainerCgroup } from "../../src/cgroup/container.js";
import { CgroupTree } from "../../src/cgroup/tree.js";

/** A tree of this test process alone. */
export function testTree(): CgroupTree {
  process.env["GRANULE_CGROUP"] = `granule-test-${process.pid}`;
  const tree = new CgroupTree();
  tree.prepare();
  return tree;
}

export type Shell = ChildProcessByStdio<Writable, Readable, null>;

/** A shell that waits for a line, so that it can be put into its cgroups before it does anything. */
export async function shellIn(cgroup: ContainerCgroup, script: string): Promise<Shell> {
  // Without the sanitizers' runtime, whose shadow memory alone would break a small memory limit.
  const { LD_PRELOAD: _, ...env } = process.env;
  const child = spawn("/bin/sh", ["-c", `read go; ${script}`], { stdio: ["pipe", "pipe", "inherit"], env });
  await once(child, "spawn");
  for (const path of [cgroup.unified, ...cgroup.joins]) appendFileSync(`${path}/cgroup.procs`, String(child.pid));
  child.stdin.write("go\n");
  return child;
}
