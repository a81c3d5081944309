import * as assert from "uvu/assert";
import { runTarget } from "./run-target.js";
import type { Target } from "./seeds.js";

/** Runs a target for so long: nothing may crash, leak or lead outside. `npm run fuzz` takes longer. */
export async function expectNothingFound(target: Target, seconds: number): Promise<void> {
  const { code, runs, output } = await runTarget(target, seconds);
  assert.is(code, 0, output.slice(-6000));
  assert.ok(runs > 100, `only ${runs} inputs were tried`);
}
