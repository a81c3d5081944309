/**
 * Runs in the reader's browser, written into the page as it stands: draws every chart whose data lies beside it. The few
 * names of the browser that it needs are declared here, so that the rest of the program cannot use them.
 */
import type { Chart } from "./charts.js";

interface Element {
  clientWidth: number;
  textContent: string;
  querySelector(selector: string): Element | null;
}
interface Plot {
  setSize(size: { width: number; height: number }): void;
}
declare const document: { querySelectorAll(selector: string): Iterable<Element> };
declare const window: {
  matchMedia(query: string): { matches: boolean };
  addEventListener(event: string, act: () => void): void;
};
declare const uPlot: {
  new (options: object, data: Chart["data"], parent: Element): Plot;
  paths: { linear(): unknown; stepped(options: { align: number }): unknown };
};

const height = 260;
const colours = ["#2f6fde", "#d9480f", "#2b8a3e", "#9c36b5", "#0b7285", "#a36a00", "#c2255c", "#5c5f66"];
const coloured = ["granule"];

function colourOf(subject: string): string {
  if (!coloured.includes(subject)) coloured.push(subject);
  return colours[coloured.indexOf(subject) % colours.length] ?? "gray";
}

const dark = window.matchMedia("(prefers-color-scheme: dark)").matches;
const ink = dark ? "#c9ccd3" : "#40444d";
const grid = { stroke: dark ? "#33363d" : "#e6e8ec", width: 1 };

const number = (value: number): string =>
  value >= 1000
    ? value.toFixed(0)
    : value >= 1
      ? String(Number(value.toPrecision(3)))
      : String(Number(value.toPrecision(2)));

function options(chart: Chart, width: number): object {
  const points = chart.kind === "points";
  const few = (chart.data[0]?.length ?? 0) <= 12;
  const axis = (label: string, log: boolean) => ({
    stroke: ink,
    grid,
    ticks: grid,
    label,
    labelSize: label === "" ? 0 : 22,
    font: "12px system-ui",
    labelFont: "12px system-ui",
    values: (_: unknown, ticks: (number | null)[]) => ticks.map((tick) => (tick === null ? "" : number(tick))),
    // On a logarithmic scale 1, 2 and 5 are told apart and the rest stay bare.
    ...(log
      ? {
          filter: (_: unknown, ticks: number[]) =>
            ticks.map((tick) => (/^[125]/.test(tick.toExponential()) ? tick : null)),
        }
      : {}),
  });
  return {
    width,
    height,
    scales: {
      x: { time: false, distr: chart.logX ? 3 : 1 },
      y: { distr: chart.logY ? 3 : 1, ...(chart.logY ? {} : { range: fromZero }) },
    },
    axes: [axis(chart.x, chart.logX), { ...axis(chart.y, chart.logY), size: 56 }],
    series: [
      { label: chart.x === "" ? "value" : chart.x, value: text },
      ...chart.names.map((label, index) => ({
        label,
        value: text,
        stroke: colourOf(chart.subjects[index] ?? label),
        width: points ? 0 : 2,
        ...(points ? { paths: () => null } : {}),
        points: { show: points || few, size: points ? 4 : 7, fill: colourOf(chart.subjects[index] ?? label) },
      })),
    ],
    cursor: { drag: { x: true, y: false } },
  };
}

const fromZero = (_: unknown, _low: number, high: number): [number, number] => [0, high * 1.05 || 1];
const text = (_: unknown, value: number | null): string => (value === null || value === undefined ? "" : number(value));

for (const place of document.querySelectorAll(".chart")) {
  const chart = JSON.parse(place.querySelector("script")?.textContent ?? "") as Chart;
  const plot = new uPlot(options(chart, place.clientWidth), chart.data, place);
  window.addEventListener("resize", () => plot.setSize({ width: place.clientWidth, height }));
}
