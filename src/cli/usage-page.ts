import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Runtime, UsageCurve, UsageFilter, UsageGroup, UsageRecord } from "../api.js";
import { GranuleError } from "../errors.js";
import { total } from "./format/usage.js";
import { pageScript, pageStyle } from "./usage-page-parts.js";

/** Containers with curves of their own: those that were allocated most. */
const mostCurves = 12;

/** Records whose allocation is drawn. */
const mostRecords = 20_000;
const pageSize = 1000;

/** What the page's script draws. */
interface PageData {
  groups: UsageGroup[];
  totals: UsageGroup[];
  by: string[];
  curves: UsageCurve[];
  containers: number;
  /** Changes of what all containers were allocated: epoch seconds, vCPUs, bytes. */
  allocated: { times: number[]; vcpus: number[]; bytes: number[] };
  madeAt: string;
  span: { since?: string; until?: string };
}

/** Writes a page with the bill and the curves of use, complete in itself: it loads nothing. */
export async function writeUsagePage(
  runtime: Runtime,
  file: string,
  filter: UsageFilter,
  by: readonly string[] | undefined,
): Promise<void> {
  const records = await allRecords(runtime, filter);
  const keys = by ?? defaultKeys(records);
  const groups = await runtime.usage.summarize({ ...filter, by: [...keys] });
  const { curves, containers } = await largestCurves(runtime, records, filter);
  const currencies = [...new Set(groups.map(({ currency }) => currency))];
  const data: PageData = {
    groups,
    totals: currencies.map((currency) => total(groups.filter((group) => group.currency === currency))),
    by: [...keys],
    curves,
    containers,
    allocated: allocationSteps(records),
    madeAt: new Date().toISOString(),
    span: {
      ...(filter.since === undefined ? {} : { since: filter.since }),
      ...(filter.until === undefined ? {} : { until: filter.until }),
    },
  };
  try {
    writeFileSync(file, page(data));
  } catch (thrown) {
    const { errno, message } = GranuleError.from(thrown);
    throw new GranuleError("INVALID_ARGUMENT", `the page cannot be written to '${file}' (${errno ?? message})`, {
      path: file,
      cause: thrown,
    });
  }
}

async function allRecords(runtime: Runtime, filter: UsageFilter): Promise<UsageRecord[]> {
  const all: UsageRecord[] = [];
  for (let after = 0; all.length < mostRecords; ) {
    const records = await runtime.usage.query({ ...filter, after, limit: pageSize });
    all.push(...records);
    const last = records.findLast(({ record }) => record !== undefined)?.record;
    if (records.length < pageSize || last === undefined) break;
    after = last;
  }
  return all;
}

/** The tag that most records have, or the image where none has any. */
function defaultKeys(records: readonly UsageRecord[]): string[] {
  const counts = new Map<string, number>();
  for (const { tags } of records) for (const tag of Object.keys(tags)) counts.set(tag, (counts.get(tag) ?? 0) + 1);
  const [most] = [...counts].sort(([, a], [, b]) => b - a);
  return [most === undefined ? "image" : `tag:${most[0]}`];
}

/** Curves of the largest containers: by the second where all of it lies in the last 15 minutes, else by the minute. */
async function largestCurves(
  runtime: Runtime,
  records: readonly UsageRecord[],
  filter: UsageFilter,
): Promise<{ curves: UsageCurve[]; containers: number }> {
  const sizes = new Map<string, number>();
  for (const { id, vcpuSeconds = 0, cpuUsedSeconds = 0 } of records) {
    sizes.set(id, (sizes.get(id) ?? 0) + vcpuSeconds + cpuUsedSeconds);
  }
  const largest = [...sizes].sort(([, a], [, b]) => b - a).slice(0, mostCurves);
  const earliest = records.map(({ startedAt }) => startedAt).sort()[0];
  const since = filter.since ?? earliest;
  const span = {
    ...(since === undefined ? {} : { since }),
    ...(filter.until === undefined ? {} : { until: filter.until }),
  };
  const found = await Promise.all(largest.map(([id]) => runtime.usage.curves({ ...span, id })));
  return { curves: found.flat(), containers: sizes.size };
}

function allocationSteps(records: readonly UsageRecord[]): PageData["allocated"] {
  const changes: { time: number; vcpus: number; bytes: number }[] = [];
  for (const { startedAt, endedAt, cpus = 0, memoryBytes = 0 } of records) {
    changes.push({ time: Date.parse(startedAt) / 1000, vcpus: cpus, bytes: memoryBytes });
    if (endedAt !== undefined) changes.push({ time: Date.parse(endedAt) / 1000, vcpus: -cpus, bytes: -memoryBytes });
  }
  changes.sort((a, b) => a.time - b.time);
  const steps: PageData["allocated"] = { times: [], vcpus: [], bytes: [] };
  let [vcpus, bytes] = [0, 0];
  for (const change of changes) {
    vcpus += change.vcpus;
    bytes += change.bytes;
    if (steps.times.at(-1) === change.time) {
      steps.vcpus[steps.vcpus.length - 1] = round(vcpus);
      steps.bytes[steps.bytes.length - 1] = bytes;
      continue;
    }
    steps.times.push(change.time);
    steps.vcpus.push(round(vcpus));
    steps.bytes.push(bytes);
  }
  return steps;
}

const round = (value: number) => Math.round(value * 1000) / 1000;

function page(data: PageData): string {
  const uplot = (name: string) => readFileSync(fileURLToPath(import.meta.resolve(`uplot/dist/${name}`)), "utf8");
  // `<` in a name could otherwise end the script element.
  const json = JSON.stringify(data).replaceAll("<", "\\u003c");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>granule usage</title>
<style>
${uplot("uPlot.min.css")}
${pageStyle}
</style>
</head>
<body>
<main id="page"></main>
<script type="application/json" id="data">${json}</script>
<script>
${uplot("uPlot.iife.min.js").replaceAll("</script", "<\\/script")}
</script>
<script>
${pageScript}
</script>
</body>
</html>
`;
}
