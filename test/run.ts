/**
 * Runs every test and ends with the line `N passed, N failed`.
 * `node dist/test/run.js [--only SUBSTRING] [--no-vm] [--asan]`; `--in-vm` is what the VM itself runs.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type FileResult, runFile } from "./runner/test-file.js";
import { runInVm } from "./runner/vm.js";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = join(here, "../..");
const vmFolder = "vm-suite/";
/** Tests of native code, and of what runs it all day, which run under the sanitizers, too. */
const nativeTests = /^(cgroup|image|kernel|launch|meter|monitor|runtime|unpack)\//;
/** Where the sanitized monitor writes what it finds: its standard error is /dev/null. */
const reports = join(root, "build/asan/reports");

const { values: flags } = parseArgs({
  options: {
    only: { type: "string" },
    "no-vm": { type: "boolean", default: false },
    asan: { type: "boolean", default: false },
    "in-vm": { type: "boolean", default: false },
  },
});

// The VM emulates its processor; the sanitizers double the work.
const timeoutMs = flags["in-vm"] ? 240_000 : flags.asan ? 360_000 : 180_000;

/** Environment that puts the sanitized addon and monitor in place of the plain ones. */
function sanitizedEnvironment(): NodeJS.ProcessEnv {
  const release = join(root, "build/asan/build/Release");
  const library = execFileSync("g++", ["-print-file-name=libasan.so"], { encoding: "utf8" }).trim();
  return {
    GRANULE_ADDON: join(release, "granule.node"),
    GRANULE_MONITOR: join(release, "granule-monitor"),
    // The runtime has to come first, and node is not linked with it.
    LD_PRELOAD: library,
    // node frees little at exit, so its own leaks would drown any of ours.
    ASAN_OPTIONS: "detect_leaks=0:abort_on_error=1",
    UBSAN_OPTIONS: "halt_on_error=1:print_stacktrace=1",
  };
}

/** A finding in a monitor is a failure, whatever the test that started it saw of it. */
function countReports(): void {
  for (const name of readdirSync(reports)) {
    failed++;
    process.stdout.write(`FAIL sanitizers, ${name}:\n${readFileSync(join(reports, name), "utf8")}\n`);
  }
}

function testFiles(): string[] {
  return readdirSync(here, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".test.js") && (flags.only === undefined || file.includes(flags.only)))
    .sort();
}

let passed = 0;
let failed = 0;

function count(result: FileResult): void {
  passed += result.passed;
  failed += result.failed;
  const name = relative(here, result.file).replace(/\.js$/, ".ts");
  const mark = result.failed === 0 ? "ok  " : "FAIL";
  process.stdout.write(
    `${mark} ${name}  ${result.passed} passed, ${result.failed} not  ${result.seconds.toFixed(1)} s\n`,
  );
  if (result.failed === 0) return;
  process.stdout.write(`${result.output.trimEnd()}\n`);
  if (result.reason !== undefined) process.stdout.write(`FAIL ${name}: ${result.reason}\n`);
}

async function runAll(files: string[], lanes: number, env: NodeJS.ProcessEnv): Promise<void> {
  const queue = [...files];
  const lane = async (): Promise<void> => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      count(await runFile(join(here, file), { timeoutMs, env }));
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

const files = testFiles();
const vmFiles = files.filter((file) => file.startsWith(vmFolder));
const hostFiles = files.filter((file) => !file.startsWith(vmFolder) && (!flags.asan || nativeTests.test(file)));

if (flags["in-vm"]) {
  await runAll(vmFiles, 1, process.env);
} else {
  const env = flags.asan ? { ...process.env, ...sanitizedEnvironment() } : process.env;
  if (flags.asan) {
    rmSync(reports, { recursive: true, force: true });
    mkdirSync(reports, { recursive: true });
  }
  const alone = hostFiles.filter((file) => file.endsWith(".serial.test.js"));
  const together = hostFiles.filter((file) => !alone.includes(file));
  await runAll(together, Math.min(2, availableParallelism()), env);
  await runAll(alone, 1, env);
  if (flags.asan) countReports();
  if (vmFiles.length > 0 && !flags["no-vm"] && !flags.asan) {
    process.stdout.write("booting the VM for the cgroup v2 suite\n");
    const vm = await runInVm(flags.only === undefined ? [] : ["--only", flags.only]);
    passed += vm.passed;
    failed += vm.failed;
    if (vm.reason !== undefined) process.stdout.write(`FAIL vm-suite: ${vm.reason}\n`);
  }
}

if (passed + failed === 0) {
  process.stdout.write(`no test file matches ${flags.only ?? "at all"}\n`);
  failed = 1;
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
