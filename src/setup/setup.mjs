/**
 * Makes a fresh clone ready: `node src/setup/setup.mjs [--test [--asan]] [--check]`. It runs before anything is
 * installed, so it stands on Node alone. What is done already is not done twice.
 */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { buildBaseImage } from "./base-image.mjs";
import { buildNative, buildTypescript, installModules } from "./build.mjs";
import { runChecks } from "./checks.mjs";
import { buildFuzzTargets } from "./fuzz.mjs";
import { checkHost } from "./host.mjs";
import { buildIsaL } from "./isa-l.mjs";
import { installPackages } from "./packages.mjs";
import { SetupError } from "./step.mjs";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const wants = (flag) => process.argv.includes(flag);

async function setup() {
  const check = wants("--check");
  checkHost({ needsRoot: !check });
  await installPackages(check ? ["build", "check"] : wants("--test") ? ["build", "test"] : ["build"]);
  await installModules(root);
  if (check) return runChecks(root);
  await buildIsaL(root);
  await buildNative(root, { sanitize: false });
  if (wants("--asan")) await buildNative(root, { sanitize: true });
  if (wants("--test") && !wants("--asan")) await buildFuzzTargets(root);
  await buildTypescript(root);
  await buildBaseImage(root);
}

try {
  await setup();
} catch (thrown) {
  if (!(thrown instanceof SetupError)) throw thrown;
  if (thrown.output) process.stderr.write(`${thrown.output.trimEnd()}\n`);
  process.stderr.write(
    `setup: ${thrown.message}.${thrown.command ? `\nsetup: mend it with: ${thrown.command}` : ""}\n`,
  );
  process.exitCode = 1;
}
