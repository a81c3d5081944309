import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { inspect } from "node:util";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { awaitEvent } from "../../src/cgroup/events.js";
import { native } from "../../src/native.js";
import { MonitorAttachment } from "../../src/runtime/attachment.js";
import { MonitorClient } from "../../src/runtime/monitor-client.js";
import { type Frame, Message } from "../../src/runtime/monitor-frames.js";
import { LaunchBench } from "../launch/launched.js";

const bench = new LaunchBench();
const test = suite("monitor");

test.after(() => bench.close());

async function collect(attachment: MonitorAttachment): Promise<{ stdout: Buffer; stderr: Buffer }> {
  const parts: Record<"stdout" | "stderr", Uint8Array[]> = { stdout: [], stderr: [] };
  for await (const { stream, data } of attachment.output) parts[stream].push(data);
  return { stdout: Buffer.concat(parts.stdout), stderr: Buffer.concat(parts.stderr) };
}

test("a created process waits for start, and its exit is on disk before it is told", async () => {
  const launched = await bench.launch(["sh", "-c", "exit 42"], { startNow: false });
  assert.ok(launched.report.ok);
  const client = await MonitorClient.connect(launched.socketPath);
  assert.is((await client.state()).state, "created");
  await client.start();
  const exit = await client.wait();
  assert.ok(existsSync(`${launched.folder}/exit`));
  // A start that follows at once makes a socket of the same name, which must be its own.
  assert.not.ok(existsSync(launched.socketPath));
  assert.is(exit.code, 42);
  assert.ok(exit.finishedBootNs > exit.startedBootNs);
  client.close();
});

test("a command that is missing is told by the start request", async () => {
  const launched = await bench.launch(["missing"], { startNow: false });
  const client = await MonitorClient.connect(launched.socketPath);
  const refusal = await client.start().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.match(String(refusal), /exec: ENOENT missing/);
  assert.is((await launched.exit())["failedStep"], "exec");
  client.close();
});

test("a monitor that told the end stays until its owner lets it go, for half a second at most", async () => {
  const monitors = (): string[] =>
    readFileSync(`${bench.tree.monitors}/cgroup.procs`, "latin1").split("\n").filter(Boolean);
  for (const lets of [true, false]) {
    const { report } = await bench.launch(["true"], { wantsEnd: true });
    assert.ok(report.ok && report.end);
    const told = await native().awaitEnd(report.end);
    assert.is(told?.code, 0);
    assert.ok(monitors().includes(String(report.monitorPid)));
    if (lets) native().leaveEnd(report.end);
    await awaitEvent(bench.tree.monitors, "populated", 0, 5000);
  }
});

test("a signal ends the process and is recorded as one", async () => {
  const launched = await bench.launch(["sleep", "60"]);
  await MonitorClient.once(launched.socketPath, (client) => client.kill(9));
  const exit = await launched.exit();
  assert.equal([exit["code"], exit["signal"]], ["-1", "9"]);
});

test("stdin is relayed, and its half-close is end of file", async () => {
  const launched = await bench.launch(["cat"], { stdin: true });
  const attachment = await MonitorAttachment.open(launched.socketPath);
  const sent = Buffer.alloc(3_000_000, "0123456789abcde\n");
  const output = collect(attachment);
  await attachment.write(sent);
  await attachment.closeInput();
  assert.ok((await output).stdout.equals(sent));
  assert.is((await attachment.wait()).code, 0);
});

test("a reader that stops reading holds up nobody, and is served from the log once it goes on", async () => {
  const lines = 200_000;
  const script = `i=0; while [ $i -lt ${lines} ]; do echo line $i of the output; i=$((i+1)); done`;
  const launched = await bench.launch(["sh", "-c", script], { startNow: false });
  const stopped = await MonitorAttachment.open(launched.socketPath, { stdin: false });
  await MonitorClient.once(launched.socketPath, (client) => client.start());
  assert.is((await launched.exit())["code"], "0");
  const expected = Array.from({ length: lines }, (_, line) => `line ${line} of the output\n`).join("");
  assert.ok(launched.output() === expected);
  assert.ok((await collect(stopped)).stdout.toString() === expected);
});

