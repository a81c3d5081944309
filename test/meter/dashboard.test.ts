import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Meter } from "../../src/meter/meter.js";
import { MeterMetrics } from "../../src/meter/metrics.js";

interface Panel {
  id: number;
  title: string;
  type: string;
  gridPos: { x: number; y: number; w: number; h: number };
  datasource: { type: string; uid: string };
  targets: { refId: string; expr: string; legendFormat?: string }[];
}

/** The parts of Grafana's dashboard model that a file needs to be taken. */
interface Dashboard {
  title: string;
  uid: string;
  schemaVersion: number;
  time: { from: string; to: string };
  templating: { list: { name: string; type: string; query: string }[] };
  panels: Panel[];
}

const file = new URL("../../../src/meter/grafana-dashboard.json", import.meta.url);
const dashboard = JSON.parse(readFileSync(file, "utf8")) as Dashboard;
const { list: variables } = dashboard.templating;
const expressions = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));

/** Types of metrics by name, and the labels that any of their series has, as /metrics tells them. */
async function exported(): Promise<{ types: Map<string, string>; labels: Set<string> }> {
  const folder = mkdtempSync(join(tmpdir(), "granule-dashboard-"));
  const now = () => ({ wallNs: 1_800_000_000_000_000_000n, bootNs: 1_000_000_000_000n });
  const problems: string[] = [];
  const meter = new Meter({ path: join(folder, "u.db"), bootId: "b", now, onProblem: (text) => problems.push(text) });
  try {
    meter.begin({ id: "1", name: "one", image: "i", tags: {}, cpus: 1, memoryBytes: 1 }, now());
    const traffic = { rxBytes: 1, txBytes: 1, readBytes: 1, writeBytes: 1 };
    const counters = { usageUsec: 1, memoryBytes: 1, memoryPeakBytes: 1, ...traffic };
    meter.tick([{ id: "1", counters }], undefined);
    const text = await new MeterMetrics(meter).render();
    const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = "", type = ""]) => [name, type]));
    const labels = new Set([...text.matchAll(/[{,](\w+)="/g)].map(([, label = ""]) => label));
    assert.equal(problems, []);
    return { types, labels };
  } finally {
    meter.close();
    rmSync(folder, { recursive: true });
  }
}

const test = suite("Grafana dashboard");

test("is a dashboard whose panels have ids of their own and share no place", () => {
  assert.ok(dashboard.title && dashboard.uid && dashboard.schemaVersion >= 36);
  assert.match(dashboard.time.from, /^now-/);
  assert.ok(dashboard.panels.length > 0);
  const taken = new Set<string>();
  for (const { id, title, type, gridPos, datasource, targets } of dashboard.panels) {
    assert.ok(["stat", "timeseries", "table", "gauge", "barchart"].includes(type), `${title}: ${type}`);
    assert.equal(datasource, { type: "prometheus", uid: `\${datasource}` });
    assert.ok(targets.length > 0 && new Set(targets.map(({ refId }) => refId)).size === targets.length, title);
    assert.ok(gridPos.x >= 0 && gridPos.w > 0 && gridPos.h > 0 && gridPos.x + gridPos.w <= 24, title);
    const places = [`id ${id}`];
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) places.push(`${x},${y}`);
    }
    for (const place of places) {
      assert.not.ok(taken.has(place), `${title} at ${place}`);
      taken.add(place);
    }
  }
});

test("asks for metrics and labels that /metrics has, counters by their growth alone", async () => {
  const { types, labels } = await exported();
  // Prometheus gives each series the instance that it was scraped from.
  labels.add("instance");
  for (const query of [...expressions, ...variables.map((variable) => variable.query)]) {
    for (const [name] of query.matchAll(/granule_\w+/g)) {
      const type = types.get(name);
      assert.ok(type, `${name} in ${query}`);
      const grows = new RegExp(`(rate|increase)\\(${name}\\b`).test(query);
      assert.is(grows, type === "counter", `${name}, a ${type}, in ${query}`);
    }
    for (const [, label = ""] of query.matchAll(/[{,]\s*(\w+)\s*(?:=~|!~|!=|=)/g)) {
      assert.ok(labels.has(label), `${label} in ${query}`);
    }
  }
  for (const { targets } of dashboard.panels) {
    for (const { legendFormat = "" } of targets) {
      for (const [, label = ""] of legendFormat.matchAll(/\{\{\s*(\w+)\s*\}\}/g)) assert.ok(labels.has(label), label);
    }
  }
});

test("has each variable that a query names, and brackets that close", () => {
  const names = new Set(variables.map(({ name }) => name));
  for (const expr of expressions) {
    for (const [, name = ""] of expr.matchAll(/\$\{?(\w+)\}?/g)) {
      assert.ok(names.has(name) || name.startsWith("__"), `${name} in ${expr}`);
    }
    const open: string[] = [];
    const pairs: Record<string, string> = { ")": "(", "}": "{", "]": "[" };
    for (const character of expr.replace(/"[^"]*"/g, '""')) {
      if (Object.values(pairs).includes(character)) open.push(character);
      else if (character in pairs) assert.is(open.pop(), pairs[character], expr);
    }
    assert.equal(open, [], expr);
  }
});

test.run();
