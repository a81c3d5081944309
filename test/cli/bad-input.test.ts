import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { baseImage, CliHome } from "./cli-home.js";

const home = await CliHome.open();
const test = suite("bad input to granule run");
test.after(() => home.close());

const brokenArchive = join(home.root, "broken.tar");
writeFileSync(brokenArchive, "this is no archive");

/** A clear failure: the code, one line that names the cause, and nothing left behind. */
async function fails(args: string[], code: number, message: RegExp): Promise<void> {
  const before = await home.containers();
  const run = await home.run(args);
  assert.is(run.code, code, run.stderr);
  assert.is(run.stdout, "");
  assert.match(run.stderr, /^granule: [^\n]+\n(hint: [^\n]+\n)?$/);
  assert.match(run.stderr, message);
  assert.equal(await home.containers(), before);
}

const inputs: [title: string, options: string[], code: number, message: RegExp][] = [
  ["no such command", [baseImage, "no-such-program"], 127, /no-such-program/],
  ["no such command by path", [baseImage, "/no/such/program"], 127, /\/no\/such\/program/],
  ["not executable", [baseImage, "/etc/passwd"], 126, /\/etc\/passwd/],
  ["a folder as command", [baseImage, "/etc"], 126, /\/etc/],
  ["unknown image", ["--pull", "never", "no-such-image", "true"], 125, /no-such-image/],
  [
    "unknown image, and no registry",
    ["127.0.0.1:1/no-such-image", "true"],
    125,
    /no image '127.0.0.1:1\/no-such-image'/,
  ],
  ["a missing env file", ["--env-file", "/no/such/file", baseImage, "true"], 125, /\/no\/such\/file/],
  ["cpus 0", ["--cpus", "0", baseImage, "true"], 125, /cpus/],
  ["negative cpus", ["--cpus", "-1", baseImage, "true"], 125, /cpus/],
  ["cpus above the host", ["--cpus", String(availableParallelism() + 1), baseImage, "true"], 125, /cpus/],
  ["memory below what exec needs", ["-m", "4k", baseImage, "true"], 125, /memory/],
  ["unknown user", ["-u", "nobody-known", baseImage, "true"], 125, /nobody-known/],
  ["bad mount source", ["-v", "/no/such/source:/mnt", baseImage, "true"], 125, /\/no\/such\/source/],
  ["300-character name", ["--name", "n".repeat(300), baseImage, "true"], 125, /name/],
  ["env without =", ["-e", "NOVALUE", baseImage, "true"], 125, /NOVALUE/],
  ["a relative mount target", ["-v", "/tmp:mnt", baseImage, "true"], 125, /mnt/],
  ["an unknown option", ["--bogus", baseImage, "true"], 125, /--bogus/],
  ["no image", [], 125, /image/],
  ["a samples file that cannot be", ["--stats", "/no/such/folder/x", baseImage, "true"], 125, /\/no\/such\/folder\/x/],
  ["-it without a terminal", ["-it", baseImage, "true"], 125, /terminal/],
];

for (const [title, options, code, message] of inputs) {
  test(`${title} is ${code}`, () => fails(["run", ...options], code, message));
}

test("a name taken is 125, and its owner stays", async () => {
  assert.is((await home.run(["create", "--name", "taken", baseImage, "true"])).code, 0);
  const before = await home.containers();
  const run = await home.run(["run", "--name", "taken", baseImage, "true"]);
  assert.is(run.code, 125);
  assert.match(run.stderr, /taken/);
  assert.equal(await home.containers(), before);
  assert.is((await home.run(["rm", "taken"])).code, 0);
});

test("a broken archive is told, and no image comes of it", async () => {
  const load = await home.run(["load", "-i", brokenArchive]);
  assert.is(load.code, 1);
  assert.match(load.stderr, /^granule: /);
  const images = JSON.parse((await home.run(["images", "--json"])).stdout) as { names: string[] }[];
  assert.equal(
    images.flatMap((image) => image.names),
    [baseImage],
  );
});

test("one bad name of several is told, and the others are done", async () => {
  await home.run(["create", "--name", "good", baseImage, "true"]);
  const rm = await home.run(["rm", "absent", "good"]);
  assert.is(rm.code, 1);
  assert.is(rm.stdout, "good\n");
  assert.match(rm.stderr, /absent/);
});

test.run();
