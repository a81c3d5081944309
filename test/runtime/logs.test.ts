import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { LogOptions } from "../../src/api.js";
import { Deferred } from "../../src/runtime/deferred.js";
import { readLog } from "../../src/runtime/logs.js";

const logs = suite<{ folder: string; path: string }>("logs");

logs.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), "granule-logs-"));
  context.path = join(context.folder, "log");
});
logs.after.each((context) => rmSync(context.folder, { recursive: true }));

function entry(second: number, text: string, tag = "F", stream = "stdout"): string {
  return `2026-11-23T10:00:${String(second).padStart(2, "0")}.123456789Z ${stream} ${tag} ${text}\n`;
}

async function read(path: string, options: LogOptions = {}): Promise<string[]> {
  const found: string[] = [];
  for await (const line of readLog(path, options, Promise.resolve())) found.push(Buffer.from(line.data).toString());
  return found;
}

logs("reads rotated files oldest first", async ({ path }) => {
  writeFileSync(`${path}.2`, entry(1, "one"));
  writeFileSync(`${path}.1`, entry(2, "two"));
  writeFileSync(path, entry(3, "three", "F", "stderr"));
  assert.equal(await read(path), ["one", "two", "three"]);
});

logs("takes the tail over file borders and keeps the parts of a line together", async ({ path }) => {
  writeFileSync(`${path}.1`, entry(1, "one") + entry(2, "two"));
  writeFileSync(path, entry(3, "thr", "P") + entry(3, "ee") + entry(4, "four"));
  assert.equal(await read(path, { tail: 1 }), ["four"]);
  assert.equal(await read(path, { tail: 2 }), ["thr", "ee", "four"]);
  assert.equal(await read(path, { tail: 3 }), ["two", "thr", "ee", "four"]);
  assert.equal(await read(path, { tail: 99 }), ["one", "two", "thr", "ee", "four"]);
  assert.equal(await read(path, { tail: 0 }), []);
});

logs("finds the tail of a file of many blocks", async ({ path }) => {
  let text = "";
  for (let line = 0; line < 10_000; line++) text += entry(line % 60, `line ${line} ${"x".repeat(line % 97)}`);
  writeFileSync(path, text);
  const found = await read(path, { tail: 5000 });
  assert.is(found.length, 5000);
  assert.match(found[0] as string, /^line 5000 /);
  assert.match(found[4999] as string, /^line 9999 /);
});

logs("starts at a time", async ({ path }) => {
  writeFileSync(path, entry(1, "one") + entry(2, "two") + entry(3, "three"));
  assert.equal(await read(path, { since: "2026-11-23T10:00:02Z" }), ["two", "three"]);
  assert.equal(await read(path, { since: "2026-11-23T12:00:02.123456789+02:00" }), ["two", "three"]);
  assert.equal(await read(path, { since: "2026-11-23T10:00:02.123456790Z" }), ["three"]);
});

logs("passes over an entry that a power loss tore", async ({ path }) => {
  writeFileSync(path, `${entry(1, "one")}2026-11-23T10:0\n${entry(3, "three")}`);
  assert.equal(await read(path), ["one", "three"]);
});

logs("follows over a rotation until the end", async ({ path }) => {
  const ended = new Deferred<void>();
  writeFileSync(path, entry(1, "one"));
  const found: string[] = [];
  for await (const line of readLog(path, { follow: true }, ended.promise)) {
    const text = Buffer.from(line.data).toString();
    found.push(text);
    if (text === "one") appendFileSync(path, entry(2, "two"));
    if (text === "two") {
      appendFileSync(path, entry(3, "three"));
      renameSync(path, `${path}.1`);
      writeFileSync(path, entry(4, "four"));
    }
    if (text === "four") {
      appendFileSync(path, entry(5, "five"));
      ended.resolve();
    }
  }
  assert.equal(found, ["one", "two", "three", "four", "five"]);
});

logs("stops following when aborted", async ({ path }) => {
  const abort = new AbortController();
  writeFileSync(path, entry(1, "one"));
  for await (const line of readLog(path, { follow: true, signal: abort.signal }, new Promise(() => undefined))) {
    assert.is(Buffer.from(line.data).toString(), "one");
    abort.abort();
  }
});

logs.run();