test("a reader that keeps up is waited for, and does not depend on how much log is kept", async () => {
  const mebibytes = 32;
  // A busy machine may keep the reader from its turn for longer than it is waited for: then it is served from the log,
  // of which almost nothing is left here. It has several goes.
  const counts: number[] = [];
  while (counts.length < 20 && counts.at(-1) !== mebibytes << 20) {
    const log = { maxBytes: 64 * 1024, maxFiles: 1 };
    const script = `dd if=/dev/zero bs=1M count=${mebibytes} 2>/dev/null`;
    const launched = await bench.launch(["sh", "-c", script], { startNow: false, log });
    const reader = await MonitorAttachment.open(launched.socketPath, { stdin: false });
    await MonitorClient.once(launched.socketPath, (client) => client.start());
    counts.push((await collect(reader)).stdout.length);
  }
  assert.is(counts.at(-1), mebibytes << 20, `bytes of each attempt: ${counts.join(", ")}`);
});

test("a reader that is served from the log gets many lines at a time, streams told apart and in order", async () => {
  const script = `seq 50000; echo middle >&2; seq 50000`;
  const launched = await bench.launch(["sh", "-c", script], { startNow: false });
  const reader = await MonitorClient.connect(launched.socketPath);
  const frames: Frame[] = [];
  const stdoutBit = 2;
  const stderrBit = 4;
  const ended = new Promise<void>((resolve, reject) => {
    const take = (frame: Frame): void => {
      if (frame.type === Message.Exit) resolve();
      else frames.push({ type: frame.type, payload: Buffer.from(frame.payload) });
    };
    reader.attach(stdoutBit | stderrBit, take, reject).then(() => reader.pause(), reject);
  });
  await MonitorClient.once(launched.socketPath, (client) => client.state());
  await MonitorClient.once(launched.socketPath, (client) => client.start());
  await launched.exit();
  reader.resume();
  await ended;
  reader.close();
  const numbers = Array.from({ length: 50_000 }, (_, index) => `${index + 1}\n`).join("");
  const told = (type: number): string =>
    frames.flatMap((frame) => (frame.type === type ? [frame.payload.toString()] : [])).join("");
  assert.ok(told(Message.Stdout) === numbers + numbers);
  assert.is(told(Message.Stderr), "middle\n");
  assert.ok(frames.length < 1000, `${frames.length} frames for 100001 lines`);
});

test("the log marks partial lines and keeps every byte", async () => {
  const launched = await bench.launch(["sh", "-c", "echo -n one; echo -n two >&2"]);
  await launched.exit();
  assert.is(launched.output(), "one");
  assert.is(launched.output("stderr"), "two");
  assert.match(readFileSync(launched.logPath, "utf8"), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z stdout P one$/m);
});

test("the log rotates by size and keeps as many files as asked", async () => {
  const launched = await bench.launch(
    ["sh", "-c", "i=0; while [ $i -lt 20000 ]; do echo number $i; i=$((i+1)); done"],
    {
      log: { maxBytes: 200_000, maxFiles: 3 },
    },
  );
  await launched.exit();
  const files = readdirSync(launched.folder)
    .filter((name) => name.startsWith("log"))
    .sort();
  assert.equal(files, ["log", "log.1", "log.2"]);
  const all = ["log.2", "log.1", "log"].map((name) => readFileSync(`${launched.folder}/${name}`, "utf8")).join("");
  const numbers = [...all.matchAll(/number (\d+)/g)].map((match) => Number(match[1]));
  assert.is(numbers.at(-1), 19_999);
  assert.ok(numbers.every((number, index) => index === 0 || number === (numbers[index - 1] as number) + 1));
});

