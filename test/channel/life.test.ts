import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Container, Runtime } from "../../src/api.js";
import { connect } from "../../src/channel/connect.js";
import { METHODS } from "../../src/channel/methods.js";
import type { Schema } from "../../src/channel/schema.js";
import { type ChannelServer, serveChannel } from "../../src/channel/server.js";
import { parse } from "../../src/channel/validate.js";
import { GranuleError } from "../../src/errors.js";
import { Fixture, logText, text } from "../runtime/fixture.js";
import { take } from "./served.js";
import { removeTestCgroup } from "./test-cgroup.js";

/** A container's life through the channel, with the runtime itself at the far end. */
const test = suite<{ fixture: Fixture; server: ChannelServer; folder: string; client: Runtime }>(
  "life over the channel",
);

test.before(async (context) => {
  context.folder = mkdtempSync(join(tmpdir(), "granule-life-"));
  context.fixture = await Fixture.open();
  context.server = await serveChannel(context.fixture.runtime, { path: join(context.folder, "s.sock") });
  context.client = await connect(`unix:${context.server.path}`);
});

test.after(async (context) => {
  await context.client.close();
  await context.server.close();
  await context.fixture.close();
  rmSync(context.folder, { recursive: true });
  removeTestCgroup();
});

function run(client: Runtime, script: string, more: object = {}): Promise<Container> {
  return client.containers.run({ image: "busybox", command: ["sh", "-c", script], ...more });
}

test("run, wait, log, remove; events tell of it", async ({ client }) => {
  const abort = new AbortController();
  const events = client.events({ signal: abort.signal });
  const container = await run(client, "echo out; echo err >&2; exit 5", { name: "five", tags: { team: "a" } });
  const exit = await container.wait();
  assert.is(exit.code, 5);
  assert.is(await logText(container, "stdout"), "out\n");
  assert.is(await logText(container, "stderr"), "err\n");
  const info = await container.inspect();
  assert.is(info.name, "five");
  assert.is(info.state, "stopped");
  assert.equal(info.exit, exit);
  await container.remove();
  const actions: string[] = [];
  for await (const event of events) {
    if (event.id === container.id) actions.push(event.action);
    if (event.action === "remove") abort.abort();
  }
  assert.equal(actions, ["create", "start", "die", "remove"]);
});

test("exec with stdin, resize of its terminal, attach to the first process", async ({ client }) => {
  const container = await run(client, "cat", { stdin: true });
  const exec = await container.exec({ command: ["sh", "-c", "cat; exit 3"], stdin: true });
  await exec.write(Buffer.from("to and fro"));
  await exec.closeInput();
  let echoed = "";
  for await (const { data } of exec.output) echoed += text(data);
  assert.is(echoed, "to and fro");
  assert.is((await exec.wait()).code, 3);

  const terminal = await container.exec({ command: ["sh"], tty: true, stdin: true });
  await terminal.resize(33, 99);
  await terminal.write(Buffer.from("stty size; exit\n"));
  let screen = "";
  for await (const { data } of terminal.output) screen += text(data);
  assert.match(screen, "33 99");

  const attached = await container.attach({ stdin: true, stdout: true, stderr: true });
  await attached.write(Buffer.from("hello\n"));
  const [first] = await take(attached.output, 1);
  assert.is(text(first?.data ?? new Uint8Array()), "hello\n");
  await attached.detach();
  assert.is((await container.inspect()).state, "running");
  await container.kill("SIGKILL");
  assert.is((await container.wait()).signal, "SIGKILL");
  await container.remove();
});

test("pause, resume, stop; logs are followed to the end", async ({ client }) => {
  const container = await run(client, "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done");
  const lines: string[] = [];
  for await (const line of container.logs({ follow: true })) {
    lines.push(text(line.data));
    if (lines.length > 1) continue;
    await container.pause();
    assert.is((await container.inspect()).state, "paused");
    await container.resume();
    assert.is((await container.stop({ timeoutSeconds: 5 })).code, 0);
  }
  assert.equal(lines, ["up", "bye"]);
  await container.remove();
});

test("15 MB of output arrive complete and in order", async ({ client }) => {
  const container = await client.containers.create({
    image: "busybox",
    command: ["sh", "-c", "seq 1 2000000"],
    logMaxBytes: 32 << 20,
  });
  const attached = await container.attach({ stdout: true });
  await container.start();
  let rest = "";
  let next = 1;
  let bytes = 0;
  for await (const { data } of attached.output) {
    bytes += data.length;
    const lines = (rest + Buffer.from(data).toString("latin1")).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line !== `${next++}`) throw new Error(`${line} where ${next - 1} was to come`);
  }
  assert.is(bytes, 14_888_896);
  await container.wait();
  await container.remove();
});

test("a command that does not exist is the same error as in-process", async ({ client }) => {
  try {
    await client.containers.run({ image: "busybox", command: ["/no/such"] });
    assert.unreachable();
  } catch (error) {
    assert.instance(error, GranuleError);
    assert.is((error as GranuleError).code, "COMMAND_NOT_FOUND");
  }
});

test("what the server sends is what the table says, to the last field", async ({ client, fixture }) => {
  const abort = new AbortController();
  const events = client.events({ signal: abort.signal });
  const container = await run(client, "sleep 30", { name: "table", tags: { team: "a" }, memory: 64 << 20, cpus: 0.5 });
  const [sample] = await take(container.samples(), 1);
  const [event] = await take(events, 1);
  const sent: [Schema<unknown>, unknown][] = [
    [METHODS["containers.inspect"].result, await container.inspect()],
    [METHODS["containers.list"].result, await client.containers.list()],
    [METHODS["runtime.info"].result, await client.info()],
    [METHODS["images.list"].result, await client.images.list()],
    [METHODS["samples.subscribe"].items as Schema<unknown>, { epoch: "e", seq: 1, samples: [sample] }],
    [METHODS["events.subscribe"].items as Schema<unknown>, event],
    [METHODS["containers.wait"].result, await container.stop({ timeoutSeconds: 0 })],
    [METHODS["usage.query"].result, await client.usage.query({ id: container.id })],
  ];
  for (const [schema, value] of sent) assert.equal(parse(schema, value), value);
  assert.is((await client.usage.query({ id: container.id })).length, 1);
  await container.remove();
  assert.equal(await fixture.runtime.containers.list({ all: true }), []);
});

test("samples and usage", async ({ client }) => {
  const container = await run(client, "sleep 30");
  const [sample] = await take(container.samples(), 1);
  assert.is(sample?.id, container.id);
  await container.kill("SIGKILL");
  await container.wait();
  const records = await client.usage.query({ id: container.id });
  assert.is(records.length, 1);
  assert.ok((records[0]?.seconds ?? 0) >= 1);
  await container.remove();
});

test.run();
