import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compareResults, compareText } from "../../bench/compare.js";
import { goalsTable, judge } from "../../bench/goals.js";
import type { Answer, Measure, Result, Series } from "../../bench/harness/answer.js";

const series = (subject: string, centre: number, at?: number): Series => ({
  subject,
  name: subject,
  ...(at === undefined ? {} : { at }),
  batches: Array.from({ length: 8 }, (_, batch) => [centre * 0.99, centre, centre * (1.01 + batch / 1000)]),
});

const measure = (all: Series[], more: Partial<Measure> = {}): Measure => ({
  key: "start.first-instruction",
  title: "call to first instruction",
  unit: "ns",
  better: "lower",
  reference: "crun",
  series: all,
  ...more,
});

const answer = (measures: Measure[]): Answer => ({
  question: "start",
  asks: "How long?",
  measures,
  missing: [],
  notes: [],
  ground: { cgroup: "unified", folder: "/tmp", loadBefore: 0, loadAfter: 0, seconds: 1 },
});

const result = (measures: Measure[], host: Result["host"] = {}): Result => ({
  format: "granule-bench-1",
  startedAt: "2026-01-01T00:00:00.000Z",
  command: [],
  host,
  answers: [answer(measures)],
  failures: [],
});

const comparing = suite("bench compare");

comparing("tells better from worse by the direction of the measure", () => {
  const verdict = (before: number, after: number, better: Measure["better"]) =>
    compareResults(
      result([measure([series("granule", before)], { better })]),
      result([measure([series("granule", after)], { better })]),
    ).map((change) => change.verdict);
  assert.equal(verdict(10, 5, "lower"), ["better"]);
  assert.equal(verdict(5, 10, "lower"), ["worse"]);
  assert.equal(verdict(5, 10, "higher"), ["better"]);
  assert.equal(verdict(10, 10.001, "lower"), ["within noise"]);
});

comparing("compares series at the same place of the axis alone", () => {
  const before = result([measure([series("granule", 10, 100), series("granule", 20, 1000)])]);
  const after = result([measure([series("granule", 10, 1000)])]);
  assert.equal(
    compareResults(before, after).map(({ before, after }) => [before, after]),
    [[20, 10]],
  );
});

comparing("names what differs of the host", () => {
  const one = result([measure([series("granule", 10)])], { kernel: "6.1", cpus: 2 });
  const other = result([measure([series("granule", 10)])], { kernel: "6.12", cpus: 2 });
  assert.match(compareText(one, other).join("\n"), /host differs: kernel was 6\.1 and is 6\.12/);
  assert.not.match(compareText(one, one).join("\n"), /host differs/);
});

const judging = suite("bench goals");

const against = {
  question: "start",
  measure: "start.first-instruction",
  subject: "granule",
  against: { subject: "crun" },
};

judging("says what is reached, and by how much the rest is short", () => {
  const answers = [answer([measure([series("granule", 3), series("crun", 10)])])];
  const verdicts = judge(answers, [
    { ...against, what: "near", atMost: 0.4 },
    { ...against, what: "far", atMost: 0.1 },
    { ...against, what: "absent", against: { subject: "runc" }, atMost: 0.1 },
  ]);
  assert.equal(
    verdicts.map(({ state }) => state),
    ["reached", "short", "not measured"],
  );
  const states = goalsTable(verdicts, answers[0]?.measures ?? []).rows.map((row) => row.at(-1) ?? "");
  assert.is(states[0], "reached");
  assert.match(states[1] ?? "", /^short by 3\.0\d x$/);
  assert.is(states[2], "not measured");
});

judging("judges a figure by itself in its unit", () => {
  const memory = measure([series("granule", 300 * 1024)], { key: "density.monitor", unit: "bytes" });
  const goal = { question: "density", measure: "density.monitor", subject: "granule", what: "monitor" };
  const [reached] = judge([answer([memory])], [{ ...goal, atMost: 512 * 1024 }]);
  assert.is(reached?.state, "reached");
  const [short] = judge([answer([memory])], [{ ...goal, atLeast: 600 * 1024 }]);
  assert.is(short?.state, "short");
  assert.is(short?.offBy, 2);
});

comparing.run();
judging.run();
