import { Command } from "commander";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { CreateOptions } from "../../src/api.js";
import { addContainerOptions, type ContainerOptions, createOptionsOf } from "../../src/cli/create-options.js";

const test = suite("options of run and create");

function parse(...words: string[]): CreateOptions {
  let created: CreateOptions | undefined;
  const command = addContainerOptions(new Command("run").helpOption("--help").exitOverride());
  command.configureOutput({ writeErr: () => undefined });
  command.action((image: string, rest: string[], options: ContainerOptions) => {
    created = createOptionsOf(image, rest, options);
  });
  command.parse(words, { from: "user" });
  if (created === undefined) throw new Error("the action did not run");
  return created;
}

test("an image alone says nothing else", () => {
  assert.equal(parse("img"), { image: "img" });
});

test("what follows the image belongs to the command, options too", () => {
  assert.equal(parse("-i", "img", "sh", "-c", "exit 3", "--rm"), {
    image: "img",
    stdin: true,
    command: ["sh", "-c", "exit 3", "--rm"],
  });
});

test("limits", () => {
  const limits = parse("--cpus", "0.5", "-m", "128m", "--pids", "64", "--cpuset-cpus", "0-1", "img");
  assert.equal(limits, { image: "img", cpus: 0.5, memory: 134_217_728, pids: 64, cpuset: "0-1" });
  assert.is(parse("--pids-limit=9", "img").pids, 9);
  assert.is(parse("-m1g", "img").memory, 2 ** 30);
});

test("short options go together, and repeat", () => {
  const options = parse("-it", "-e", "A=1", "-eB=2", "-v/a:/b:ro", "--tmpfs", "/run", "img");
  assert.is(options.tty, true);
  assert.is(options.stdin, true);
  assert.equal(options.env, ["A=1", "B=2"]);
  assert.equal(options.mounts, [
    { type: "bind", source: "/a", target: "/b", readOnly: true },
    { type: "tmpfs", target: "/run" },
  ]);
});

test("tags and labels are one", () => {
  assert.equal(parse("--tag", "a=1", "-l", "b=2", "--label=c=3", "img").tags, { a: "1", b: "2", c: "3" });
});

test("an empty entrypoint removes the image's", () => {
  assert.equal(parse("--entrypoint", "", "img").entrypoint, []);
  assert.equal(parse("--entrypoint", "/bin/x", "img").entrypoint, ["/bin/x"]);
});

test("-h is the host name, as docker's", () => {
  assert.is(parse("-h", "web", "img").hostname, "web");
});

test("rlimits, capabilities, policies", () => {
  const options = parse(
    "--ulimit",
    "nofile=1:2",
    "--cap-add",
    "NET_ADMIN",
    "--cap-drop",
    "ALL",
    "--restart",
    "always",
    "img",
  );
  assert.equal(options.rlimits, { nofile: { soft: 1, hard: 2 } });
  assert.equal(options.capAdd, ["NET_ADMIN"]);
  assert.equal(options.capDrop, ["ALL"]);
  assert.equal(options.restart, { policy: "always" });
});

test("--rm with a restart policy is refused", () => {
  assert.throws(() => parse("--rm", "--restart", "always", "img"), /exclude each other/);
  assert.is(parse("--rm", "--restart", "no", "img").autoRemove, true);
});

test("an unknown option is a usage error", () => {
  assert.throws(() => parse("--bogus", "img"), /unknown option/);
});

test.run();
