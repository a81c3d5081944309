import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Bursts } from "../../src/runtime/bursts.js";
import { Trash } from "../../src/runtime/trash.js";
import { Behind } from "../../src/state/behind.js";

const test = suite("trash");

function openTrash(folder: string): { trash: Trash; behind: Behind } {
  const behind = new Behind(() => trash.flush());
  const trash = new Trash(folder, new Bursts(), behind);
  return { trash, behind };
}

const base = mkdtempSync(join(tmpdir(), "granule-trash-"));
test.after(() => rmSync(base, { recursive: true }));

test("a folder is gone after the drain, however deep, and nothing that its links lead to is", async () => {
  const folder = join(base, "trash");
  mkdirSync(folder);
  const kept = join(base, "kept");
  mkdirSync(kept);
  writeFileSync(join(kept, "file"), "kept");
  const victim = join(base, "victim");
  mkdirSync(victim);
  symlinkSync(kept, join(victim, "link"));
  // Deeper than a path can tell, and than there are descriptors.
  const deep = "import os\nfor _ in range(1500): os.mkdir('deep.0'); open('file', 'w').close(); os.chdir('deep.0')";
  execFileSync("python3", ["-c", deep], { cwd: victim });
  const { trash, behind } = openTrash(folder);
  trash.put(victim, "victim");
  assert.not.ok(existsSync(victim));
  behind.flush();
  await trash.drain();
  assert.equal(readdirSync(folder), []);
  assert.equal(readdirSync(kept), ["file"]);
});

test("what an earlier process left is removed, and what is not there is no error", async () => {
  const folder = join(base, "left");
  mkdirSync(join(folder, "old/upper"), { recursive: true });
  const { trash, behind } = openTrash(folder);
  trash.resume();
  trash.put(join(base, "nothing"), "nothing");
  behind.flush();
  await trash.drain();
  assert.equal(readdirSync(folder), []);
});

test.run();
