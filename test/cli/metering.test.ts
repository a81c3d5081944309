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
  const groups = JSON.parse(await ok(["usage", "--json", "--by", "bill,image", "--tag", "bill=x"])) as {
    key: object;
  }[];
  assert.equal(
    groups.map((group) => group.key),
    [{ "tag:bill": "x", image: baseImage }],
  );
});

test("prices make costs, whose total is the sum of its parts; csv and jsonl have the same records", async () => {
  const sheet = JSON.stringify({ currency: "EUR", perVcpuSecond: "0.0000135", perGibSecond: "0.0000015" });
  const added = await home.run(["usage", "prices", "-"], sheet);
  assert.is(added.code, 0, added.stderr);
  assert.match(added.stdout, /EUR +0\.0000135 +0\.0000015/);
  for (const team of ["a", "b", "b"]) {
    await ok(["run", "--rm", "--tag", `team=${team}`, "--cpus", "0.3", "-m", "100m", baseImage, "true"]);
  }
  const table = (await ok(["usage", "--by", "tag:team"])).trimEnd().split("\n");
  const cost = (line: string | undefined) => Math.round(Number(/(\d+\.\d+) +EUR$/.exec(line ?? "")?.[1]) * 1e9);
  const parts = table.filter((line) => /^[ab] /.test(line));
  assert.is(parts.length, 2);
  const total = table.filter((line) => line.startsWith("total") && line.endsWith("EUR"));
  assert.is(total.length, 1);
  assert.ok(cost(total[0]) > 0);
  assert.is(
    parts.reduce((sum, line) => sum + cost(line), 0),
    cost(total[0]),
  );
  const csv = (await ok(["usage", "--format", "csv", "--tag", "team=b"])).trimEnd().split("\n");
  const jsonl = (await ok(["usage", "--format", "jsonl", "--tag", "team=b"])).trimEnd().split("\n");
  assert.is(csv[0]?.split(",").slice(0, 3).join(), "record,id,name");
  assert.is(csv.length - 1, 2);
  assert.equal(
    jsonl.map((line) => (JSON.parse(line) as { id: string }).id),
    csv.slice(1).map((line) => line.split(",")[1]),
  );
  const bad = await home.run(["usage", "prices", "-"], '{"currency": "EUR", "perVcpuSecond": 0.1}');
  assert.is(bad.code, 1);
  assert.match(bad.stderr, /perVcpuSecond/);
});

test("the ledger's chain is verified, and an earlier head is found in it", async () => {
  const head = /the head is (\S+)$/m.exec(await ok(["usage", "verify"]))?.[1] ?? "";
  await ok(["run", "--rm", baseImage, "true"]);
  assert.match(await ok(["usage", "verify", "--expect", head]), /intact/);
  const forged = await home.run(["usage", "verify", "--expect", `${head.split(":")[0]}:${"0".repeat(64)}`]);
  assert.is(forged.code, 1);
  assert.match(forged.stdout, /NOT intact/);
});

test("the page is complete in itself", async () => {
  const file = join(home.root, "usage.html");
  await ok(["usage", "--html", file]);
  const page = readFileSync(file, "utf8");
  assert.not.match(page, /(src|href)=["']?http/);
  assert.match(page, /Content-Security-Policy/);
  const data = JSON.parse(/id="data">(.*?)<\/script>/s.exec(page)?.[1] ?? "") as { by: string[]; groups: unknown[] };
  assert.ok(data.groups.length > 0);
  rmSync(file);
});

test("a container that has used up its seconds is stopped, and says why", async () => {
  const run = await home.run([
    "run",
    "--name",
    "spent",
    "--max-seconds",
    "1",
    "--stop-timeout",
    "0",
    baseImage,
    "sleep",
    "60",
  ]);
  assert.is(run.code, 137);
  const [info] = JSON.parse(await ok(["inspect", "spent"])) as { exit: { reason: string } }[];
  assert.is(info?.exit.reason, "budget: maxSeconds 1");
  const again = await home.run(["start", "spent"]);
  assert.match(again.stderr, /budget is used up: maxSeconds 1/);
  const [record] = JSON.parse(await ok(["usage", "--json", "spent"])) as { endReason: string; seconds: number }[];
  assert.is(record?.endReason, "budget: maxSeconds 1");
  assert.ok((record?.seconds ?? 0) <= 4, `${record?.seconds} s`);
  await ok(["rm", "spent"]);
});

test.run();
