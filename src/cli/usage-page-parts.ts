/** Style and script of the page that `granule usage --html` writes. The script runs in a browser, on its own. */

export const pageStyle = `
:root { color-scheme: light dark; --ink: #1a1d21; --soft: #667080; --line: #e1e5ea; --back: #f6f7f9; --card: #fff; --grid: #eceff3; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8eaee; --soft: #96a0ae; --line: #2c323a; --back: #14171b; --card: #1b1f25; --grid: #262c34; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink); font: 14px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 32px 24px 64px; }
h1 { font-size: 22px; margin: 0; letter-spacing: -0.01em; }
h2 { font-size: 15px; margin: 0 0 12px; }
.span { color: var(--soft); margin: 2px 0 24px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(168px, 1fr)); gap: 12px; margin-bottom: 20px; }
.tile, .card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px; }
.tile b { display: block; font-size: 19px; font-weight: 600; font-variant-numeric: tabular-nums; letter-spacing: -0.02em; white-space: nowrap; }
.tile span { color: var(--soft); font-size: 12.5px; }
.card { margin-bottom: 20px; overflow-x: auto; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 20px; }
@media (max-width: 860px) { .pair { grid-template-columns: 1fr; gap: 0; } }
.pair > .card { min-width: 0; }
.note { color: var(--soft); font-size: 12.5px; margin: -8px 0 10px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: right; font-weight: 500; color: var(--soft); font-size: 12.5px; border-bottom: 1px solid var(--line); padding: 4px 0 6px 18px; white-space: nowrap; }
td { text-align: right; padding: 6px 0 6px 18px; border-bottom: 1px solid var(--grid); white-space: nowrap; }
th.key, td.key { text-align: left; padding-left: 0; }
tr.total td { font-weight: 600; border-bottom: 0; border-top: 1px solid var(--line); }
.bar { display: inline-block; height: 8px; border-radius: 4px; background: #3b7de0; vertical-align: middle; }
.share { width: 130px; text-align: left; }
.u-legend { font-size: 12px; text-align: left; }
.u-legend th { border: 0; padding: 0; font-size: 12px; color: var(--ink); }
.u-legend td { border: 0; padding: 0; }
.u-inline.u-legend tr { margin-right: 14px; }
`;

