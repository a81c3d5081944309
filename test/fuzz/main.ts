/** `npm run fuzz -- [SECONDS] [TARGET...]`: each target for so long, ten minutes unless told; ends at the first finding. */
import { runTarget } from "./run-target.js";
import type { Target } from "./seeds.js";

const targets: readonly Target[] = ["parse", "unpack"];
const [first = "600", ...named] = process.argv.slice(2);
const seconds = Number(first);
const stranger = named.find((name) => !targets.some((target) => target === name));
if (!Number.isInteger(seconds) || seconds < 1 || stranger !== undefined) {
  process.stderr.write(`usage: npm run fuzz -- [SECONDS] [${targets.join("|")}]...\n`);
  process.exit(2);
}
for (const target of targets.filter((one) => named.length === 0 || named.includes(one))) {
  process.stdout.write(`fuzzing ${target} for ${seconds} s\n`);
  const { code, runs } = await runTarget(target, seconds, (text) => process.stdout.write(text));
  process.stdout.write(`${target}: ${runs} inputs, ${code === 0 ? "nothing found" : `ended with ${code}`}\n`);
  if (code !== 0) process.exit(1);
}
