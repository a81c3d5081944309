import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("the runtime's suite over the channel");

const here = fileURLToPath(new URL(".", import.meta.url));
const runtimeTests = join(here, "../../runtime");

test("takes in every test of the runtime that opens one", () => {
  const needed = readdirSync(runtimeTests).filter(
    (file) => file.endsWith(".test.js") && readFileSync(join(runtimeTests, file), "utf8").includes("Fixture.open("),
  );
  const taken = readdirSync(here).filter((file) => file.endsWith(".test.js") && file !== "complete.test.js");
  assert.equal(taken.sort(), needed.sort());
  assert.ok(taken.length >= 6);
});

test.run();
