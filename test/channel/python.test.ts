import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { serveChannel } from "../../src/channel/server.js";
import { Fixture } from "../runtime/fixture.js";

const test = suite("a client in another language");

test("does the whole life of a container", async () => {
  const fixture = await Fixture.open();
  const server = await serveChannel(fixture.runtime, { path: join(fixture.root, "p.sock") });
  try {
    const script = fileURLToPath(new URL("../../../test/channel/python/life.py", import.meta.url));
    // Debian's own interpreter is the one that has Debian's packages.
    const { stdout } = await promisify(execFile)("/usr/bin/python3", ["-B", script, server.path]);
    assert.equal(JSON.parse(stdout), {
      role: "admin",
      memoryIsInt: true,
      madeOnce: true,
      state: "running",
      memoryBytes: 64 << 20,
      listed: ["python"],
      execOutput: "200000",
      execExit: [3],
      sample: true,
      late: "DEADLINE_EXCEEDED",
      exit: 7,
      logs: [
        ["stderr", "F", "err"],
        ["stdout", "F", "bye"],
        ["stdout", "F", "up"],
      ],
      billed: true,
      gone: "NOT_FOUND",
      events: ["create", "start", "exec", "pause", "resume", "update", "die", "remove"],
    });
    assert.equal(await fixture.runtime.containers.list({ all: true }), []);
  } finally {
    await server.close();
    await fixture.close();
  }
});

test.run();
