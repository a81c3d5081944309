import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { baseImage, CliHome, result } from "./cli-home.js";

const test = suite("granule serve");

test("a state directory has one owner; a second is refused and told who", async () => {
  const home = await CliHome.open();
  try {
    const { pid } = JSON.parse((await home.run(["info", "--json"])).stdout) as { pid: number };
    const second = await home.run(["serve"]);
    assert.is(second.code, 1);
    assert.match(second.stderr, String(pid));
  } finally {
    await home.close();
  }
});

test("SIGTERM ends it with 0", async () => {
  const home = await CliHome.open();
  try {
    assert.is(await home.stopOwner(), 0);
  } finally {
    await home.close();
  }
});

test("--idle-exit leaves by itself", async () => {
  const home = await CliHome.open();
  try {
    await home.stopOwner();
    const owner = home.start(["serve", "--idle-exit", "100ms"]);
    assert.is((await result(owner)).code, 0);
  } finally {
    await home.close();
  }
});

test("a command without an owner starts one, which the next command finds", async () => {
  const home = await CliHome.open();
  try {
    await home.stopOwner();
    const run = await home.run(["run", "--rm", baseImage, "echo", "started"]);
    assert.equal(run, { code: 0, stdout: "started\n", stderr: "" });
    const info = async (): Promise<{ pid: number; state: string }> =>
      JSON.parse((await home.run(["info", "--json"])).stdout) as { pid: number; state: string };
    const first = await info();
    assert.is((await info()).pid, first.pid);
    const socket = connect(join(first.state, "granule.sock"));
    await once(socket, "connect");
    const gone = once(socket, "close");
    process.kill(first.pid, "SIGTERM");
    await gone;
  } finally {
    await home.close();
  }
});

test("--host speaks to the one at a url", async () => {
  const home = await CliHome.open();
  try {
    const elsewhere = ["--host", `unix:${join(home.root, "run/granule.sock")}`, "--root", "/no/such/root"];
    const { root } = JSON.parse((await home.run([...elsewhere, "info", "--json"])).stdout) as { root: string };
    assert.is(root, home.root);
  } finally {
    await home.close();
  }
});

test.run();
