import { chownSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { defaultCapabilities } from "../../src/spec/capability-sets.js";
import { seccompProgram } from "../../src/spec/seccomp.js";
import { skeletonLayer } from "../../src/spec/skeleton.js";
import { LaunchBench, type LaunchOptions } from "./launched.js";

const bench = new LaunchBench();
const test = suite("spec in a container");
const daemon = { uid: 1000, gid: 1000, additionalGids: [], home: "/" };
const applets = ["sh", "cat", "echo", "grep", "touch", "mount", "unshare", "chmod", "stat", "id", "ls"];

async function outputOf(script: string, options: LaunchOptions): Promise<string> {
  const launched = await bench.launch(["/bin/sh", "-c", script], options);
  assert.ok(
    launched.report.ok,
    JSON.stringify(launched.report, (_, value: unknown) => String(value)),
  );
  await launched.exit();
  return launched.output();
}

test.after(() => bench.close());

test("a volume begins as the image has it, and stays writable under a read-only root", async () => {
  const layer = bench.layer("volume", applets);
  mkdirSync(join(layer, "data"));
  writeFileSync(join(layer, "data/seed"), "seeded\n");
  chownSync(join(layer, "data"), daemon.uid, daemon.gid);
  const script = "cat /data/seed; touch /data/x && echo volume; touch /new/x && echo made; touch /x || echo read-only";
  const output = await outputOf(script, { layers: [layer], volumes: ["/data", "/new"], readOnly: true });
  assert.is(output, "seeded\nvolume\nmade\nread-only\n");
  const asUser = { layers: [layer], volumes: ["/data"], readOnly: true, user_: daemon };
  assert.is(await outputOf("touch /data/y && echo mine", asUser), "mine\n");
});

test("the filter lets a shell work, and mounts and namespaces fail even where the capability is held", async () => {
  const layer = bench.layer("filtered", applets);
  const filter = seccompProgram(defaultCapabilities);
  const script = [
    "id -u | cat",
    "mount -t tmpfs none /tmp 2>&1 || echo no mount",
    "unshare -n true 2>/dev/null || echo no namespace",
    "grep Seccomp: /proc/self/status",
  ].join("; ");
  const output = await outputOf(script, { layers: [layer], filter, capAdd: ["SYS_ADMIN"] });
  assert.match(output, /^0\n[\s\S]*no mount\nno namespace\nSeccomp:\t2\n$/);
});

test("the files of the container's own stand in for the image's, which keep their content", async () => {
  const layer = bench.layer("files", applets);
  mkdirSync(join(layer, "etc"));
  writeFileSync(join(layer, "etc/hosts"), "from the image\n");
  const script =
    "cat /etc/hostname; grep -c image /etc/hosts; echo more >> /etc/hosts || echo read-only; ls -A /dev | grep granule";
  const files = { layers: [layer], hostname: "web" };
  assert.is(await outputOf(script, files), "web\n0\n");
  assert.is(await outputOf(script, { ...files, readOnly: true }), "web\n0\nread-only\n");
  assert.is(readFileSync(join(layer, "etc/hosts"), "utf8"), "from the image\n");
});

test("an image that lacks every folder starts without a file made in its layer", async () => {
  const layer = bench.layer("bare", applets);
  const skeleton = skeletonLayer(join(bench.folder, "skeleton"));
  const launched = await bench.launch(["/bin/sh", "-c", "cat /etc/hostname"], {
    layers: [layer, skeleton],
    hostname: "web",
  });
  await launched.exit();
  assert.is(launched.output(), "web\n");
  assert.equal(readdirSync(join(launched.folder, "upper")), []);
  assert.is(readFileSync(join(skeleton, "etc/hostname"), "utf8"), "");
});

test("what the set-up makes can be entered, however private granule's own umask is", async () => {
  const before = process.umask(0o077);
  try {
    const layer = bench.layer("masked", applets);
    const script = "stat -c '%a' /made/by /proc/../etc/hosts; umask";
    assert.is(await outputOf(script, { layers: [layer], workingDir: "/made/by" }), "755\n644\n0022\n");
  } finally {
    process.umask(before);
  }
});

test.run();
