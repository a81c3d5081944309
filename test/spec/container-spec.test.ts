import { suite } from "uvu";
import * as assert from "uvu/assert";
import { GranuleError } from "../../src/errors.js";
import { defaultCapabilities } from "../../src/spec/capability-sets.js";
import { buildExecProcess } from "../../src/spec/exec-spec.js";
import type { OciMount } from "../../src/spec/oci.js";
import { specOf } from "./fixtures.js";

const spec = suite("container spec");
const daemon = { uid: 1, gid: 1, additionalGids: [2, 12], home: "/usr/sbin" };

function argsOf(...given: Parameters<typeof specOf>): string[] {
  return specOf(...given).oci.process.args;
}

function mountAt(mounts: OciMount[], destination: string): OciMount | undefined {
  return mounts.find((mount) => mount.destination === destination);
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof GranuleError) return `${thrown.code}: ${thrown.message}`;
    throw thrown;
  }
  return "no error";
}

spec("joins Entrypoint and Cmd as docker does", () => {
  const image = { entrypoint: ["/entry", "-e"], cmd: ["-c"] };
  assert.equal(argsOf({}, { image }), ["/entry", "-e", "-c"]);
  assert.equal(argsOf({ command: ["x", "y"] }, { image }), ["/entry", "-e", "x", "y"]);
  assert.equal(argsOf({ entrypoint: ["/other"] }, { image }), ["/other"]);
  assert.equal(argsOf({ entrypoint: ["/other"], command: ["x"] }, { image }), ["/other", "x"]);
  assert.equal(argsOf({ entrypoint: [], command: ["x"] }, { image }), ["x"]);
  assert.match(
    codeOf(() => argsOf({}, { image: { entrypoint: [], cmd: [] } })),
    /^INVALID_ARGUMENT: command/,
  );
});

spec("sets what programs expect in the environment, under what image and caller set", () => {
  const { env } = specOf({ env: ["B=caller", "C="] }, { image: { env: ["PATH=/opt/bin", "B=image", "A=1"] } }).oci
    .process;
  assert.equal(env, ["PATH=/opt/bin", "HOSTNAME=0123456789ab", "HOME=/root", "B=caller", "A=1", "C="]);
  assert.match(specOf().oci.process.env[0] as string, /^PATH=.*:\/bin$/);
  assert.ok(specOf({ tty: true }).oci.process.env.includes("TERM=xterm"));
  assert.ok(specOf({}, { user: daemon }).oci.process.env.includes("HOME=/usr/sbin"));
});

spec("starts in the working folder of the caller, of the image, or in /", () => {
  assert.is(specOf().oci.process.cwd, "/");
  assert.is(specOf({}, { image: { workingDir: "srv//app/" } }).oci.process.cwd, "/srv/app");
  assert.is(specOf({ workingDir: "/tmp" }, { image: { workingDir: "/srv" } }).oci.process.cwd, "/tmp");
});

spec("is named by its id unless the caller names it, and by the host on the host's network", () => {
  assert.is(specOf().oci.hostname, "0123456789ab");
  assert.is(specOf({ hostname: "web" }).oci.hostname, "web");
  assert.is(specOf({ network: "host" }).oci.hostname, "machine");
});

spec("has a network namespace and a sysfs of its own, unless the host's network is asked for", () => {
  const own = specOf().oci;
  assert.ok(own.linux.namespaces.some(({ type }) => type === "network"));
  assert.is(mountAt(own.mounts, "/sys")?.type, "sysfs");
  const shared = specOf({ network: "host" }).oci;
  assert.not.ok(shared.linux.namespaces.some(({ type }) => type === "network"));
  assert.equal(mountAt(shared.mounts, "/sys")?.type, "bind");
  assert.ok(mountAt(shared.mounts, "/sys")?.options.includes("ro"));
});

spec("writes hostname and hosts, but not below a mount of the caller", () => {
  const files = specOf({ hostname: "web" }).files;
  assert.equal(
    files.map((file) => file.path),
    ["/etc/hostname", "/etc/hosts"],
  );
  assert.is(files[0]?.content, "web\n");
  assert.match(files[1]?.content as string, /^127\.0\.0\.1\tlocalhost\n[\s\S]*127\.0\.1\.1\tweb\n$/);
  assert.equal(specOf({ mounts: [{ type: "bind", source: "/h", target: "/etc" }] }).files, []);
});

spec("mounts parents before children, and the caller's over the defaults", () => {
  const { mounts } = specOf({
    mounts: [
      { type: "bind", source: "/host/b", target: "/a/b/c", readOnly: true },
      { type: "tmpfs", target: "/a/", sizeBytes: 4096, mode: 0o700 },
      { type: "tmpfs", target: "/dev/shm" },
    ],
  }).oci;
  const order = mounts.map((mount) => mount.destination);
  assert.equal(order, [
    "/proc",
    "/dev",
    "/dev/pts",
    "/dev/mqueue",
    "/sys",
    "/sys/fs/cgroup",
    "/a",
    "/dev/shm",
    "/a/b/c",
  ]);
  assert.equal(mountAt(mounts, "/a")?.options, ["nosuid", "nodev", "noexec", "mode=700", "size=4096"]);
  assert.equal(mountAt(mounts, "/a/b/c")?.options, ["rbind", "ro"]);
});

