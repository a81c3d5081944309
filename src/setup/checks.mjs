import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { filesBelow } from "./fingerprint.mjs";
import { SetupError } from "./step.mjs";

/**
 * Format, lint and types, each tool's findings as it tells them.
 * All run, so that one reading shows everything; any finding fails.
 */
export function runChecks(root) {
  const bin = (name) => join(root, "node_modules/.bin", name);
  const native = filesBelow(root, ["native", "bench", "test"]).filter((file) => /\.(cc|h|c)$/.test(file));
  const checks = [
    ["format and lint (biome)", bin("biome"), ["ci", "--colors=off"]],
    ["lint with types (oxlint)", bin("oxlint"), ["--type-aware", "--deny-warnings"]],
    ["native format (clang-format)", "clang-format-19", ["--dry-run", "-Werror", ...native]],
    ["types (tsc)", bin("tsc"), ["-p", "tsconfig.json", "--noEmit", "--incremental", "false"]],
  ];
  const failed = [];
  for (const [title, command, args] of checks) {
    const result = spawnSync(command, args, { cwd: root, encoding: "utf8" });
    const passed = result.status === 0;
    process.stdout.write(`check: ${title}: ${passed ? "ok" : "FAILED"}\n`);
    if (passed) continue;
    failed.push(title);
    process.stdout.write(`${result.error?.message ?? ""}${result.stdout ?? ""}${result.stderr ?? ""}\n`);
  }
  if (failed.length > 0) throw new SetupError(`these checks failed: ${failed.join(", ")}`, "npm run format");
}
