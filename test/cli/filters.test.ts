import { suite } from "uvu";
import * as assert from "uvu/assert";
import { baseImage, CliHome } from "./cli-home.js";

const home = await CliHome.open();
const test = suite("ps and events, filtered");
test.after(() => home.close());

test.before(async () => {
  for (const [name, team, script] of [
    ["web-1", "a", "exec sleep 60"],
    ["web-2", "b", "exec sleep 60"],
    ["job", "a", "exit 3"],
  ] as const) {
    const run = await home.run(["run", "-d", "--name", name, "--tag", `team=${team}`, baseImage, "sh", "-c", script]);
    assert.is(run.code, 0, run.stderr);
  }
  await home.run(["wait", "job"]);
});

/** The names that a `ps` lists, sorted. */
async function names(...options: string[]): Promise<string[]> {
  const { stdout, stderr } = await home.run(["ps", "--json", ...options]);
  assert.is(stderr, "");
  return (JSON.parse(stdout) as { name: string }[]).map(({ name }) => name).sort();
}

for (const [options, wanted] of [
  [
    ["-f", "name=web"],
    ["web-1", "web-2"],
  ],
  [["-f", "label=team=a"], ["web-1"]],
  [
    ["-a", "-f", "label=team=a"],
    ["job", "web-1"],
  ],
  [["-f", "status=exited"], ["job"]],
  [["-f", "exited=3"], ["job"]],
  [["-f", "exited=4"], []],
  [
    ["-a", "-f", "since=web-1"],
    ["job", "web-2"],
  ],
  [["-a", "-f", "before=web-2"], ["web-1"]],
  [
    ["-f", `ancestor=${baseImage}`],
    ["web-1", "web-2"],
  ],
  [["-f", "ancestor=other"], []],
  [["-l"], ["job"]],
  [
    ["-n", "2"],
    ["job", "web-2"],
  ],
] as [string[], string[]][]) {
  test(`ps ${options.join(" ")}`, async () => {
    assert.equal(await names(...options), wanted);
  });
}

test("ps -q prints ids alone, and nothing where there is none", async () => {
  assert.match((await home.run(["ps", "-q", "-f", "name=web-1"])).stdout, /^[0-9a-f]{12}\n$/);
  assert.equal(await home.run(["ps", "-q", "-f", "name=none"]), { code: 0, stdout: "", stderr: "" });
});

test("events of the past, filtered, end by themselves", async () => {
  const events = async (...options: string[]): Promise<string[]> => {
    const { stdout, stderr, code } = await home.run(["events", "--json", "--since", "10m", ...options]);
    assert.equal([code, stderr], [0, ""]);
    return stdout
      .split("\n")
      .filter(Boolean)
      .map((line) => {
        const { name, action } = JSON.parse(line) as { name: string; action: string };
        return `${name} ${action}`;
      });
  };
  assert.equal(await events("--until", "0s", "-f", "container=job"), ["job create", "job start", "job die"]);
  assert.equal(await events("--until", "0s", "-f", "event=start", "-f", "label=team=a"), ["web-1 start", "job start"]);
  assert.equal(await events("--until", "5m"), [], "before any of them");
});

test("a filter that there is not is refused, and told those that there are", async () => {
  const { code, stderr } = await home.run(["ps", "--filter", "colour=red"]);
  assert.is(code, 1);
  assert.match(stderr, "there is no filter 'colour'");
  assert.match(stderr, "ancestor");
});

test.run();
