import { once } from "node:events";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { baseImage, CliHome, result, until } from "./cli-home.js";

const home = await CliHome.open();
const test = suite("granule run");
test.after(() => home.close());

const sh = (script: string, ...options: string[]): string[] => [
  "run",
  "--rm",
  ...options,
  baseImage,
  "sh",
  "-c",
  script,
];

for (const code of [0, 3, 255]) {
  test(`leaves with the program's own code ${code}`, async () => {
    const run = await home.run(sh(`exit ${code}`));
    assert.equal(run, { code, stdout: "", stderr: "" });
  });
}

test("leaves with 128 + signal where one ended it", async () => {
  const child = home.start(sh("echo up; exec sleep 60", "--name", "victim"));
  const { stdout } = child;
  if (stdout === null) throw new Error("no stdout");
  // Before the kill: its end may come sooner than that of the command that kills it.
  const ended = result(child);
  await until(stdout, "up");
  assert.is((await home.run(["kill", "victim"])).code, 0);
  assert.is((await ended).code, 137);
});

test("stdout and stderr arrive apart and whole", async () => {
  const run = await home.run(sh("printf out; printf err >&2; printf put; echo or >&2"));
  assert.equal(run, { code: 0, stdout: "output", stderr: "error\n" });
});

test("much output arrives complete", async () => {
  const run = await home.run(sh("i=0; while [ $i -lt 20000 ]; do echo line $i of many; i=$((i+1)); done"));
  const lines = run.stdout.trimEnd().split("\n");
  assert.is(lines.length, 20000);
  assert.is(lines.at(-1), "line 19999 of many");
});

test("-i gives it stdin, and its end", async () => {
  const run = await home.run(["run", "--rm", "-i", baseImage, "sh", "-c", "cat; echo end"], "some\ninput\n");
  assert.equal(run, { code: 0, stdout: "some\ninput\nend\n", stderr: "" });
});

test("a megabyte through stdin and back", async () => {
  const input = "0123456789abcdef".repeat(65_536);
  const run = await home.run(["run", "--rm", "-i", baseImage, "cat"], input);
  assert.is(run.code, 0);
  assert.ok(run.stdout === input, `${run.stdout.length} bytes came back`);
});

test("without -i stdin is empty", async () => {
  assert.equal(await home.run(sh("cat; echo end"), "ignored"), { code: 0, stdout: "end\n", stderr: "" });
});

test("environment, working folder, host name and user arrive", async () => {
  const run = await home.run(
    sh('echo "$A $(pwd) $(hostname) $(id -u):$(id -g)"', "-e", "A=b=c", "-w", "/tmp", "-h", "box", "-u", "7:8"),
  );
  assert.equal(run, { code: 0, stdout: "b=c /tmp box 7:8\n", stderr: "" });
});

test("a signal to the command reaches the container", async () => {
  const child = home.start(sh("trap 'echo caught; exit 9' TERM; echo up; while :; do sleep 0.05; done"));
  if (child.stdout === null) throw new Error("no stdout");
  await until(child.stdout, "up");
  child.kill("SIGTERM");
  const ended = await result(child);
  assert.is(ended.code, 9);
  assert.match(ended.stdout, "caught");
});

test("-d prints the id, the container runs on, its log is kept", async () => {
  const run = await home.run(["run", "-d", "--name", "background", baseImage, "sh", "-c", "echo hello; exec sleep 60"]);
  assert.is(run.code, 0);
  assert.match(run.stdout, /^[0-9a-f]{12,64}\n$/);
  const follow = home.start(["logs", "-f", "background"]);
  if (follow.stdout === null) throw new Error("no stdout");
  const followed = once(follow, "exit");
  await until(follow.stdout, "hello\n");
  assert.is((await home.run(["stop", "-t", "0", "background"])).code, 0);
  await followed;
  assert.is((await home.run(["logs", "background"])).stdout, "hello\n");
  assert.is((await home.run(["wait", "background"])).stdout, "137\n");
  assert.is((await home.run(["rm", "background"])).stdout, "background\n");
});

test("--rm leaves nothing behind", async () => {
  await home.run(sh("true"));
  assert.equal(await home.containers(), []);
});

test("on-failure starts it again, and all its output is seen", async () => {
  const run = await home.run([
    "run",
    "--name",
    "again",
    "--restart",
    "on-failure:2",
    baseImage,
    "sh",
    "-c",
    "echo try; exit 5",
  ]);
  assert.is(run.code, 5);
  assert.is(run.stdout, "try\ntry\ntry\n");
  assert.is((await home.run(["rm", "again"])).code, 0);
});

test.run();
