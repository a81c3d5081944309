import { execFileSync } from "node:child_process";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { baseImage, CliHome, mainPath } from "./cli-home.js";

const home = await CliHome.open();
const test = suite("a terminal");
test.after(() => home.close());

const granule = `${process.execPath} ${mainPath}`;

test("-t gives the container a terminal", async () => {
  const run = await home.run(["run", "--rm", "-t", baseImage, "sh", "-c", "tty; test -t 0 && test -t 1 && echo yes"]);
  assert.is(run.code, 0, run.stderr);
  assert.match(run.stdout, /\/dev\/(pts\/\d+|console)\r\nyes\r\n/);
});

test("its size is this terminal's", async () => {
  const terminal = home.terminal(`stty rows 33 cols 77; ${granule} run --rm -it ${baseImage} stty size`);
  assert.is(await terminal.exit(), 0, terminal.shown);
  assert.match(terminal.shown, "33 77");
});

test("keys arrive raw, Ctrl-C as well", async () => {
  const script = "trap 'echo interrupted; exit 5' INT; echo up; while :; do sleep 0.05; done";
  const terminal = home.terminal(`${granule} run --rm -it ${baseImage} sh -c "${script}"`);
  await terminal.shows("up");
  terminal.type("\u0003");
  assert.is(await terminal.exit(), 5, terminal.shown);
  assert.match(terminal.shown, "interrupted");
});

test("a new size arrives while it runs", async () => {
  const script = "trap 'stty size; exit 6' WINCH; echo up; while :; do sleep 0.05; done";
  const terminal = home.terminal(`tty; ${granule} run --rm -it ${baseImage} sh -c "${script}"`);
  await terminal.shows("up");
  const device = /\/dev\/pts\/\d+/.exec(terminal.shown)?.[0] ?? "";
  execFileSync("stty", ["-F", device, "rows", "11", "cols", "22"]);
  assert.is(await terminal.exit(), 6, terminal.shown);
  assert.match(terminal.shown, "11 22");
});

test("Ctrl-P Ctrl-Q leaves it running and the terminal as it was", async () => {
  const terminal = home.terminal(`stty -g; ${granule} run -it --name left ${baseImage} sh; echo code $?; stty -g`);
  await terminal.shows("# ");
  terminal.type("\u0010\u0011");
  assert.is(await terminal.exit(), 0);
  assert.match(terminal.shown, "code 0");
  const settings = terminal.shown.match(/^[0-9a-f]+(:[0-9a-f]+)+/gm) ?? [];
  assert.is(settings.length, 2, terminal.shown);
  assert.is(settings[0], settings[1]);
  const { stdout } = await home.run(["ps", "--json"]);
  const listed = JSON.parse(stdout) as { name: string; state: string }[];
  assert.equal(
    listed.map(({ name, state }) => [name, state]),
    [["left", "running"]],
  );
});

test("attach comes back to it", async () => {
  const terminal = home.terminal(`${granule} attach left`);
  terminal.type("echo $((40 + 2)) back; exit 8\r");
  assert.is(await terminal.exit(), 8, terminal.shown);
  assert.match(terminal.shown, "42 back");
  assert.is((await home.run(["rm", "left"])).code, 0);
});

test("the terminal is as it was after a failure and after a kill of the command", async () => {
  const terminal = home.terminal(
    `stty -g; ${granule} run --rm -it ${baseImage} no-such-program; ${granule} run --rm -it --name killed ${baseImage} sh; echo; stty -g`,
  );
  await terminal.shows("# ");
  assert.is((await home.run(["kill", "killed"])).code, 0);
  assert.is(await terminal.exit(), 0);
  const settings = terminal.shown.match(/^[0-9a-f]+(:[0-9a-f]+)+/gm) ?? [];
  assert.is(settings.length, 2, terminal.shown);
  assert.is(settings[0], settings[1]);
});

test("exec -it", async () => {
  assert.is((await home.run(["run", "-d", "--name", "host", baseImage, "sleep", "60"])).code, 0);
  const terminal = home.terminal(`stty rows 21 cols 43; ${granule} exec -it host sh -c 'stty size; exit 4'`);
  assert.is(await terminal.exit(), 4, terminal.shown);
  assert.match(terminal.shown, "21 43");
  assert.is((await home.run(["rm", "-f", "host"])).code, 0);
});

test.run();
