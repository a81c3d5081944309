import { suite } from "uvu";
import * as assert from "uvu/assert";
import { baseImage, CliHome, result, until } from "./cli-home.js";

const home = await CliHome.open();
const test = suite("the life of a container on the command line");
test.after(() => home.close());

interface Listed {
  id: string;
  name: string;
  image: string;
  state: string;
  tags: Record<string, string>;
  cpus?: number;
  memoryBytes?: number;
  pid?: number;
}

async function listed(...options: string[]): Promise<Listed[]> {
  return JSON.parse((await home.run(["ps", "--json", ...options])).stdout) as Listed[];
}

async function ok(args: string[], input = ""): Promise<string> {
  const run = await home.run(args, input);
  assert.is(run.code, 0, `${args.join(" ")}: ${run.stderr}`);
  return run.stdout;
}

/** The one item of a listing that has to have just one. */
function only<T>(list: T[]): T {
  assert.is(list.length, 1);
  return list[0] as T;
}

test("create, start, pause, resume, stop, rm, with what ps says of each", async () => {
  const id = (
    await ok(["create", "--name", "life", "--tag", "team=a", "--cpus", "0.5", "-m", "64m", baseImage, "sleep", "60"])
  ).trim();
  assert.equal(await listed(), []);
  const created = only(await listed("-a"));
  assert.is(created.id, id);
  assert.is(created.name, "life");
  assert.is(created.state, "created");
  assert.is(created.image, baseImage);
  assert.equal(created.tags, { team: "a" });
  assert.is(created.cpus, 0.5);
  assert.is(created.memoryBytes, 64 * 2 ** 20);

  assert.is(await ok(["start", "life"]), "life\n");
  const running = only(await listed());
  assert.is(running.state, "running");
  assert.type(running.pid, "number");
  await ok(["pause", "life"]);
  assert.is(only(await listed()).state, "paused");
  await ok(["unpause", "life"]);
  assert.is(only(await listed("--tag", "team=a")).state, "running");
  assert.equal(await listed("--tag", "team=b"), []);

  await ok(["stop", "-t", "0", "life"]);
  assert.equal(await listed(), []);
  assert.is(only(await listed("-a")).state, "stopped");
  await ok(["restart", "-t", "0", "life"]);
  assert.is(only(await listed()).state, "running");
  assert.is((await home.run(["rm", "life"])).code, 1);
  await ok(["rm", "-f", "life"]);
  assert.equal(await listed("-a"), []);
});

test("update changes the limits in place", async () => {
  await ok(["run", "-d", "--name", "grow", "--cpus", "0.5", "-m", "64m", baseImage, "sleep", "60"]);
  await ok(["update", "--cpus", "1", "-m", "128m", "grow"]);
  const info = only(JSON.parse(await ok(["inspect", "grow"])) as Listed[]);
  assert.is(info.cpus, 1);
  assert.is(info.memoryBytes, 128 * 2 ** 20);
  assert.is((await home.run(["update", "grow"])).code, 1);
  await ok(["rm", "-f", "grow"]);
});

test("exec: output, input, code, environment", async () => {
  await ok(["run", "-d", "--name", "host", baseImage, "sleep", "60"]);
  assert.is(await ok(["exec", "host", "echo", "hi"]), "hi\n");
  assert.is(await ok(["exec", "-i", "host", "cat"], "typed\n"), "typed\n");
  assert.is(await ok(["exec", "-e", "A=1", "-w", "/tmp", "host", "sh", "-c", 'echo "$A $(pwd)"']), "1 /tmp\n");
  assert.is((await home.run(["exec", "host", "sh", "-c", "exit 7"])).code, 7);
  assert.is((await home.run(["exec", "host", "no-such-program"])).code, 127);
  assert.is((await home.run(["exec", "host", "/etc/passwd"])).code, 126);
  assert.is((await home.run(["exec", "absent", "true"])).code, 125);
  await ok(["rm", "-f", "host"]);
});

test("logs: tail, times and both streams", async () => {
  await ok(["run", "-d", "--name", "talk", baseImage, "sh", "-c", "echo one; echo two >&2; printf three"]);
  await ok(["wait", "talk"]);
  const logs = await home.run(["logs", "talk"]);
  assert.equal([logs.stdout, logs.stderr], ["one\nthree", "two\n"]);
  assert.is(await ok(["logs", "--tail", "1", "talk"]), "three");
  assert.match(await ok(["logs", "-t", "talk"]), /^\d{4}-\d\d-\d\dT[\d:.]+Z one\n/);
  assert.is(await ok(["logs", "--since", "2099-01-01", "talk"]), "");
  await ok(["rm", "talk"]);
});

test("attach shows what comes and leaves with the code", async () => {
  await ok(["run", "-d", "-i", "--name", "wired", baseImage, "sh", "-c", 'read line; echo "got $line"; exit 6']);
  const attach = await home.run(["attach", "wired"], "word\n");
  assert.equal(attach, { code: 6, stdout: "got word\n", stderr: "" });
  await ok(["rm", "wired"]);
});

test("start -a -i", async () => {
  await ok(["create", "-i", "--name", "later", baseImage, "cat"]);
  assert.is(await ok(["start", "-a", "-i", "later"], "echoed"), "echoed");
  await ok(["rm", "later"]);
});

test("events tell of a run as it happens", async () => {
  const events = home.start(["events", "--json"]);
  if (events.stdout === null) throw new Error("no stdout");
  const seen = until(events.stdout, '"remove"');
  // A subscription is in force once its first event came: runs go on until it did.
  const heard = { yes: false };
  void seen.then(() => (heard.yes = true));
  while (!heard.yes) await ok(["run", "--rm", "--name", "told", baseImage, "true"]);
  const actions = (await seen)
    .trimEnd()
    .split("\n")
    .map((line) => (JSON.parse(line) as { action: string }).action);
  assert.ok(actions.includes("remove"));
  events.kill();
  await result(events);
});

test("images, inspect of an image, info, prune", async () => {
  const image = only(JSON.parse(await ok(["images", "--json"])) as { id: string; names: string[]; size: number }[]);
  assert.equal(image.names, [baseImage]);
  assert.ok(image.size > 0);
  const inspected = only(JSON.parse(await ok(["inspect", baseImage])) as { id: string }[]);
  assert.is(inspected.id, image.id);
  const info = JSON.parse(await ok(["info", "--json"])) as { root: string; cgroup: { mode: string } };
  assert.is(info.root, home.root);
  assert.match(info.cgroup.mode, /^(unified|hybrid|none)$/);
  await ok(["run", "--name", "ended", baseImage, "true"]);
  const { id } = only(JSON.parse(await ok(["inspect", "ended"])) as Listed[]);
  const pruned = JSON.parse(await ok(["prune", "--json"])) as { id: string }[];
  assert.ok(pruned.some((gone) => gone.id === id));
  assert.not.ok((await home.containers()).includes(id));
});

test("the owner may go and come back: the container runs on", async () => {
  await ok(["run", "-d", "--name", "stays", baseImage, "sh", "-c", "sleep 1; exit 3"]);
  assert.is(await home.stopOwner(), 0);
  await home.startOwner();
  assert.is(await ok(["wait", "stays"]), "3\n");
  await ok(["rm", "stays"]);
});

test.run();
