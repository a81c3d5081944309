import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { tarOf, writeGzipTar, writeTar, zstdFrame } from "../unpack/tar-fixture.js";
import {
  configOf,
  dockerArchiveOf,
  type FixtureImage,
  layerOf,
  ociLayoutOf,
  openTestStore,
  rejection,
  sha256,
  type TestStore,
  writeArchive,
  writeFolder,
} from "./fixture.js";

const test = suite("image store");
let fixture: TestStore;

test.before.each(() => {
  fixture = openTestStore();
});
test.after.each(() => fixture[Symbol.dispose]());

const base = layerOf(["etc/os", "one"], ["bin/sh", "shell"]);
const top = layerOf(["etc/os", "two"], [".wh.gone", ""]);
const image: FixtureImage = {
  layers: [base, top],
  names: ["example.org/app:1"],
  config: { Cmd: ["/bin/sh"], Env: ["A=1"], User: "5" },
};

const inFolder = (name: string): string => join(fixture.folder, name);
const layerFolders = (): string[] =>
  readdirSync(join(fixture.root, "layers")).filter((name) => !name.startsWith(".records"));

test("an OCI layout comes in from a folder and from a tar, the same", async () => {
  const files = ociLayoutOf([image]);
  const [loaded] = await fixture.store.load(writeFolder(inFolder("layout"), files));
  assert.is(loaded?.id, sha256(configOf(image)));
  assert.equal(loaded?.names, ["example.org/app:1"]);
  assert.is(loaded?.createdAt, "2024-01-02T03:04:05.000Z");
  assert.equal(loaded?.layers, [sha256(base.tar), sha256(top.tar)]);
  assert.is(loaded?.size, "onetwoshell".length);
  assert.equal([loaded?.config.cmd, loaded?.config.env, loaded?.config.user], [["/bin/sh"], ["A=1"], "5"]);
  const [again] = await fixture.store.load(writeArchive(inFolder("layout.tar"), files));
  assert.equal(again, loaded);
  assert.is(fixture.store.list().length, 1);
});

test("layers come topmost first, unpacked", async () => {
  const [loaded] = await fixture.store.load(writeArchive(inFolder("a.tar"), ociLayoutOf([image])));
  assert.ok(loaded);
  const layers = fixture.store.layersOf(loaded);
  assert.equal(
    layers.map((path) => readFileSync(join(path, "etc/os"), "utf8")),
    ["two", "one"],
  );
});

test("gzip and zstd layers, by their content", async () => {
  const compressed: FixtureImage = {
    layers: [
      { ...base, blob: gzipSync(base.tar), mediaType: "application/vnd.oci.image.layer.v1.tar+gzip" },
      { ...top, blob: zstdFrame(top.tar), mediaType: "application/vnd.docker.image.rootfs.diff.tar.gzip" },
    ],
  };
  const [loaded] = await fixture.store.load(writeArchive(inFolder("a.tar"), ociLayoutOf([compressed])));
  assert.equal(loaded?.layers, [sha256(base.tar), sha256(top.tar)]);
});

test("a layer without padding and end marker is whole where its diffID says so", async () => {
  const bare = { tar: tarOf([{ name: "f", body: "x" }], { end: false }).subarray(0, 513) };
  const [loaded] = await fixture.store.load(writeArchive(inFolder("a.tar"), ociLayoutOf([{ layers: [bare] }])));
  assert.is(loaded?.size, 1);
  writeFileSync(inFolder("r.tar"), bare.tar);
  assert.match((await rejection(fixture.store.import(inFolder("r.tar"), { name: "x" }))).message, /truncated/);
});

test("a docker archive brings its images and names", async () => {
  const other: FixtureImage = { layers: [base], names: ["other", "other:2"] };
  const loaded = await fixture.store.load(writeArchive(inFolder("saved.tar"), dockerArchiveOf([image, other])));
  assert.equal(
    loaded.map((one) => one.names),
    [["example.org/app:1"], ["other:2", "other:latest"]],
  );
  assert.is(layerFolders().length, 2);
});

test("a docker archive compressed as a whole", async () => {
  writeArchive(inFolder("saved.tar"), dockerArchiveOf([image]));
  writeFileSync(inFolder("saved.tgz"), gzipSync(readFileSync(inFolder("saved.tar"))));
  assert.is((await fixture.store.load(inFolder("saved.tgz"))).length, 1);
});

