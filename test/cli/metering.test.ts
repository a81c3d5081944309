import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { baseImage, CliHome } from "./cli-home.js";

const home = await CliHome.open();
const test = suite("samples and usage on the command line");
test.after(() => home.close());

const sh = (script: string, ...options: string[]): string[] => [
  "run",
  "--rm",
  ...options,
  baseImage,
  "sh",
  "-c",
  script,
];

async function ok(args: string[], input = ""): Promise<string> {
  const run = await home.run(args, input);
  assert.is(run.code, 0, `${args.join(" ")}: ${run.stderr}`);
  return run.stdout;
}

test("--stats FILE holds a JSON object a line", async () => {
  const file = join(home.root, "stats.jsonl");
  const run = await home.run(
    sh("i=0; while [ $i -lt 12 ]; do sleep 0.2; i=$((i+1)); done; echo done", "--stats", file),
  );
  assert.equal(run, { code: 0, stdout: "done\n", stderr: "" });
  const samples = readFileSync(file, "utf8").trimEnd().split("\n");
  for (const line of samples) assert.type((JSON.parse(line) as { cpu: { usageUsec: number } }).cpu.usageUsec, "number");
  assert.ok(samples.length >= 2, `${samples.length} samples`);
  rmSync(file);
});

test("--stats - puts samples on stdout and the container's output on stderr", async () => {
  const run = await home.run(sh("echo out; sleep 1.2", "--stats", "-"));
  assert.is(run.stderr, "out\n");
  for (const line of run.stdout.trimEnd().split("\n"))
    assert.type((JSON.parse(line) as { time: string }).time, "string");
});

test("stats --no-stream tells each running container once", async () => {
  await ok(["run", "-d", "--name", "busy", baseImage, "sh", "-c", "while :; do :; done"]);
  const samples = (await ok(["stats", "--no-stream", "--json"])).trimEnd().split("\n");
  assert.is(samples.length, 1);
  const sample = JSON.parse(samples[0] ?? "") as { cpu: { vcpus: number } };
  assert.ok(sample.cpu.vcpus > 0.1, `vcpus ${sample.cpu.vcpus}`);
  const table = (await ok(["stats", "--no-stream", "busy"])).trimEnd().split("\n");
  assert.is(table.length, 2);
  assert.match(table[1] ?? "", /busy/);
  await ok(["rm", "-f", "busy"]);
});

test("usage has a record for each run, summed by tag where asked", async () => {
  await ok(["run", "--rm", "--tag", "bill=x", "--cpus", "0.5", "-m", "64m", baseImage, "true"]);
  const records = JSON.parse(await ok(["usage", "--json", "--tag", "bill=x"])) as {
    seconds: number;
    vcpuSeconds: number;
  }[];
  assert.is(records.length, 1);
  assert.is(records[0]?.vcpuSeconds, (records[0]?.seconds ?? 0) / 2);
  const groups = JSON.parse(await ok(["usage", "--json", "--by", "bill", "--tag", "bill=x"])) as { key: string }[];
  assert.equal(
    groups.map((group) => group.key),
    ["x"],
  );
});

test.run();
