import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const main = fileURLToPath(new URL("../../bench/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "granule-peer-"));

const test = suite("peers that cannot run here");
test.after(() => rmSync(folder, { recursive: true }));

function peer(name: string, script: string): void {
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, name), 0o755);
}

test("one that fails at its first container is named with its reason, and the others are asked", () => {
  peer("runc", '[ "$1" = --version ] && echo "runc version 9" && exit 0; echo no such thing >&2; exit 1');
  const path = `${folder}:${process.env["PATH"]}`;
  const asked = spawnSync(process.execPath, [main, "throughput", "--n", "1", "--peers", "runc", "--folder", folder], {
    cwd: folder,
    env: { ...process.env, PATH: path },
    encoding: "utf8",
  });
  assert.match(asked.stdout, /not measured: runc 9: a first container failed: ended with 1: no such thing/);
  assert.match(asked.stdout, /granule +4 +\d/, asked.stdout + asked.stderr);
});

test.run();
