import { suite } from "uvu";
import * as assert from "uvu/assert";
import { runTarget } from "./run-target.js";

const test = suite("fuzzing the unpacker");

/** A first look, in each run of the tests; `npm run fuzz` takes its time. */
const seconds = { parse: 20, unpack: 10 };

for (const target of ["parse", "unpack"] as const) {
  test(`${target}: nothing crashes, leaks or leads outside`, async () => {
    const { code, runs, output } = await runTarget(target, seconds[target]);
    assert.is(code, 0, output.slice(-6000));
    assert.ok(runs > 100, `only ${runs} inputs were tried`);
  });
}

test.run();
