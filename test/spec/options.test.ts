import { suite } from "uvu";
import * as assert from "uvu/assert";
import { GranuleError } from "../../src/errors.js";
import { validateCreateOptions, validateExecOptions, validateUpdateOptions } from "../../src/spec/options.js";

const options = suite("options");

function refused(given: object): GranuleError {
  try {
    validateCreateOptions({ image: "i", ...given });
  } catch (thrown) {
    if (thrown instanceof GranuleError) return thrown;
    throw thrown;
  }
  throw new Error(`taken: ${JSON.stringify(given).slice(0, 100)}`);
}

/** Checks that each is refused with an error that begins with the option and says how to mend it. */
function refuses(option: string, ...all: object[]): void {
  for (const given of all) {
    const error = refused(given);
    assert.is(error.code, "INVALID_ARGUMENT");
    assert.ok(error.message.startsWith(option), `${error.message} does not start with ${option}`);
    assert.ok(error.hint, error.message);
    assert.ok(error.message.length < 300, "a message is short, whatever was given");
  }
}

options("takes what is right as it is", () => {
  const right = {
    image: "registry.example:5000/app/web:1.2@sha256:00",
    name: "web-1.a_b",
    command: ["/bin/sh", "-c", ""],
    entrypoint: [],
    env: ["A=", "B=x=y"],
    workingDir: "/srv/app",
    user: "www-data:1000",
    hostname: "web.example",
    mounts: [
      { type: "bind", source: "/srv", target: "/data", readOnly: true },
      { type: "tmpfs", target: "/tmp", sizeBytes: 1024, mode: 0o1777 },
    ],
    readOnly: true,
    network: "none",
    tags: { team: "a", "cost/center": "" },
    restart: { policy: "on-failure", maxRetries: 3 },
    stopTimeoutSeconds: 0,
    stopSignal: "SIGINT",
    tty: true,
    rows: 24,
    columns: 80,
    stdin: true,
    capAdd: ["CAP_NET_ADMIN"],
    capDrop: ["ALL"],
    seccomp: "default",
    rlimits: { nofile: { soft: 1, hard: -1 } },
    logMaxBytes: 65_536,
    logMaxFiles: 0,
    cpus: 0.5,
    memory: 1 << 28,
    io: [{ device: "8:0", readBytesPerSecond: 1 }],
  };
  assert.equal(validateCreateOptions(right), right);
});

options("names the container by letters that a path and a host can hold", () => {
  refuses(
    "name",
    { name: "" },
    { name: "a".repeat(300) },
    { name: "../x" },
    { name: ".a" },
    { name: "a/b" },
    { name: 1 },
  );
  assert.match(refused({ name: "a".repeat(300) }).message, /300 bytes/);
  refuses(
    "hostname",
    { hostname: "-a" },
    { hostname: "a_b" },
    { hostname: `${"a".repeat(64)}.b` },
    { hostname: "a..b" },
  );
});

options("refuses null bytes everywhere", () => {
  refuses("command[1]", { command: ["a", "b\0c"] });
  refuses("env[0]", { env: ["A=\0"] });
  refuses("workingDir", { workingDir: "/a\0" });
  refuses("mounts[0].target", { mounts: [{ type: "tmpfs", target: "/a\0" }] });
  refuses("tags.a", { tags: { a: "\0" } });
});

options("wants a name and a value in each variable", () => {
  refuses("env[1]", { env: ["A=1", "PATH"] }, { env: ["A=1", "=x"] });
});

options("bounds what a caller can send", () => {
  refuses("command", { command: Array.from({ length: 5000 }, () => "x") });
  refuses("command", { command: Array.from({ length: 20 }, () => "x".repeat(100_000)) });
  refuses("command[0]", { command: ["x".repeat(200_000)] });
  refuses("tags", { tags: Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`t${index}`, ""])) });
  refuses("tags.a", { tags: { a: "x".repeat(257) } });
  refuses("tags name", { tags: JSON.parse('{"__proto__": "x"}') as object });
});

options("keeps mounts off what granule itself mounts, and one to a target", () => {
  const tmpfs = (target: string) => ({ mounts: [{ type: "tmpfs", target }] });
  refuses("mounts[0].target", tmpfs("relative"), tmpfs("/a/../b"), tmpfs("/"), tmpfs("/proc/sys"), tmpfs("/dev"));
  refuses("mounts[0].target", tmpfs("//proc"), tmpfs("/./dev/pts/"), tmpfs("/dev/null"));
  refuses("mounts[0].source", { mounts: [{ type: "bind", target: "/a" }] });
  refuses("mounts[0].source", { mounts: [{ type: "bind", source: "rel", target: "/a" }] });
  refuses("mounts[0].source", { mounts: [{ type: "tmpfs", source: "/x", target: "/a" }] });
  refuses("mounts[0].type", { mounts: [{ type: "nfs", target: "/a" }] });
  refuses("mounts[1].target", { mounts: [...tmpfs("/a").mounts, ...tmpfs("/a/").mounts] });
  assert.equal(validateCreateOptions({ image: "i", ...tmpfs("/dev/shm") }).mounts?.[0]?.target, "/dev/shm");
});

options("knows users, signals, capabilities and limits by name", () => {
  refuses("user", { user: "a b" }, { user: "1:2:3" }, { user: ":1" }, { user: "4294967295" });
  refuses("stopSignal", { stopSignal: "SIGFOO" }, { stopSignal: "0" }, { stopSignal: "65" });
  for (const stopSignal of ["TERM", "sigquit", "15"]) validateCreateOptions({ image: "i", stopSignal });
  refuses("capAdd", { capAdd: ["FLY"] });
  refuses("rlimits", { rlimits: { files: { soft: 1, hard: 1 } } }, { rlimits: { NOFILE: { soft: 1, hard: 1 } } });
  refuses(
    "rlimits.nofile",
    { rlimits: { nofile: { soft: 2, hard: 1 } } },
    { rlimits: { nofile: { soft: -1, hard: 1 } } },
  );
});

options("refuses restarts that contradict themselves", () => {
  refuses(
    "restart",
    { restart: { policy: "sometimes" } },
    { restart: {} },
    { restart: { policy: "always", maxRetries: 1 } },
  );
  refuses("autoRemove", { autoRemove: true, restart: { policy: "always" } });
});

options("refuses wrong types and unknown names", () => {
  refuses("tty", { tty: "yes" });
  refuses("rows", { rows: -1 }, { rows: 70_000 });
  refuses("cpus", { cpus: Number.NaN }, { cpus: "1" });
  refuses("network", { network: "bridge" });
  refuses('"privileged"', { privileged: true });
  refuses("image", { image: undefined }, { image: "" }, { image: {} });
  for (const given of [undefined, null, "x", []])
    assert.throws(() => validateCreateOptions(given), /^options: must be an object/);
});

options("checks exec and update alike", () => {
  assert.equal(validateExecOptions({ command: ["id"], user: undefined }), { command: ["id"] });
  assert.throws(() => validateExecOptions({}), /command: is missing/);
  assert.equal(validateUpdateOptions({ cpus: 1, restart: { policy: "always" } }), {
    cpus: 1,
    restart: { policy: "always" },
  });
  assert.throws(() => validateUpdateOptions({ image: "x" }), /no such option/);
});

options.run();