test("layers that old docker archives link instead of repeating", async () => {
  const files = dockerArchiveOf([{ layers: [base] }]);
  const [[manifest]] = [JSON.parse(String(files.get("manifest.json"))) as { Layers: string[]; Config: string }[]];
  assert.ok(manifest);
  const real = manifest.Layers[0] ?? "";
  files.set("manifest.json", Buffer.from(JSON.stringify([{ ...manifest, Layers: ["linked/layer.tar"] }])));
  const entries = [...files].map(([name, body]) => ({ name, body }));
  writeFileSync(inFolder("a.tar"), tarOf([...entries, { name: "linked/layer.tar", type: "2", link: `../${real}` }]));
  assert.is((await fixture.store.load(inFolder("a.tar"))).length, 1);
});

test("an index leads to the image for this host", async () => {
  const mine = ociLayoutOf([image]);
  const index = JSON.parse(String(mine.get("index.json"))) as { manifests: Record<string, unknown>[] };
  const nested = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      manifests: [
        {
          ...index.manifests[0],
          annotations: {},
          platform: { os: "linux", architecture: process.arch === "x64" ? "amd64" : process.arch },
        },
        { ...index.manifests[0], digest: sha256("absent"), platform: { os: "linux", architecture: "s390x" } },
        { ...index.manifests[0], digest: sha256("attestation"), platform: { os: "unknown", architecture: "unknown" } },
      ],
    }),
  );
  mine.set(`blobs/${sha256(nested).replace(":", "/")}`, nested);
  const descriptor = {
    mediaType: "application/vnd.oci.image.index.v1+json",
    digest: sha256(nested),
    size: nested.length,
    annotations: { "io.containerd.image.name": "docker.io/library/app:2" },
  };
  mine.set("index.json", Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [descriptor] })));
  const loaded = await fixture.store.load(writeArchive(inFolder("a.tar"), mine));
  assert.equal(
    loaded.map((one) => one.names),
    [["app:2"]],
  );
});

test("an archive for another platform says which it has", async () => {
  const files = ociLayoutOf([image]);
  const index = JSON.parse(String(files.get("index.json"))) as { manifests: Record<string, unknown>[] };
  for (const manifest of index.manifests) manifest["platform"] = { os: "linux", architecture: "s390x" };
  files.set("index.json", Buffer.from(JSON.stringify(index)));
  const error = await rejection(fixture.store.load(writeArchive(inFolder("a.tar"), files)));
  assert.is(error.code, "UNSUPPORTED");
  assert.match(error.message, /linux\/s390x/);
});

