import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Op, PLAN_MAGIC } from "../../src/spec/plan-ops.js";

const planOps = suite("plan operations");
const header = readFileSync(new URL("../../../native/launch/plan.h", import.meta.url), "utf8");

planOps("are numbered as native code numbers them", () => {
  const body = /enum class Op : std::uint32_t \{([\s\S]*?)\n\};/.exec(header)?.[1] ?? "";
  const entries = [...body.matchAll(/^\s*(\w+) =\s+(\d+),/gm)].map(([, name, number]) => [name, Number(number)]);
  assert.ok(entries.length > 30);
  assert.equal(Object.fromEntries(entries), Op);
});

planOps("share the magic with native code", () => {
  const letters = [...(/kPlanMagic\[8\] = \{(.*?)\}/.exec(header)?.[1] ?? "").matchAll(/'(.)'/g)];
  assert.is(letters.map(([, letter]) => letter).join(""), PLAN_MAGIC);
});

planOps.run();
