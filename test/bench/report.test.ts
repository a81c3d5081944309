import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Answer, Measure, Result } from "../../bench/harness/answer.js";
import { chartsOf } from "../../bench/report/charts.js";
import { page } from "../../bench/report/page.js";
import { measureTable } from "../../bench/report/table.js";
import { ratioText, withUnit } from "../../bench/report/units.js";

const latencies: Measure = {
  key: "start.first-instruction",
  title: "call to first instruction",
  unit: "ns",
  better: "lower",
  reference: "crun",
  series: [
    {
      subject: "granule",
      name: "granule",
      batches: [
        [1.5e6, 2e6, 2.5e6],
        [1.5e6, 2e6, 40e6],
      ],
    },
    {
      subject: "crun",
      name: "crun 1.21",
      batches: [
        [9e6, 10e6, 11e6],
        [9e6, 10e6, 11e6],
      ],
    },
  ],
};

const levels: Measure = {
  key: "density.node",
  title: "growth of node",
  unit: "bytes",
  better: "lower",
  axis: "containers",
  series: [
    { subject: "granule", name: "granule", at: 1000, batches: [[72 * 1024]] },
    { subject: "granule", name: "granule", at: 100, batches: [[70 * 1024]] },
  ],
};

const reporting = suite("bench report");

reporting("shows values in the unit that suits them", () => {
  assert.is(withUnit("ns", 1_730_000), "1.73 ms");
  assert.is(withUnit("bytes", 512 * 1024), "512 KiB");
  assert.is(withUnit("share", 0.0192), "1.92 %");
  assert.is(withUnit("count", 0), "0");
});

reporting("draws more values than a call takes arguments", () => {
  const many = Array.from({ length: 300_000 }, (_, index) => 1e6 + index);
  const measure: Measure = { ...latencies, series: [{ subject: "granule", name: "granule", batches: [many] }] };
  const [distribution, inOrder] = chartsOf(measure);
  assert.is(distribution?.data[1]?.at(-1), 100);
  assert.is(inOrder?.data[1]?.length, many.length);
});

reporting("prints no ratio where noise could be all of it", () => {
  assert.is(ratioText({ value: 0.97, low: 0.9, high: 1.05, distinct: false }), "within noise");
  assert.is(ratioText({ value: 0.42, low: 0.41, high: 0.44, distinct: true }), "0.420 (0.410 to 0.440)");
});

reporting("gives a measure's whole shape, outliers in it, and the ratio to its reference", () => {
  const { columns, rows } = measureTable(latencies);
  const cell = (row: number, title: string) => rows[row]?.[columns.findIndex((column) => column.title === title)];
  assert.is(columns[0]?.title, "ms");
  assert.is(cell(0, "max"), "40.0");
  assert.is(cell(0, "n"), "6");
  assert.is(cell(0, "outliers"), "1");
  assert.match(cell(0, "p50 x crun 1.21") ?? "", /^0\.200 /);
  assert.is(cell(1, "p50 x crun 1.21"), "1");
});

reporting("tells of single values no shape", () => {
  const { columns, rows } = measureTable(levels);
  assert.equal(
    columns.map(({ title }) => title),
    ["KiB", "containers", "value"],
  );
  assert.equal(rows, [
    ["granule", "1000", "72.0"],
    ["granule", "100", "70.0"],
  ]);
});

reporting("draws every value, and the share that lies below each", () => {
  const [shares, order] = chartsOf(latencies);
  assert.equal(
    shares?.data.map((line) => line.at(-1)),
    [40, 100, 100],
  );
  assert.equal(order?.data[1], [1.5, 2, 2.5, 1.5, 2, 40]);
});

reporting("draws medians along an axis in its order", () => {
  const [chart] = chartsOf(levels);
  assert.equal(chart?.data, [
    [100, 1000],
    [70, 72],
  ]);
});

reporting("writes a page that needs nothing else, and in which no text becomes markup", () => {
  const answer: Answer = {
    question: "start",
    asks: "How long?",
    measures: [{ ...latencies, title: "call & <first>" }],
    missing: [{ subject: "podman", reason: "it is </script> not installed" }],
    notes: [],
    ground: { cgroup: "unified", folder: "/tmp", loadBefore: 0, loadAfter: 0, seconds: 1 },
  };
  const result: Result = {
    format: "granule-bench-1",
    startedAt: "2026-01-01T00:00:00.000Z",
    command: ["start"],
    host: { kernel: "6.18" },
    answers: [answer],
    failures: [{ question: "scale", error: "out of <memory>" }],
  };
  const html = page({ result, verdicts: [] });
  assert.not.match(html, /<(script|link|img)[^>]+(src|href)=/);
  assert.match(html, /var uPlot=/);
  assert.match(html, /call &amp; &lt;first&gt;/);
  assert.match(html, /out of &lt;memory&gt;/);
  assert.match(html, /it is &lt;\/script&gt; not installed/);
});

reporting.run();