export const pageScript = String.raw`
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const root = document.getElementById("page");
const colours = ["#3b7de0", "#e0723b", "#2fa36b", "#b04fc4", "#d1a11f", "#1ba3b8", "#d94f70", "#7a8f2a", "#6a5ae0", "#a5683a", "#4f9c4a", "#8a8f98"];
const dark = matchMedia("(prefers-color-scheme: dark)").matches;
const ink = dark ? "#96a0ae" : "#667080";
const grid = dark ? "#262c34" : "#eceff3";
const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};
const number = (value, decimals) => value.toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
const short = (value) => {
  const size = Math.abs(value);
  if (size >= 1e6) return number(value / 1e6, 1) + " M";
  if (size >= 1e4) return number(value / 1e3, 1) + " k";
  return number(value, size >= 100 || Number.isInteger(value) ? 0 : size >= 1 ? 1 : 3);
};
const bytes = (value) => {
  if (value == null) return "–";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  for (; Math.abs(value) >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return number(value, value >= 100 || unit === 0 || Number.isInteger(value) ? 0 : 1) + " " + units[unit];
};
const when = (text) => text.replace("T", " ").replace(/(:\d\d)?(\.\d+)?Z$/, " UTC");

const times = [...data.allocated.times];
const first = data.span.since || (times.length ? new Date(times[0] * 1000).toISOString() : data.madeAt);
root.append(
  make("h1", { textContent: "Usage" }),
  make("p", { className: "span", textContent: when(first) + " to " + when(data.span.until || data.madeAt) + " · made " + when(data.madeAt) }),
);

const tiles = make("div", { className: "tiles" });
const tile = (value, label) => tiles.append(make("div", { className: "tile" }, make("b", { textContent: value }), make("span", { textContent: label })));
const cost = (group, decimals) => {
  const [whole, fraction = ""] = group.cost.split(".");
  return Number(whole).toLocaleString("en") + "." + fraction.slice(0, decimals).padEnd(decimals, "0");
};
for (const group of data.totals) {
  if (group.cost === undefined) continue;
  const small = Number(group.cost) < 1;
  tile(cost(group, small ? 6 : 2) + " " + group.currency, "cost");
}
const sum = (field) => data.totals.reduce((before, group) => before + group[field], 0);
tile(short(data.containers), data.containers === 1 ? "container" : "containers");
tile(short(sum("vcpuSeconds")), "vCPU-seconds allocated");
tile(short(sum("cpuUsedSeconds")), "CPU-seconds used");
tile(short(sum("gibSeconds")), "GiB-seconds allocated");
tile(short(sum("memoryUsedGibSeconds")), "GiB-seconds used");
root.append(tiles);

const priced = data.groups.some((group) => group.cost !== undefined);
const longest = Math.max(2, ...data.groups.concat(data.totals).map((group) => ((group.cost || "").split(".")[1] || "").length));
const share = (group) => (priced ? Number(group.cost || 0) : group.vcpuSeconds + group.gibSeconds);
const largest = Math.max(...data.groups.map(share), 1e-12);
const bill = make("table");
const titles = [...data.by.map((key) => key.replace(/^tag:/, "")), "", "records", "seconds", "vCPU-s", "GiB-s", "CPU used s", "GiB-s used", ...(priced ? ["cost"] : [])];
bill.append(make("tr", {}, ...titles.map((text, index) => make("th", { textContent: text, className: index < data.by.length ? "key" : index === data.by.length ? "share" : "" }))));
const cells = (group, keys) => [
  ...keys.map((text) => make("td", { className: "key", textContent: text })),
  make("td", { className: "share" }),
  ...[number(group.records, 0), number(group.seconds, 0), number(group.vcpuSeconds, 2), number(group.gibSeconds, 3), number(group.cpuUsedSeconds, 2), number(group.memoryUsedGibSeconds, 3)].map((text) => make("td", { textContent: text })),
  ...(priced ? [make("td", { textContent: group.cost === undefined ? "–" : cost(group, longest) + " " + group.currency })] : []),
];
for (const group of [...data.groups].sort((a, b) => share(b) - share(a))) {
  const row = make("tr", {}, ...cells(group, data.by.map((key) => group.key[key] || "(none)")));
  const bar = make("span", { className: "bar" });
  bar.style.width = Math.max(2, (120 * share(group)) / largest) + "px";
  row.children[data.by.length].append(bar);
  bill.append(row);
}
if (data.groups.length > 1) for (const group of data.totals) {
  bill.append(make("tr", { className: "total" }, ...cells(group, data.by.map((_, index) => (index > 0 ? "" : priced && group.cost === undefined ? "Total without price" : "Total")))));
}
root.append(make("section", { className: "card" }, make("h2", { textContent: "Bill by " + data.by.map((key) => key.replace(/^tag:/, "")).join(", ") }), bill));

// All curves on one axis of time; what nobody measured is a gap.
const step = data.curves[0] ? data.curves[0].stepSeconds : 60;
const axis = [...new Set(data.curves.flatMap((curve) => curve.times))].sort((a, b) => a - b);
const place = new Map(axis.map((time, index) => [time, index]));
const column = (curve, field) => {
  const values = new Array(axis.length).fill(null);
  curve.times.forEach((time, index) => { values[place.get(time)] = curve[field][index]; });
  return values;
};
const summed = (field) => axis.map((_, index) => {
  const there = data.curves.map((curve) => columns.get(curve)[field][index]).filter((value) => value !== null);
  return there.length === 0 ? null : there.reduce((before, value) => before + value, 0);
});
const fields = ["vcpus", "memory", "rxBytes", "txBytes", "readBytes", "writeBytes"];
const columns = new Map(data.curves.map((curve) => [curve, Object.fromEntries(fields.map((field) => [field, column(curve, field)]))]));
const allocatedAt = (field) => {
  let at = 0;
  return axis.map((time) => {
    // The highest in the step: what was there for a part of it counts.
    let value = at > 0 ? data.allocated[field][at - 1] : 0;
    for (; at < data.allocated.times.length && data.allocated.times[at] < time + step; at++) value = Math.max(value, data.allocated[field][at]);
    return value;
  });
};
const rate = (values) => values.map((value) => (value === null ? null : value / step));

// Steps of sizes are powers of two; a chart of nothing still has a scale.
const binary = Array.from({ length: 50 }, (_, power) => 2 ** power);
const two = (value) => String(value).padStart(2, "0");
const clock = (seconds, step) => {
  const date = new Date(seconds * 1000);
  const day = date.toLocaleDateString("en", { day: "numeric", month: "short" });
  const time = two(date.getHours()) + ":" + two(date.getMinutes());
  if (step >= 86400) return day;
  return step < 60 ? time + ":" + two(date.getSeconds()) : time === "00:00" ? day : time;
};

function chart(parent, title, note, series, format, isSize = false) {
  const card = make("section", { className: "card" }, make("h2", { textContent: title }));
  if (note) card.append(make("p", { className: "note", textContent: note }));
  const place = make("div");
  card.append(place);
  parent.append(card);
  if (series.every(({ values }) => values.every((value) => value === null))) {
    place.append(make("p", { className: "note", textContent: "This host does not count it for these containers." }));
    return;
  }
  const single = axis.length < 2;
  const plot = new uPlot({
    width: 400,
    height: 230,
    cursor: { y: false },
    legend: { live: true },
    scales: { y: { range: (_, low, high) => [0, high > 0 ? high * 1.08 : isSize ? 1024 : 1] } },
    axes: [
      { stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid }, space: 70, values: (_, all, __, ___, step) => all.map((time) => clock(time, step)) },
      { stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid }, size: 76, values: (_, all) => all.map(format), ...(isSize ? { incrs: binary } : {}) },
    ],
    series: [
      { value: (_, time) => (time == null ? "–" : new Date(time * 1000).toLocaleTimeString()) },
      ...series.map(({ label, stroke, fill, dash, stepped }) => ({
        label,
        stroke,
        fill,
        dash,
        width: 1.6,
        points: { show: single },
        paths: stepped ? uPlot.paths.stepped({ align: 1 }) : undefined,
        value: (_, value) => (value == null ? "–" : format(value)),
      })),
    ],
  }, [axis, ...series.map(({ values }) => values)], place);
  const fit = () => plot.setSize({ width: Math.max(280, card.clientWidth - 32), height: 230 });
  fit();
  addEventListener("resize", fit);
}

if (axis.length === 0) {
  root.append(make("section", { className: "card" }, make("h2", { textContent: "Curves" }), make("p", { className: "note", textContent: "No curve yet: minutes are written once they are over, and what lived for less than a second has none." })));
} else {
  const some = data.curves.length < data.containers ? "Used: the " + data.curves.length + " largest of " + data.containers + " containers. Allocated: all." : "";
  const by = step === 1 ? "By the second." : "By the minute.";
  const row = () => { const pair = make("div", { className: "pair" }); root.append(pair); return pair; };
  const vcpus = (value) => number(value, value >= 10 ? 0 : value >= 1 ? 1 : 2);
  const perSecond = (value) => bytes(value) + "/s";
  let pair = row();
  chart(pair, "vCPUs", [by, some].filter(Boolean).join(" "), [
    { label: "allocated", stroke: colours[11], dash: [5, 4], stepped: true, values: allocatedAt("vcpus") },
    { label: "used", stroke: colours[0], fill: colours[0] + "22", values: summed("vcpus") },
  ], vcpus);
  chart(pair, "Memory", [by, some].filter(Boolean).join(" "), [
    { label: "allocated", stroke: colours[11], dash: [5, 4], stepped: true, values: allocatedAt("bytes") },
    { label: "used", stroke: colours[2], fill: colours[2] + "22", values: summed("memory") },
  ], bytes, true);
  pair = row();
  const each = (field) => data.curves.map((curve, index) => ({ label: curve.name, stroke: colours[index % colours.length], values: columns.get(curve)[field] }));
  chart(pair, "vCPUs by container", "", each("vcpus"), vcpus);
  chart(pair, "Memory by container", "", each("memory"), bytes, true);
  pair = row();
  chart(pair, "Network", "", [
    { label: "received", stroke: colours[0], values: rate(summed("rxBytes")) },
    { label: "sent", stroke: colours[1], values: rate(summed("txBytes")) },
  ], perSecond, true);
  chart(pair, "Block devices", "", [
    { label: "read", stroke: colours[0], values: rate(summed("readBytes")) },
    { label: "written", stroke: colours[1], values: rate(summed("writeBytes")) },
  ], perSecond, true);
}
`;
