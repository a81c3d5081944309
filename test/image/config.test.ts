import { suite } from "uvu";
import * as assert from "uvu/assert";
import { makeImageConfig, parseImageConfig } from "../../src/image/config.js";

const test = suite("image configurations");
const diffId = `sha256:${"a".repeat(64)}`;
const valid = { architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [diffId] } };

const parse = (document: unknown) => parseImageConfig(Buffer.from(JSON.stringify(document)));

test("every field that a container needs is read", () => {
  const { config, created } = parse({
    ...valid,
    created: "2024-05-06T07:08:09.123456789+02:00",
    config: {
      Entrypoint: ["/init"],
      Cmd: ["a", "b"],
      Env: ["A=1", "B="],
      WorkingDir: "srv",
      User: "app:app",
      StopSignal: "SIGQUIT",
      Volumes: { "/data": {} },
      Labels: { x: "y" },
      ExposedPorts: { "80/tcp": {} },
    },
  });
  assert.equal(config, {
    entrypoint: ["/init"],
    cmd: ["a", "b"],
    env: ["A=1", "B="],
    workingDir: "/srv",
    user: "app:app",
    stopSignal: "SIGQUIT",
    volumes: ["/data"],
    labels: { x: "y" },
  });
  assert.is(created, "2024-05-06T05:08:09.123Z");
});

test("what is absent or null is empty", () => {
  for (const config of [undefined, null, {}, { Cmd: null, Env: null, Volumes: null, Labels: null }]) {
    assert.equal(parse({ ...valid, config }).config, {
      entrypoint: [],
      cmd: [],
      env: [],
      workingDir: "",
      user: "",
      volumes: [],
      labels: {},
    });
  }
});

test("a made configuration reads back", () => {
  const config = {
    entrypoint: ["/e"],
    cmd: ["c"],
    env: ["A=1"],
    workingDir: "/w",
    user: "1",
    stopSignal: "SIGINT",
    volumes: ["/v"],
    labels: { a: "b" },
  };
  const made = parseImageConfig(
    makeImageConfig(config, { diffId, created: "2020-01-01T00:00:00.000Z", architecture: "amd64" }),
  );
  assert.equal(made, {
    architecture: "amd64",
    os: "linux",
    diffIds: [diffId],
    created: "2020-01-01T00:00:00.000Z",
    config,
  });
});

const faults: [what: string, document: unknown, says: RegExp][] = [
  ["a list", [], /not an object/],
  ["no rootfs", { ...valid, rootfs: undefined }, /rootfs/],
  ["another rootfs type", { ...valid, rootfs: { type: "x" } }, /rootfs.type/],
  ["a diffID that is none", { ...valid, rootfs: { type: "layers", diff_ids: ["sha256:../x"] } }, /diff_ids\[0\]/],
  ["no os", { ...valid, os: undefined }, /os and architecture/],
  ["env that is no list", { ...valid, config: { Env: "A=1" } }, /config.Env is not a list/],
  ["env without =", { ...valid, config: { Env: ["A"] } }, /without a name or `=`/],
  ["env with NUL", { ...valid, config: { Env: ["A=\0"] } }, /NUL/],
  ["a command of numbers", { ...valid, config: { Cmd: [1] } }, /config.Cmd\[0\] is not a string/],
  ["too many arguments", { ...valid, config: { Cmd: Array.from({ length: 5000 }, () => "x") } }, /more than 4096/],
  ["a working folder that is an object", { ...valid, config: { WorkingDir: {} } }, /WorkingDir is not a string/],
  ["volumes that are a list", { ...valid, config: { Volumes: ["/x"] } }, /Volumes is not an object/],
  ["labels of numbers", { ...valid, config: { Labels: { a: 1 } } }, /Labels/],
];

for (const [what, document, says] of faults) {
  test(`refused: ${what}`, () => {
    assert.throws(
      () => parse(document),
      (thrown: Error & { code?: string }) => thrown.code === "CORRUPT" && says.test(thrown.message),
    );
  });
}

test("refused: bytes that are not JSON, not UTF-8 or too many", () => {
  assert.throws(() => parseImageConfig(Buffer.from("{")), /not JSON/);
  assert.throws(() => parseImageConfig(Buffer.from([0x22, 0xff, 0x22])), /not JSON/);
  assert.throws(() => parseImageConfig(Buffer.alloc(5 << 20)), /larger than 4 MiB/);
});

test.run();
