import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const inner = fileURLToPath(new URL("./full-disk-child.js", import.meta.url));

const test = suite("a full disk");

test("stops nothing, is told, and what was metered meanwhile is caught up with", () => {
  const script = 'mount -t tmpfs -o size=1m none "$1" && exec "$2" "$3" "$1"';
  const folder = "/mnt";
  const child = spawnSync("unshare", ["-m", "sh", "-c", script, "-", folder, process.execPath, inner], {
    encoding: "utf8",
    timeout: 60_000,
  });
  assert.is(child.status, 0, child.stderr);
  const seen = JSON.parse(child.stdout) as {
    told: string[];
    whileFull: { pending: number; problem: string; ids: number };
    after: { pending: number; records: number; seconds: number; intact: boolean; ids: number };
  };
  assert.is(seen.told.length, 2, seen.told.slice(0, 5).join("; "));
  assert.match(seen.told[0] ?? "", /cannot be written: .*full/);
  assert.match(seen.told[1] ?? "", /written again; nothing was lost/);
  assert.ok(seen.whileFull.pending >= 500, `${seen.whileFull.pending} writes wait`);
  assert.match(seen.whileFull.problem, /full/);
  assert.equal(seen.after, { pending: 0, records: 520, seconds: 520 * 3, intact: true, ids: 520 });
});

test.run();
