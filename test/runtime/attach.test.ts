import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Attachment } from "../../src/api.js";
import type { GranuleError } from "../../src/errors.js";
import { Fixture, logText, text } from "./fixture.js";

const attach = suite("attach and exec");
let fixture: Fixture;

attach.before(async () => {
  fixture = await Fixture.open();
});
attach.after(() => (fixture as Fixture | undefined)?.close());

async function outputOf(attachment: Attachment, stream?: "stdout" | "stderr"): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of attachment.output)
    if (stream === undefined || piece.stream === stream) pieces.push(piece.data);
  return text(Buffer.concat(pieces));
}

attach("carries input, its end, and both outputs", async () => {
  const one = await fixture.create("cat; echo done >&2", { stdin: true });
  const attachment = await one.attach();
  await one.start();
  const output = outputOf(attachment);
  await attachment.write(Buffer.from("hello\n"));
  await attachment.closeInput();
  assert.is(await output, "hello\ndone\n");
  assert.is((await attachment.wait()).code, 0);
  assert.is((await one.wait()).code, 0);
  await one.remove();
});

attach("moves megabytes of input by credit", async () => {
  const one = await fixture.create("wc -c", { stdin: true });
  const attachment = await one.attach();
  await one.start();
  const output = outputOf(attachment);
  const block = Buffer.alloc(1 << 20, 97);
  for (let count = 0; count < 8; count++) await attachment.write(block);
  await attachment.closeInput();
  assert.is((await output).trim(), String(8 << 20));
  await one.wait();
  await one.remove();
});

attach("keeps 200 MB of output complete and in order while a reader sleeps", async () => {
  const script = `awk 'BEGIN { s = sprintf("%190s", ""); for (i = 1; i <= 1000000; i++) printf "%09d%s\\n", i, s }'`;
  const one = await fixture.create(script, { logMaxBytes: 1 << 30 });
  const idle = await one.attach({ stdin: false });
  await one.start();
  assert.is((await one.wait()).code, 0);
  let bytes = 0;
  let lines = 0;
  let misplaced = 0;
  let startOfLine = true;
  for await (const line of one.logs()) {
    bytes += line.data.length + (line.partial ? 0 : 1);
    if (startOfLine && Number(text(line.data.subarray(0, 9))) !== ++lines) misplaced++;
    startOfLine = !line.partial;
  }
  assert.equal({ bytes, lines, misplaced }, { bytes: 200_000_000, lines: 1_000_000, misplaced: 0 });
  await idle.detach();
  await one.remove();
});

attach("runs further processes with their own exit codes", async () => {
  const one = await fixture.run("exec sleep 100");
  const good = await one.exec({ command: ["sh", "-c", "cat; echo $A; echo e >&2; exit 6"], stdin: true, env: ["A=b"] });
  const output = outputOf(good, "stdout");
  await good.write(Buffer.from("in\n"));
  await good.closeInput();
  assert.is(await output, "in\nb\n");
  assert.is((await good.wait()).code, 6);
  const user = await one.exec({ command: ["id", "-u"], user: "user" });
  assert.is(await outputOf(user), "1000\n");
  try {
    await one.exec({ command: ["nope"] });
    assert.unreachable();
  } catch (thrown) {
    assert.is((thrown as GranuleError).code, "COMMAND_NOT_FOUND");
  }
  assert.is((await one.inspect()).state, "running");
  await one.remove({ force: true });
});

attach("gives a terminal, its size and a resize", async () => {
  const one = await fixture.create("stty size; read line; stty size", {
    tty: true,
    stdin: true,
    rows: 30,
    columns: 90,
  });
  const attachment = await one.attach();
  await one.start();
  let seen = "";
  for await (const { data } of attachment.output) {
    const before = seen;
    seen += text(data);
    if (!before.includes("30 90") && seen.includes("30 90")) {
      await one.resize(40, 100);
      await attachment.write(Buffer.from("\n"));
    }
  }
  assert.match(seen, "40 100");
  assert.match(await logText(one), "40 100");
  await one.remove();
});

attach.run();
