import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { GranuleError } from "../../src/errors.js";
import { encodeExecPlan, encodeLaunchPlan } from "../../src/spec/plan.js";
import type { OpName } from "../../src/spec/plan-ops.js";
import { context, specOf } from "./fixtures.js";
import { type DecodedOp, decodePlan } from "./plan-decoder.js";

const plan = suite("launch plan");
const ANY = 0xffff_ffff_ffff_ffffn;

function launch(...given: Parameters<typeof specOf>): DecodedOp[] {
  return decodePlan(encodeLaunchPlan(specOf(...given), context));
}

function all(ops: DecodedOp[], name: OpName): DecodedOp[] {
  return ops.filter((op) => op.name === name);
}

function only(ops: DecodedOp[], name: OpName): DecodedOp {
  const found = all(ops, name);
  assert.is(found.length, 1, name);
  return found[0] as DecodedOp;
}

/** Checks that the named operations come in this order. */
function inOrder(ops: DecodedOp[], ...names: OpName[]): void {
  const places = names.map((name) => ops.findIndex((op) => op.name === name));
  assert.ok(!places.includes(-1), `one of ${names.join(", ")} is missing`);
  assert.equal(
    places,
    [...places].sort((a, b) => a - b),
    names.join(" < "),
  );
}

plan("tells the monitor where everything is", () => {
  const ops = launch();
  assert.equal(only(ops, "Namespaces").numbers, [0x6e02_0000n]);
  assert.equal(only(ops, "MonitorCgroup").strings, ["/cg/monitors"]);
  assert.equal(only(ops, "Cgroup").strings, ["/cg/c"]);
  assert.equal(
    all(ops, "CgroupJoin").map((op) => op.strings[0]),
    ["/v1/cpu/c", "/v1/memory/c"],
  );
  assert.equal(only(ops, "Socket").strings, ["/run/c.sock"]);
  assert.equal([only(ops, "Log").numbers, only(ops, "Log").strings], [[1n << 20n, 3n], ["/c/log"]]);
  assert.equal(only(ops, "ExitRecord").strings, ["/c/exit"]);
  assert.equal(only(ops, "Stdio").numbers, [0n, 0n, 24n, 80n]);
  assert.equal(only(ops, "Start").numbers, [1n]);
});

plan("builds the root, hides and pivots, and only then gives up its rights", () => {
  const ops = launch({ tty: true, readOnly: true });
  inOrder(ops, "Umask", "RootOverlay", "Mount", "Device", "Symlink", "WriteFile", "Console", "Mask", "ReadOnlyPath");
  inOrder(ops, "ReadOnlyPath", "RootReadOnly", "PivotRoot", "Hostname", "LoopbackUp", "Rlimit", "WorkingDir", "User");
  inOrder(ops, "User", "Capabilities", "NoNewPrivileges", "Exec");
  assert.is(ops.at(-1)?.name, "Exec");
});

plan("writes the container's own files before the caller's mounts, and protects them with the root", () => {
  const mounts = [{ type: "bind" as const, source: "/host", target: "/a" }];
  const ops = launch({ mounts, readOnly: true });
  inOrder(ops, "WriteFile", "Bind");
  assert.equal(only(ops, "Bind").strings, ["/host", "/a"]);
  assert.equal(
    all(ops, "WriteFile").map((op) => op.numbers),
    [
      [0o644n, 1n],
      [0o644n, 1n],
    ],
  );
  assert.equal(all(launch(), "WriteFile")[0]?.numbers, [0o644n, 0n]);
});

plan("stacks layers topmost first under the container's own", () => {
  assert.equal(only(launch(), "RootOverlay").strings, ["/c/upper", "/c/work", "/l/top", "/l/bottom"]);
  const bound = decodePlan(encodeLaunchPlan(specOf(), { ...context, root: { kind: "bind", path: "/rootfs" } }));
  assert.equal(only(bound, "RootBind").strings, ["/rootfs"]);
});

plan("parts mount attributes from options of the file system", () => {
  const mounts = all(launch(), "Mount");
  const at = (path: string) => mounts.find((op) => op.strings[2] === path);
  assert.equal(at("/dev")?.strings, ["tmpfs", "tmpfs", "/dev", "mode=755,size=65536k"]);
  assert.equal(at("/dev")?.numbers, [0x22n]);
  assert.is(at("/dev/pts")?.strings[3], "newinstance,ptmxmode=0666,mode=0620,gid=5");
  assert.equal(at("/sys/fs/cgroup")?.numbers, [0xfn]);
});

plan("makes the default devices and links in /dev before anything is mounted below it", () => {
  const ops = launch();
  const devices = all(ops, "Device").map((op) => [op.strings[0], op.numbers[0], op.numbers[1], op.numbers[2]]);
  assert.is(devices.length, 6);
  assert.equal(devices[0], ["/dev/null", 0o020666n, 1n, 3n]);
  assert.ok(all(ops, "Symlink").some((op) => op.strings.join(" ") === "pts/ptmx /dev/ptmx"));
  const pts = ops.findIndex((op) => op.name === "Mount" && op.strings[2] === "/dev/pts");
  assert.ok(ops.findLastIndex((op) => op.name === "Device" || op.name === "Symlink") < pts);
});