const damages: [what: string, make: () => Map<string, Buffer>, says: RegExp, code?: string][] = [
  [
    "a layer's digest",
    () => damaged(ociLayoutOf([image]), sha256(base.tar), layerOf(["etc/os", "oNe"], ["bin/sh", "shell"]).tar),
    /layer's digest is/,
  ],
  [
    "the configuration's digest",
    () =>
      damaged(
        ociLayoutOf([image]),
        sha256(configOf(image)),
        Buffer.from(String(configOf(image)).replace("A=1", "A=2")),
      ),
    /digest is/,
  ],
  ["a blob's size", () => damaged(ociLayoutOf([image]), sha256(configOf(image)), Buffer.from("{}")), /has 2 bytes/],
  ["a diffID", () => ociLayoutOf([{ ...image, diffIds: [sha256(base.tar), sha256("other")] }]), /layer's diffID is/],
  [
    "the number of diffIDs",
    () => ociLayoutOf([{ ...image, diffIds: [sha256(base.tar)] }]),
    /2 layers, the configuration 1/,
  ],
  ["a blob that is missing", () => removed(ociLayoutOf([image]), sha256(base.tar)), /lacks the blob/],
  [
    "a digest that climbs out",
    () =>
      ociLayoutOf([image], (m) => {
        m["layers"] = [
          { mediaType: "application/vnd.oci.image.layer.v1.tar", digest: "sha256:../../../etc/passwd", size: 1 },
        ];
      }),
    /no sha256 digest/,
  ],
  [
    "a digest of another algorithm",
    () =>
      ociLayoutOf([image], (m) => {
        m["layers"] = [
          { mediaType: "application/vnd.oci.image.layer.v1.tar", digest: `sha512:${"a".repeat(128)}`, size: 1 },
        ];
      }),
    /sha512/,
    "UNSUPPORTED",
  ],
  [
    "too many layers",
    () =>
      ociLayoutOf([image], (m) => {
        m["layers"] = Array.from({ length: 513 }, () => ({}));
      }),
    /more than 512/,
  ],
  [
    "a foreign layer type",
    () => ociLayoutOf([{ layers: [{ ...base, mediaType: "application/x-evil" }] }]),
    /unsupported type/,
    "UNSUPPORTED",
  ],
  [
    "a manifest larger than 4 MiB",
    () =>
      ociLayoutOf([image], (m) => {
        m["filler"] = "x".repeat(5 << 20);
      }),
    /larger than 4 MiB/,
  ],
  ["an index without images", () => ociLayoutOf([]), /holds no image/],
  ["a layer that climbs out", () => ociLayoutOf([{ layers: [{ tar: tarOf([{ name: "../../evil" }]) }] }]), /upwards/],
  ["a truncated layer", () => ociLayoutOf([{ layers: [{ tar: base.tar.subarray(0, 514) }] }]), /truncated/],
  [
    "a configuration that is not JSON",
    () => replaced(dockerArchiveOf([image]), /json$/, "nonsense"),
    /not JSON|digest is/,
  ],
  [
    "a docker layer's diffID",
    () => dockerArchiveOf([{ ...image, diffIds: [sha256("x"), sha256("y")] }]),
    /layer's diffID is/,
  ],
  [
    "a docker layer outside the archive",
    () => replaced(dockerArchiveOf([image]), /^manifest/, `[{"Config":"../../etc/passwd","Layers":[]}]`),
    /outside it/,
  ],
  [
    "a docker name that is invalid",
    () => dockerArchiveOf([{ ...image, names: ["UPPER"] }]),
    /lower case/,
    "INVALID_ARGUMENT",
  ],
  ["no image at all", () => new Map([["readme", Buffer.from("hello")]]), /no manifest.json/],
];

function damaged(files: Map<string, Buffer>, digest: string, bytes: Buffer): Map<string, Buffer> {
  return files.set(`blobs/${digest.replace(":", "/")}`, bytes);
}

function removed(files: Map<string, Buffer>, digest: string): Map<string, Buffer> {
  files.delete(`blobs/${digest.replace(":", "/")}`);
  return files;
}

function replaced(files: Map<string, Buffer>, name: RegExp, text: string): Map<string, Buffer> {
  for (const key of files.keys()) if (name.test(key)) files.set(key, Buffer.from(text));
  return files;
}

for (const [what, make, says, code] of damages) {
  test(`refused, and nothing stays: ${what}`, async () => {
    const error = await rejection(fixture.store.load(writeArchive(inFolder("a.tar"), make())));
    assert.match(error.message, says);
    assert.is(error.code, code ?? "CORRUPT");
    assert.equal(fixture.store.list(), []);
    assert.equal(layerFolders(), []);
  });
}

test("a broken outer archive is corrupt, a missing one not found", async () => {
  writeArchive(inFolder("a.tar"), ociLayoutOf([image]));
  truncateSync(inFolder("a.tar"), 3000);
  assert.is((await rejection(fixture.store.load(inFolder("a.tar")))).code, "CORRUPT");
  writeFileSync(inFolder("b.tar"), "not a tar at all".repeat(100));
  assert.is((await rejection(fixture.store.load(inFolder("b.tar")))).code, "CORRUPT");
  assert.is((await rejection(fixture.store.load(inFolder("absent.tar")))).code, "NOT_FOUND");
  assert.is((await rejection(fixture.store.import(inFolder("absent.tar"), { name: "x" }))).code, "NOT_FOUND");
  assert.equal(layerFolders(), []);
});

test("a symlink in a layout folder is not followed", async () => {
  const layout = writeFolder(inFolder("layout"), removed(ociLayoutOf([image]), sha256(base.tar)));
  writeFileSync(inFolder("elsewhere"), base.tar);
  symlinkSync(inFolder("elsewhere"), join(layout, `blobs/${sha256(base.tar).replace(":", "/")}`));
  assert.match((await rejection(fixture.store.load(layout))).message, /not a regular file/);
});

test("import makes an image of one layer, deterministic when its time is told", async () => {
  const path = writeGzipTar(inFolder("rootfs.tgz"), [{ name: "bin/sh", body: "x" }]);
  const options = {
    name: "made:1",
    createdAt: "2020-01-01T00:00:00.000Z",
    config: { cmd: ["/bin/sh"], env: ["PATH=/bin"] },
  };
  const first = await fixture.store.import(path, options);
  const second = await fixture.store.import(writeTar(inFolder("rootfs.tar"), [{ name: "bin/sh", body: "x" }]), options);
  assert.is(first.id, second.id);
  assert.equal(
    [first.config.cmd, first.config.env, first.createdAt],
    [["/bin/sh"], ["PATH=/bin"], "2020-01-01T00:00:00.000Z"],
  );
});

test("found by name, id and prefix; ambiguity and absence are told", async () => {
  const [loaded] = await fixture.store.load(writeArchive(inFolder("a.tar"), ociLayoutOf([image])));
  const id = loaded?.id ?? "";
  for (const way of ["example.org/app:1", id, id.slice(7), id.slice(7, 11), id.slice(0, 12)]) {
    assert.is(fixture.store.inspect(way).id, id);
  }
  for (const [way, code] of [
    ["absent", "NOT_FOUND"],
    [id.slice(7, 10), "NOT_FOUND"],
    ["Not A Name", "INVALID_ARGUMENT"],
  ] as const) {
    try {
      fixture.store.inspect(way);
      assert.unreachable();
    } catch (thrown) {
      assert.is((thrown as { code?: string }).code, code, way);
    }
  }
});

test("a name moves to the image that was loaded last", async () => {
  await fixture.store.import(writeTar(inFolder("1.tar"), [{ name: "a" }]), { name: "app" });
  const second = await fixture.store.import(writeTar(inFolder("2.tar"), [{ name: "b" }]), { name: "app" });
  assert.is(fixture.store.inspect("app").id, second.id);
  assert.equal(
    fixture.store
      .list()
      .map((one) => one.names)
      .sort(),
    [[], ["app:latest"]],
  );
});

test("the last name takes the image and its own layers along", async () => {
  const other: FixtureImage = { layers: [base], names: ["other", "other:2"] };
  await fixture.store.load(writeArchive(inFolder("a.tar"), dockerArchiveOf([image, other])));
  assert.is(layerFolders().length, 2);
  assert.equal((await fixture.store.remove("example.org/app:1")).deleted, true);
  assert.equal(layerFolders(), [sha256(base.tar).slice(7)]);
  const { id } = fixture.store.inspect("other");
  assert.equal(await fixture.store.remove("other:2"), { id, untagged: ["other:2"], deleted: false });
  assert.is((await rejection(fixture.store.remove("other", { usedBy: () => ["c1"] }))).code, "FAILED_PRECONDITION");
  await fixture.store.remove("other", { usedBy: () => [] });
  assert.equal(layerFolders(), []);
  assert.equal(fixture.store.list(), []);
});

test("an image of several names goes by its id only with force", async () => {
  const [loaded] = await fixture.store.load(
    writeArchive(inFolder("a.tar"), dockerArchiveOf([{ layers: [base], names: ["a", "b"] }])),
  );
  const id = loaded?.id ?? "";
  assert.is((await rejection(fixture.store.remove(id))).code, "FAILED_PRECONDITION");
  assert.equal((await fixture.store.remove(id, { force: true })).untagged, ["a:latest", "b:latest"]);
});

test("what a crash leaves is cleared at the next open", async () => {
  const [loaded] = await fixture.store.load(writeArchive(inFolder("a.tar"), ociLayoutOf([image])));
  assert.ok(loaded);
  const layers = join(fixture.root, "layers");
  mkdirSync(join(layers, ".partial-0011/layer"), { recursive: true });
  mkdirSync(join(layers, "f".repeat(64)));
  const reopened = fixture.reopen();
  assert.equal(layerFolders().sort(), loaded.layers.map((diffId) => diffId.slice(7)).sort());
  assert.is(reopened.layersOf(loaded).length, 2);
});

test("an opaque root hides every layer below", async () => {
  const opaque = { tar: tarOf([{ name: ".wh..wh..opq" }, { name: "only", body: "1" }]) };
  const [loaded] = await fixture.store.load(writeArchive(inFolder("a.tar"), ociLayoutOf([{ layers: [base, opaque] }])));
  assert.ok(loaded);
  assert.equal(
    fixture.store.layersOf(loaded).map((path) => readdirSync(path)),
    [["only"]],
  );
});

test("loads of the same layers at once share them", async () => {
  writeArchive(inFolder("a.tar"), ociLayoutOf([image]));
  const loads = await Promise.all([1, 2, 3].map(() => fixture.store.load(inFolder("a.tar"))));
  assert.is(new Set(loads.map(([one]) => one?.id)).size, 1);
  assert.is(layerFolders().length, 2);
});

test("an aborted load leaves nothing", async () => {
  const aborted = AbortSignal.abort();
  writeArchive(inFolder("a.tar"), ociLayoutOf([image]));
  assert.is((await rejection(fixture.store.load(inFolder("a.tar"), { signal: aborted }))).code, "CANCELLED");
  assert.is(
    (
      await rejection(
        fixture.store.import(writeTar(inFolder("r.tar"), [{ name: "a" }]), { name: "x", signal: aborted }),
      )
    ).code,
    "CANCELLED",
  );
  assert.equal(layerFolders(), []);
});

test("progress tells the stages", async () => {
  const stages: string[] = [];
  await fixture.store.load(writeArchive(inFolder("a.tar"), ociLayoutOf([image])), {
    onProgress: ({ stage }) => stages.push(stage),
  });
  assert.is(stages[0], "read");
  assert.ok(stages.includes("unpack"));
  assert.is(stages.at(-1), "done");
});

/** A tree of every kind of file, with owners, modes and times that differ; the same at every run but for `big`. */
function makeTree(folder: string): void {
  const long = "n".repeat(200);
  for (let i = 1; i <= 60; i++) {
    const parent = join(folder, `d${i % 7}/e${i}`);
    mkdirSync(parent, { recursive: true });
    for (let j = 1; j <= 12; j++) {
      const path = join(parent, `f${j}`);
      writeFileSync(path, `${i} ${j}`);
      chownSync(path, i, j);
      chmodSync(path, (i * 149 + j * 613) % 0o10000);
      utimesSync(path, i * 1000, i * 1000 + j / 8);
    }
    linkSync(join(parent, "f2"), join(parent, "hard"));
    symlinkSync(`../e${i}/f1`, join(parent, "link"));
    lutimesSync(join(parent, "link"), i, i * 100_000.25);
    chownSync(parent, i, 7);
    chmodSync(parent, 0o1700 + i);
    utimesSync(parent, i, i * 7919.5);
  }
  mkdirSync(join(folder, long, long), { recursive: true });
  writeFileSync(join(folder, long, long, long), "long");
  symlinkSync(join(long, long, long), join(folder, "longlink"));
  writeFileSync(join(folder, "big"), randomBytes(3_000_000));
  execFileSync("sh", ["-c", "mkfifo fifo && mknod null c 1 3 && mknod disk b 8 1"], { cwd: folder });
}

for (const format of ["pax", "gnu"]) {
  test(`a big tree in ${format} format comes out as GNU tar unpacks it, entry by entry`, async () => {
    makeTree(inFolder("made/tree"));
    execFileSync("tar", ["-C", inFolder("made"), `--format=${format}`, "-czf", inFolder("tree.tgz"), "tree"]);
    mkdirSync(inFolder("gnu"), { mode: 0o755 });
    execFileSync("tar", ["-C", inFolder("gnu"), "-xpzf", inFolder("tree.tgz"), "--same-owner"]);
    const imported = await fixture.store.import(inFolder("tree.tgz"), { name: "tree" });
    const [layer] = fixture.store.layersOf(imported);
    assert.ok(layer);
    const [mine, theirs] = [listing(layer), listing(inFolder("gnu"))];
    assert.ok(mine.length > 900);
    assert.is(mine.length, theirs.length);
    assert.equal(mine.filter((line, index) => line !== theirs[index]).slice(0, 5), []);
    const regular = "find tree -type f | sort | xargs sha256sum";
    assert.is(output(regular, layer), output(regular, inFolder("gnu")));
  });
}

function output(command: string, folder: string): string {
  return execFileSync("sh", ["-c", command], { cwd: folder, maxBuffer: 1 << 26 }).toString();
}

function listing(folder: string): string[] {
  return output("find tree -printf '%p %y %m %U %G %T@ %l %n %s\\n' | sort", folder).split("\n");
}

test.run();
