import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Runtime } from "../../src/api.js";
import { connectOwner, ownerSocketPath } from "../../src/channel/owner.js";
import type { GranuleError } from "../../src/errors.js";
import { until } from "./served.js";
import { removeTestCgroup } from "./test-cgroup.js";

const test = suite("owner of a state directory");
test.after(removeTestCgroup);

/** A root whose owner, if any, is ended and whose folder is removed after the test. */
async function withRoot(body: (options: { root: string; state: string }) => Promise<void>): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), "granule-owner-"));
  const state = join(root, "run");
  try {
    await body({ root, state });
  } finally {
    const owner = await connectOwner({ root, state, start: false }).catch(() => undefined);
    if (owner !== undefined) await end(owner);
    rmSync(root, { recursive: true });
  }
}

/** Ends the owner behind a connection and waits until it is gone. */
async function end(connection: Runtime): Promise<void> {
  const { pid } = await connection.info();
  process.kill(pid, "SIGTERM");
  await until(() => !existsSync(`/proc/${pid}`));
  await connection.close();
}

test("several callers at once end up with one owner, which outlives them", async () => {
  await withRoot(async (options) => {
    const callers = await Promise.all(Array.from({ length: 4 }, () => connectOwner(options)));
    const pids = await Promise.all(callers.map(async (caller) => (await caller.info()).pid));
    assert.is(new Set(pids).size, 1);
    assert.is.not(pids[0], process.pid);
    await Promise.all(callers.map((caller) => caller.close()));
    const later = await connectOwner({ ...options, start: false });
    assert.is((await later.info()).pid, pids[0]);
    await later.close();
  });
});

test("after its owner was killed the next caller starts another, in spite of the stale socket", async () => {
  await withRoot(async (options) => {
    const first = await connectOwner(options);
    const { pid } = await first.info();
    process.kill(pid, "SIGKILL");
    await until(() => !existsSync(`/proc/${pid}`));
    assert.ok(existsSync(ownerSocketPath(options.state)));
    const second = await connectOwner(options);
    assert.is.not((await second.info()).pid, pid);
    await second.close();
    await first.close();
  });
});

test("what keeps the owner from serving reaches the caller", async () => {
  await withRoot(async ({ root, state }) => {
    writeFileSync(join(root, "file"), "");
    try {
      await connectOwner({ root: join(root, "file", "below"), state });
      assert.unreachable();
    } catch (thrown) {
      const error = thrown as GranuleError;
      assert.match(error.message, /ENOTDIR|not a directory/);
      assert.is(error.path, join(root, "file", "below"));
    }
  });
});

test("none is started where that was not wanted", async () => {
  await withRoot(async (options) => {
    try {
      await connectOwner({ ...options, start: false });
      assert.unreachable();
    } catch (thrown) {
      assert.is((thrown as GranuleError).code, "UNAVAILABLE");
      assert.not(existsSync(options.state));
    }
  });
});

test("a large log of earlier owners is begun anew", async () => {
  await withRoot(async (options) => {
    await end(await connectOwner(options));
    const log = join(options.state, "serve.log");
    writeFileSync(log, "x".repeat(2 << 20));
    const owner = await connectOwner(options);
    assert.ok(readFileSync(log).length < 1 << 20);
    await owner.close();
  });
});

test.run();
