import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type FileResult, runFile } from "./test-file.js";

const runner = suite("test runner");

let folder = "";
runner.before(() => {
  folder = mkdtempSync(join(tmpdir(), "granule-runner-"));
});
runner.after(() => {
  rmSync(folder, { recursive: true });
});

/** Runs a file of these lines, where `t` is a uvu suite that nobody has run yet. */
function outcomeOf(lines: string, timeoutMs = 20_000): Promise<FileResult> {
  const file = join(folder, "fixture.test.mjs");
  const head = `import { suite } from ${JSON.stringify(import.meta.resolve("uvu"))};\nconst t = suite("fixture");\n`;
  writeFileSync(file, head + lines);
  return runFile(file, { timeoutMs, env: process.env });
}

runner("counts tests that pass", async () => {
  const { passed, failed, reason } = await outcomeOf(`t("a", () => {}); t("b", () => {}); t.run();`);
  assert.equal({ passed, failed, reason }, { passed: 2, failed: 0, reason: undefined });
});

runner("counts tests that fail beside those that pass", async () => {
  const { passed, failed } = await outcomeOf(`t("a", () => {}); t("b", () => { throw new Error("no"); }); t.run();`);
  assert.equal({ passed, failed }, { passed: 1, failed: 1 });
});

runner("fails a file whose hook throws, which uvu ends with exit code 0", async () => {
  const { failed } = await outcomeOf(`t.before(() => { throw new Error("no"); }); t("a", () => {}); t.run();`);
  assert.is(failed, 1);
});

runner("fails a file that runs no test", async () => {
  const { passed, failed, reason } = await outcomeOf(`t("a", () => {});`);
  assert.equal({ passed, failed }, { passed: 0, failed: 1 });
  assert.match(reason ?? "", /\.run\(\)/);
});

runner("fails a file that passes and then does not end", async () => {
  const { passed, failed, reason } = await outcomeOf(`t("a", () => {}); t.run(); setInterval(() => {}, 1000);`, 2_000);
  assert.equal({ passed, failed }, { passed: 1, failed: 1 });
  assert.match(reason ?? "", /no end within 2 s/);
});

runner("fails a file that cannot be loaded, and shows why", async () => {
  const { failed, output } = await outcomeOf(`import "./absent.mjs";`);
  assert.is(failed, 1);
  assert.match(output, /absent\.mjs/);
});

runner("ends a background process with its file", async () => {
  const lines = `import { spawn } from "node:child_process";
    t("a", () => { spawn("sleep", ["30"], { stdio: "inherit" }).unref(); }); t.run();`;
  const { passed, failed, seconds } = await outcomeOf(lines);
  assert.equal({ passed, failed }, { passed: 1, failed: 0 });
  assert.ok(seconds < 15);
});

runner.run();