spec("keeps the image's volumes as folders, but for those that the caller mounts over", () => {
  const mounts = [{ type: "bind" as const, source: "/host", target: "/data" }];
  const made = specOf({ mounts }, { image: { volumes: ["/data/", "/var/lib/db/", "/", "/srv"] } });
  assert.equal(made.volumes, ["/srv", "/var/lib/db"]);
});

spec("holds docker's default capabilities, and only as root at once", () => {
  const { capabilities } = specOf().oci.process;
  assert.equal([...capabilities.bounding].sort(), [...defaultCapabilities].sort());
  assert.equal(capabilities.effective, capabilities.bounding);
  assert.equal(capabilities.inheritable, []);
  const unprivileged = specOf({}, { user: daemon }).oci.process.capabilities;
  assert.is(unprivileged.bounding.length, 14);
  assert.equal([unprivileged.effective, unprivileged.permitted, unprivileged.ambient], [[], [], []]);
});

spec("adds and drops capabilities by any spelling", () => {
  const bounding = (capAdd?: string[], capDrop?: string[]) =>
    specOf({ ...(capAdd && { capAdd }), ...(capDrop && { capDrop }) }).oci.process.capabilities.bounding;
  assert.ok(bounding(["net_admin"]).includes("CAP_NET_ADMIN"));
  assert.equal(bounding(["CAP_NET_ADMIN"], ["all"]), ["CAP_NET_ADMIN"]);
  assert.is(bounding(["ALL"]).length, 41);
  assert.not.ok(bounding(["ALL"], ["SYS_ADMIN"]).includes("CAP_SYS_ADMIN"));
  assert.match(
    codeOf(() => bounding(["FLY"])),
    /^INVALID_ARGUMENT: capAdd.*FLY/,
  );
});

spec("leaves out a default capability that the host lacks, and says so of one that was asked for", () => {
  const poor = { host: { capabilities: new Set(["CAP_CHOWN", "CAP_KILL"] as const) } };
  assert.equal(specOf({}, poor).oci.process.capabilities.bounding, ["CAP_CHOWN", "CAP_KILL"]);
  assert.equal(specOf({ capAdd: ["ALL"] }, poor).oci.process.capabilities.bounding, ["CAP_CHOWN", "CAP_KILL"]);
  assert.match(
    codeOf(() => specOf({ capAdd: ["SYS_RESOURCE"] }, poor)),
    /^UNSUPPORTED: .*CAP_SYS_RESOURCE/,
  );
});

spec("keeps a protected service's OOM score out of its containers", () => {
  assert.is(specOf({}, { host: { oomScoreAdj: -900 } }).oci.process.oomScoreAdj, 0);
  assert.is(specOf().oci.process.oomScoreAdj, undefined);
});

spec("bounds open files unless the caller does", () => {
  assert.equal(specOf().oci.process.rlimits, [{ type: "RLIMIT_NOFILE", soft: 1024, hard: 524_288 }]);
  const { process, annotations } = specOf({ rlimits: { nofile: { soft: 10, hard: 20 } } }).oci;
  assert.equal(process.rlimits, [{ type: "RLIMIT_NOFILE", soft: 10, hard: 20 }]);
  assert.is(annotations["granule.rlimits.required"], "RLIMIT_NOFILE");
});

spec("hides what tells of the host", () => {
  const { maskedPaths, readonlyPaths } = specOf({}, { host: { thermalPaths: ["/sys/t"] } }).oci.linux;
  for (const path of ["/proc/kcore", "/proc/keys", "/proc/interrupts", "/sys/firmware", "/sys/t"]) {
    assert.ok(maskedPaths.includes(path), path);
  }
  assert.ok(readonlyPaths.includes("/proc/sys"));
});

spec("gives a further process the container's environment, and its user's rights", () => {
  const container = specOf({ env: ["A=1"], tty: true, rows: 10, columns: 20 }).oci.process;
  const exec = buildExecProcess(container, { command: ["id"], env: ["A=2"], workingDir: "/tmp" }, daemon);
  assert.equal(exec.args, ["id"]);
  assert.ok(exec.env.includes("A=2") && exec.env.includes("HOME=/usr/sbin"));
  assert.is(exec.cwd, "/tmp");
  assert.equal([exec.terminal, exec.consoleSize], [false, undefined]);
  assert.equal([exec.user.uid, exec.user.additionalGids], [1, [2, 12]]);
  assert.equal(exec.capabilities.effective, []);
  assert.match(
    codeOf(() => buildExecProcess(container, { command: [] })),
    /^INVALID_ARGUMENT: command/,
  );
});

spec.run();