test("a terminal has the size asked for, is resized, and ends the line as terminals do", async () => {
  const launched = await bench.launch(["sh", "-c", "stty size; read x; stty size"], {
    tty: true,
    stdin: true,
    rows: 33,
    columns: 101,
    startNow: false,
  });
  assert.ok(launched.report.ok, inspect(launched.report));
  const attachment = await MonitorAttachment.open(launched.socketPath);
  const output = attachment.output[Symbol.asyncIterator]();
  await MonitorClient.once(launched.socketPath, (client) => client.start());
  assert.is(Buffer.from((await output.next()).value.data).toString(), "33 101\r\n");
  await MonitorClient.once(launched.socketPath, (client) => client.resize(44, 90));
  await attachment.write(Buffer.from("\n"));
  let rest = "";
  for (let next = await output.next(); !next.done; next = await output.next()) rest += Buffer.from(next.value.data);
  assert.is(rest, "\r\n44 90\r\n");
  assert.is((await attachment.wait()).code, 0);
});

// A sanitized monitor also holds the memory of its sanitizers.
if (process.env["GRANULE_MONITOR"] === undefined) {
  test("an idle monitor keeps below half a MiB", async () => {
    const launched = await bench.launch(["sleep", "60"]);
    assert.ok(launched.report.ok);
    const { monitorPid } = launched.report as { monitorPid: number };
    // Its answer says that it has left the start behind.
    await MonitorClient.once(launched.socketPath, (client) => client.state());
    const rollup = readFileSync(`/proc/${monitorPid}/smaps_rollup`, "utf8");
    const pssKibibytes = Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1]);
    assert.ok(pssKibibytes > 0 && pssKibibytes < 512, `${pssKibibytes} KiB`);
  });
}

test("the container dies with its monitor: nothing runs that nobody watches", async () => {
  const launched = await bench.launch(["sleep", "60"]);
  assert.ok(launched.report.ok);
  process.kill((launched.report as { monitorPid: number }).monitorPid, "SIGKILL");
  await launched.cgroup.waitEmpty();
  assert.not.ok(launched.cgroup.populated);
});

test("a flood of connections and of bad frames disturbs no one", async () => {
  const launched = await bench.launch(["sleep", "60"]);
  const net = await import("node:net");
  const bad = [Buffer.from([0, 0, 0, 0]), Buffer.alloc(64, 255), Buffer.from([2, 0, 0, 0, 99, 1]), Buffer.from([1, 0])];
  await Promise.all(
    Array.from({ length: 100 }, async (_, index) => {
      const socket = net.createConnection(launched.socketPath);
      socket.on("error", () => {});
      const closed = new Promise((resolve) => socket.once("close", resolve));
      socket.end(bad[index % bad.length] as Buffer);
      socket.resume();
      await closed;
    }),
  );
  const client = await MonitorClient.connect(launched.socketPath);
  assert.is((await client.state()).state, "running");
  await client.kill(9);
  assert.is((await client.wait()).signal, 9);
  client.close();
});

test("a connection that takes the place of one just closed is heard", async () => {
  const launched = await bench.launch(["cat"], { stdin: true });
  for (let turn = 0; turn < 300; turn++) {
    // The next connects while the monitor has not seen the last one's end yet: slot and descriptor come back at once.
    const [first, second] = await Promise.all([
      MonitorClient.connect(launched.socketPath),
      MonitorClient.connect(launched.socketPath),
    ]);
    first.close();
    const third = await MonitorClient.connect(launched.socketPath);
    assert.is((await second.state()).state, "running");
    second.close();
    assert.is((await third.state()).state, "running");
    third.close();
  }
  await MonitorClient.once(launched.socketPath, (client) => client.kill(9));
  await launched.exit();
});

test("the monitor refuses to be started by hand", async () => {
  const { monitorPath } = await import("../../src/native.js");
  const child = spawn(monitorPath, { stdio: ["ignore", "ignore", "pipe"] });
  const [code] = (await once(child, "close")) as [number];
  assert.is(code, 125);
});

test.run();