plan("denies devices but for the harmless ones", () => {
  const [fallback, ...numbers] = only(launch(), "DeviceFilter").numbers;
  assert.is(fallback, 0n);
  const rules = Array.from({ length: numbers.length / 5 }, (_, index) => numbers.slice(index * 5, index * 5 + 5));
  const letter = (character: string) => BigInt(character.charCodeAt(0));
  assert.equal(rules[0], [1n, letter("c"), ANY, ANY, 1n]);
  assert.equal(rules[1], [1n, letter("b"), ANY, ANY, 1n]);
  assert.ok(rules.some((rule) => rule.join() === [1n, letter("c"), 136n, ANY, 7n].join()));
  assert.not.ok(rules.some(([, , major, , access]) => major === ANY && access !== 1n));
});

plan("leaves network and device filter out where they are not asked for", () => {
  const ops = decodePlan(encodeLaunchPlan(specOf({ network: "host" }), { ...context, deviceFilter: false }));
  assert.equal([all(ops, "LoopbackUp"), all(ops, "DeviceFilter")], [[], []]);
  assert.is((only(ops, "Namespaces").numbers[0] as bigint) & 0x4000_0000n, 0n);
});

plan("hands over user, capabilities and limits as numbers", () => {
  const user = { uid: 33, gid: 34, additionalGids: [100, 0xffff_fffe], home: "/" };
  const ops = launch({ rlimits: { core: { soft: 0, hard: -1 } } }, { user });
  assert.equal(only(ops, "User").numbers, [33n, 34n, 100n, 0xffff_fffen]);
  assert.equal(only(ops, "Capabilities").numbers, [0xa804_25fbn, 0n, 0n, 0n, 0n]);
  assert.equal(
    all(ops, "Rlimit").map((op) => op.numbers),
    [
      [7n, 1024n, 524_288n, 0n],
      [4n, 0n, ANY, 1n],
    ],
  );
  assert.equal(only(ops, "Sysctl").strings, ["net/ipv4/ip_unprivileged_port_start", "0"]);
});

plan("carries arguments of any text, empty ones too", () => {
  const command = ["/bin/echo", "", "déjà 粒 🌾", "a b\n"];
  const exec = only(launch({ command, env: ["A=b"] }), "Exec");
  assert.equal(exec.numbers, [4n]);
  assert.equal(exec.strings.slice(0, 4), command);
  assert.is(exec.strings.at(-1), "A=b");
});

plan("never takes a null byte, which would shift what comes behind it", () => {
  const image = { env: ["A=1\0LD_PRELOAD=/x"] };
  assert.throws(
    () => launch({}, { image }),
    (thrown: GranuleError) => thrown.code === "INVALID_ARGUMENT",
  );
});

plan("carries the system call filter byte for byte", () => {
  const seccomp = Buffer.from(Array.from({ length: 24 }, (_, index) => index));
  const ops = decodePlan(encodeLaunchPlan(specOf(), { ...context, seccomp }));
  assert.ok(only(ops, "Seccomp").raw.equals(seccomp));
  inOrder(ops, "NoNewPrivileges", "Seccomp", "Exec");
});

plan("grows to what it holds, up to a bound", () => {
  const long = "x".repeat(100_000);
  const command = ["/bin/true", ...Array.from({ length: 10 }, () => long)];
  assert.equal(only(launch({ command }), "Exec").strings.slice(1, 11), command.slice(1));
  const endless = ["/bin/true", ...Array.from({ length: 100 }, () => long)];
  assert.throws(
    () => launch({ command: endless }),
    (thrown: GranuleError) => thrown.code === "RESOURCE_EXHAUSTED",
  );
});

plan("keeps the image's volumes writable where the root is not, before anything can cover them", () => {
  const image = { volumes: ["/data"] };
  const readOnly = launch({ readOnly: true }, { image });
  assert.equal(only(readOnly, "Volume").strings, ["/data"]);
  inOrder(readOnly, "RootOverlay", "Volume", "Mount", "RootReadOnly");
  const writable = launch({}, { image });
  assert.equal([all(writable, "Volume"), only(writable, "Directory").strings], [[], ["/data"]]);
});

plan("makes the working folder before the root becomes read-only", () => {
  const ops = launch({ readOnly: true, workingDir: "/srv/app" });
  assert.equal(only(ops, "Directory").strings, ["/srv/app"]);
  inOrder(ops, "Directory", "RootReadOnly");
});

plan("lets a further process join by pid and start time, and never writes below the container's /proc", () => {
  const { oci } = specOf({}, { host: { oomScoreAdj: -1 } });
  const process = { ...oci.process, args: ["id"], terminal: true };
  const { root: _root, deviceFilter: _filter, ...monitor } = context;
  const ops = decodePlan(encodeExecPlan(oci, process, { ...monitor, pid: 4242, startTimeTicks: 1n << 40n }));
  assert.equal(only(ops, "SetNamespaces").numbers, [4242n, 1n << 40n, 0x6e02_0000n]);
  inOrder(ops, "OomScore", "SetNamespaces", "Console", "WorkingDir", "User", "Capabilities", "NoNewPrivileges", "Exec");
  assert.equal(only(ops, "Console").strings, []);
  for (const name of ["Namespaces", "RootOverlay", "Mount", "PivotRoot"] as const) assert.equal(all(ops, name), []);
});

plan("is encoded in far less time than a start takes", () => {
  const spec = specOf();
  const rounds = 2000;
  for (let round = 0; round < rounds; round++) encodeLaunchPlan(spec, context);
  const before = performance.now();
  for (let round = 0; round < rounds; round++) encodeLaunchPlan(spec, context);
  const microseconds = ((performance.now() - before) / rounds) * 1000;
  assert.ok(microseconds < 500, `${microseconds} microseconds`);
});

plan.run();
