import { suite } from "uvu";
import * as assert from "uvu/assert";
import { detectCgroupHost, type HostSources } from "../../src/cgroup/host.js";
import { GranuleError } from "../../src/errors.js";

const sources = (files: Record<string, string>, delegated: string[] = [], name = "granule"): HostSources => ({
  read: (path) => files[path],
  isDelegated: (path) => delegated.includes(path),
  name,
});

const debian12 = {
  "/proc/self/mountinfo":
    "24 19 0:22 / /proc rw,nosuid - proc proc rw\n" +
    "28 22 0:25 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n",
  "/proc/self/cgroup": "0::/user.slice/user-0.slice/session-1.scope\n",
  "/sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory hugetlb pids rdma misc\n",
  "/sys/devices/system/cpu/online": "0-3,6\n",
};

const hybrid = {
  "/proc/self/mountinfo":
    "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n" +
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n" +
    "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n" +
    "38 31 0:35 / /sys/fs/cgroup/blkio rw,relatime - cgroup cgroup rw,blkio\n" +
    "40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd\n" +
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n",
  "/proc/self/cgroup": "4:memory:/a\n0::/\n",
  "/sys/fs/cgroup/unified/cgroup.controllers": "pids\n",
  "/sys/devices/system/cpu/online": "0-1\n",
};

const test = suite("cgroup host");

test("a v2 host binds every controller to v2", () => {
  const host = detectCgroupHost(sources(debian12));
  assert.is(host.mode, "unified");
  assert.is(host.base, "/sys/fs/cgroup");
  assert.is(host.delegated, false);
  for (const binding of Object.values(host.bindings)) assert.equal(binding, { version: "v2" });
  assert.equal(host.cpus, [0, 1, 2, 3, 6]);
});

test("a delegated unit's cgroup is the base, also from a cgroup below it", () => {
  const files = { ...debian12, "/proc/self/cgroup": "0::/system.slice/granule.service/supervisor\n" };
  const unit = "/sys/fs/cgroup/system.slice/granule.service";
  const given = { ...files, [`${unit}/cgroup.controllers`]: "cpu memory pids\n" };
  const host = detectCgroupHost(sources(given, [unit]));
  assert.is(host.base, unit);
  assert.is(host.delegated, true);
  assert.equal(host.bindings.memory, { version: "v2" });
  assert.equal(host.bindings.io, { version: "absent" });
});

test("a hybrid host tells which hierarchy holds which controller", () => {
  const host = detectCgroupHost(sources(hybrid));
  assert.is(host.mode, "hybrid");
  assert.is(host.unifiedMount, "/sys/fs/cgroup/unified");
  assert.equal(host.bindings, {
    cpu: { version: "v1", mount: "/sys/fs/cgroup/cpu,cpuacct" },
    cpuset: { version: "absent" },
    memory: { version: "v1", mount: "/sys/fs/cgroup/memory" },
    pids: { version: "v2" },
    io: { version: "v1", mount: "/sys/fs/cgroup/blkio" },
  });
});

test("without cgroup2 there is no base", () => {
  const mountInfo = hybrid["/proc/self/mountinfo"]
    .split("\n")
    .filter((line) => !line.includes("cgroup2"))
    .join("\n");
  const host = detectCgroupHost(sources({ ...hybrid, "/proc/self/mountinfo": mountInfo }));
  assert.is(host.mode, "none");
  assert.is(host.base, undefined);
});

test("escaped mount points are read as they are", () => {
  const host = detectCgroupHost(sources({ "/proc/self/mountinfo": "1 2 0:3 / /a\\040b rw - cgroup2 none rw\n" }));
  assert.is(host.base, "/a b");
});

test("a subtree name that leaves its folder is refused", () => {
  for (const name of ["..", "a/b", "", "-x"]) {
    const wrong = () => detectCgroupHost(sources(debian12, [], name));
    assert.throws(wrong, (thrown: unknown) => thrown instanceof GranuleError && thrown.code === "INVALID_ARGUMENT");
  }
});

test("this machine has a v2 mount with the subtree's name from the environment", () => {
  process.env["GRANULE_CGROUP"] = `granule-test-${process.pid}`;
  const host = detectCgroupHost();
  assert.is.not(host.mode, "none");
  assert.is(host.name, `granule-test-${process.pid}`);
});

test.run();
