import { readdirSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { CreateOptions } from "../../src/api.js";
import { type ErrorCode, GranuleError } from "../../src/errors.js";
import { Fixture } from "./fixture.js";

const badInput = suite("bad input");
let fixture: Fixture;

badInput.before(async () => {
  // Whatever is there afterwards was left.
  fixture = await Fixture.open({ spares: 0 });
});
badInput.after(() => (fixture as Fixture | undefined)?.close());

const cases: [what: string, options: Partial<CreateOptions>, code: ErrorCode][] = [
  ["an unknown image", { image: "nothere" }, "NOT_FOUND"],
  ["no vCPU", { cpus: 0 }, "INVALID_ARGUMENT"],
  ["negative vCPUs", { cpus: -1 }, "INVALID_ARGUMENT"],
  ["more vCPUs than the host has", { cpus: 10_000 }, "INVALID_ARGUMENT"],
  ["memory below what an exec needs", { memory: 4096 }, "INVALID_ARGUMENT"],
  ["an unknown user", { user: "nobodyhere" }, "INVALID_ARGUMENT"],
  ["a name of 300 characters", { name: "x".repeat(300) }, "INVALID_ARGUMENT"],
  ["a variable without =", { env: ["NOVALUE"] }, "INVALID_ARGUMENT"],
  ["a mount of nothing", { mounts: [{ type: "bind", source: "/nope", target: "/x" }] }, "FAILED_PRECONDITION"],
];

for (const [what, options, code] of cases) {
  badInput(`${what} is refused, and leaves nothing`, async () => {
    try {
      await fixture.run("true", options);
      assert.unreachable();
    } catch (thrown) {
      assert.instance(thrown, GranuleError);
      assert.is((thrown as GranuleError).code, code, (thrown as GranuleError).message);
    }
    assert.equal(await fixture.runtime.containers.list({ all: true }), []);
    assert.equal(readdirSync(join(fixture.root, "containers")), []);
  });
}

badInput("running out of memory is told as such, with the container's own exit", async () => {
  const one = await fixture.run("exec tail /dev/zero", { memory: 16 * 2 ** 20 });
  const exit = await one.wait();
  assert.ok(exit.oomKilled);
  assert.is(exit.code, 137);
  await one.remove();
});

badInput.run();
