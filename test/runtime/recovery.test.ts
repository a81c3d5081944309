import { type ChildProcess, spawn } from "node:child_process";
import { on, once } from "node:events";
import { existsSync, readdirSync, readFileSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { GranuleError } from "../../src/errors.js";
import { openRuntime } from "../../src/runtime/runtime.js";
import { Fixture, logText } from "./fixture.js";

const recovery = suite("recovery");
let fixture: Fixture;

recovery.before(async () => {
  fixture = await Fixture.open();
});
recovery.after(() => (fixture as Fixture | undefined)?.close());

/** Hands the root to a child process that starts containers; settles when they run. */
async function startOwner(count: number): Promise<ChildProcess> {
  await fixture.runtime.close();
  const program = fileURLToPath(new URL("owner-child.js", import.meta.url));
  const child = spawn(process.execPath, [program, fixture.root, String(count)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout as NodeJS.ReadableStream, "data");
  return child;
}

async function killOwner(child: ChildProcess): Promise<void> {
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

recovery("a second owner is refused with the first one's pid", async () => {
  const child = await startOwner(0);
  try {
    await openRuntime({ root: fixture.root });
    assert.unreachable();
  } catch (thrown) {
    assert.instance(thrown, GranuleError);
    assert.is((thrown as GranuleError).code, "FAILED_PRECONDITION");
    assert.is((thrown as GranuleError).details?.["pid"], child.pid);
  }
  await killOwner(child);
  await fixture.openAgain();
  await (await fixture.runtime.containers.get("waiting")).remove();
});

recovery("20 containers outlive a killed node, with their logs and exit codes", async () => {
  const count = 20;
  const child = await startOwner(count);
  await killOwner(child);
  // Half of them end while nobody owns them.
  for (let index = 0; index < count; index += 2) stopFile(await uppersByName(), index);
  await Promise.all(Array.from({ length: count / 2 }, (_, half) => exitRecorded(half * 2)));

  await fixture.openAgain();
  const { containers } = fixture.runtime;
  assert.is((await containers.list({ all: true })).length, count + 1);
  assert.is((await containers.list()).length, count / 2);
  for (let index = 1; index < count; index += 2) stopFile(await uppersByName(), index);
  for (let index = 0; index < count; index++) {
    const container = await containers.get(`c${index}`);
    assert.is((await container.wait()).code, index);
    const lines = (await logText(container)).trim().split("\n");
    assert.equal(
      lines,
      lines.map((_, number) => `line ${number}`),
    );
    await container.remove();
  }
  const waiting = await containers.get("waiting");
  assert.is((await waiting.inspect()).state, "created");
  await waiting.start();
  assert.is((await waiting.wait()).code, 33);
  await waiting.remove();
});

/** A container that a process brought to a moment in which that process was killed. */
async function killedAt(moment: "running" | "ended" | "removed"): Promise<string> {
  await fixture.runtime.close();
  const program = fileURLToPath(new URL("killed-child.js", import.meta.url));
  const child = spawn(process.execPath, [program, fixture.root, moment], { stdio: ["ignore", "pipe", "inherit"] });
  // Its standard output is closed before its lock is.
  const exited = once(child, "exit");
  const id = (await child.stdout.setEncoding("utf8").toArray()).join("");
  await exited;
  await fixture.openAgain();
  return id;
}

async function endReasons(id: string): Promise<(string | undefined)[]> {
  const records = await fixture.runtime.usage.query({ id });
  return records.map(({ endReason }) => endReason);
}

recovery("a container that runs when its owner is killed at once runs on", async () => {
  const id = await killedAt("running");
  const container = await fixture.runtime.containers.get(id);
  const { state, pid = 0, startedAt } = await container.inspect();
  assert.is(state, "running");
  assert.ok(existsSync(`/proc/${pid}`));
  assert.ok(startedAt);
  await container.remove({ force: true });
  assert.equal(await endReasons(id), ["exit"]);
});

recovery("an end that an owner has heard of when it is killed is billed, once", async () => {
  const id = await killedAt("ended");
  const container = await fixture.runtime.containers.get(id);
  assert.is((await container.wait()).code, 7);
  assert.equal(await endReasons(id), ["exit"]);
  await container.remove();
});

recovery("what was removed when the owner is killed stays removed, and is billed, once", async () => {
  const id = await killedAt("removed");
  assert.equal(
    (await fixture.runtime.containers.list({ all: true })).map((each) => each.id),
    [],
  );
  assert.equal(await endReasons(id), ["exit"]);
  await fixture.reopen();
  assert.equal(await endReasons(id), ["exit"]);
});

recovery("a monitor that was killed leaves an unknown exit, not a made-up one", async () => {
  const container = await fixture.run("sleep 100");
  const { pid = 0 } = await container.inspect();
  const monitor = parentOf(pid);
  process.kill(monitor, "SIGKILL");
  const exit = await container.wait();
  assert.is(exit.code, undefined);
  assert.match(exit.reason as string, "monitor");
  assert.not(existsSync(`/proc/${pid}/root/bin/sleep`));
  await container.remove();
});

recovery("goes on with a restart policy", async () => {
  const container = await fixture.run("echo up; sleep 0.05; exit 1", { restart: { policy: "always" }, name: "always" });
  await container.inspect();
  await fixture.reopen();
  const again = await fixture.runtime.containers.get("always");
  let lines = 0;
  for await (const _ of again.logs({ follow: true })) if (++lines === 3) break;
  await again.remove({ force: true });
});

recovery("tells those who wait that the runtime was closed", async () => {
  const container = await fixture.run("exec sleep 100");
  const waits = [container.wait(), container.stop({ timeoutSeconds: 60 })];
  const outcomes = Promise.allSettled(waits);
  await fixture.reopen();
  for (const outcome of await outcomes) {
    assert.is(outcome.status, "rejected");
    assert.is(outcome.status === "rejected" && (outcome.reason as GranuleError).code, "UNAVAILABLE");
  }
  await (await fixture.runtime.containers.get(container.id)).remove({ force: true });
});

recovery("clears what belongs to nobody", async () => {
  await fixture.runtime.close();
  const stray = "0123456789abcdef0123456789abcdef";
  const state = join(fixture.root, "run");
  writeFileSync(join(fixture.root, "containers", stray), "");
  writeFileSync(join(state, `${stray}.sock`), "");
  await fixture.openAgain();
  assert.not(readdirSync(join(fixture.root, "containers")).includes(stray));
  assert.not(existsSync(join(state, `${stray}.sock`)));
});

/** Upper folders of the containers, by their CODE, found in the logs' folder by hand as no owner is there to ask. */
async function uppersByName(): Promise<Map<number, string>> {
  const { default: Libsql } = await import("libsql");
  const database = new Libsql(join(fixture.root, "granule.db"));
  const rows = database.prepare("SELECT id, name FROM containers").all() as { id: string; name: string }[];
  database.close();
  return new Map(
    rows
      .filter((row) => /^c\d+$/.test(row.name))
      .map((row) => [Number(row.name.slice(1)), join(fixture.root, "containers", row.id)]),
  );
}

/** Inside of the overlay, since a file put into a mounted upper need not be seen. */
function stopFile(folders: Map<number, string>, index: number): void {
  const folder = folders.get(index) as string;
  const pid = pidOf(folder);
  writeFileSync(`/proc/${pid}/root/stop`, "");
}

function pidOf(folder: string): number {
  const id = folder.slice(folder.lastIndexOf("/") + 1);
  const name = process.env["GRANULE_CGROUP"] as string;
  for (const mount of ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"]) {
    const procs = `${mount}/${name}/${id}/cgroup.procs`;
    if (existsSync(procs)) return Number(readFirstLine(procs));
  }
  throw new Error(`no cgroup of ${id}`);
}

function readFirstLine(path: string): string {
  return readFileSync(path, "latin1").split("\n")[0] ?? "";
}

function parentOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
}

/** Settles when the monitor of a container has written its exit down. */
async function exitRecorded(index: number): Promise<void> {
  const folder = (await uppersByName()).get(index) as string;
  const watcher = watch(folder);
  try {
    if (existsSync(join(folder, "exit"))) return;
    for await (const _ of on(watcher, "change")) if (existsSync(join(folder, "exit"))) return;
  } finally {
    watcher.close();
  }
}

recovery.run();
