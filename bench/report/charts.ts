import { type Measure, type Series, valuesOf } from "../harness/answer.js";
import { summarize } from "../statistics/summary.js";
import { shownAs } from "./units.js";

/** One chart, with its data as uPlot takes it: x, then y of each line; null where a line has no point. */
export interface Chart {
  title: string;
  x: string;
  y: string;
  kind: "lines" | "points";
  logX: boolean;
  logY: boolean;
  names: string[];
  /** Keys of the subjects, which have the same colour in every chart. */
  subjects: string[];
  data: (number | null)[][];
}

/** Values that a shape can be seen in. */
const fewest = 5;
const curvePoints = 160;

/** The charts that show a measure beyond its table; none of single values. */
export function chartsOf(measure: Measure): Chart[] {
  if (measure.axis !== undefined) return alongAxis(measure);
  const shaped = measure.series.filter((series) => valuesOf(series).length >= fewest);
  return shaped.length === 0 ? [] : [shares(measure, shaped), inOrder(measure, shaped)];
}

function scaleOf(measure: Measure): { unit: string; divisor: number } {
  return shownAs(measure.unit, summarize(measure.series.map((series) => summarize(valuesOf(series)).p50)).p50);
}

/** Which share of the values lies at or below each value: the whole distribution, tail and all. */
function shares(measure: Measure, all: Series[]): Chart {
  const { unit, divisor } = scaleOf(measure);
  const sorted = all.map((series) => valuesOf(series).sort((a, b) => a - b));
  const low = Math.min(...sorted.map((values) => values[0] ?? 0));
  const high = Math.max(...sorted.map((values) => values.at(-1) ?? 0));
  const logX = low > 0 && high / low > 5;
  const grid = Array.from({ length: curvePoints + 1 }, (_, index) => {
    const share = index / curvePoints;
    return logX ? low * (high / low) ** share : low + (high - low) * share;
  });
  const shareBelow = (values: number[], limit: number): number => {
    // The last point of the grid is the highest value, but for rounding.
    const above = values.findIndex((value) => value > limit * (1 + 1e-9));
    return above === -1 ? 100 : (100 * above) / values.length;
  };
  return {
    title: "share of values at or below",
    x: unit,
    y: "%",
    kind: "lines",
    logX,
    logY: false,
    names: all.map(({ name }) => name),
    subjects: all.map(({ subject }) => subject),
    data: [
      grid.map((value) => value / divisor),
      ...sorted.map((values) => grid.map((limit) => shareBelow(values, limit))),
    ],
  };
}

/** Every value where it was taken: drift, steps and outliers show. */
function inOrder(measure: Measure, all: Series[]): Chart {
  const { unit, divisor } = scaleOf(measure);
  const values = all.map(valuesOf);
  const length = Math.max(...values.map((each) => each.length));
  const { min: low, max: high } = summarize(values.flat());
  return {
    title: "every value, in the order taken",
    x: "",
    y: unit,
    kind: "points",
    logX: false,
    logY: low > 0 && high / low > 5,
    names: all.map(({ name }) => name),
    subjects: all.map(({ subject }) => subject),
    data: [
      Array.from({ length }, (_, index) => index + 1),
      ...values.map((each) => Array.from({ length }, (_, index) => scaled(each[index], divisor))),
    ],
  };
}

/** Medians along the axis. */
function alongAxis(measure: Measure): Chart[] {
  const places = [...new Set(measure.series.flatMap(({ at }) => (at === undefined ? [] : [at])))].sort((a, b) => a - b);
  if (places.length < 2) return [];
  const { unit, divisor } = scaleOf(measure);
  const subjects = [...new Map(measure.series.map((series) => [series.subject, series.name]))];
  const p50At = (subject: string, place: number): number | null => {
    const series = measure.series.find((each) => each.subject === subject && each.at === place);
    return series === undefined ? null : scaled(summarize(valuesOf(series)).p50, divisor);
  };
  const first = places[0] ?? 0;
  return [
    {
      title: "p50",
      x: measure.axis ?? "",
      y: unit,
      kind: "lines",
      logX: first > 0 && (places.at(-1) ?? 0) / first > 5,
      logY: false,
      names: subjects.map(([, name]) => name),
      subjects: subjects.map(([subject]) => subject),
      data: [places, ...subjects.map(([subject]) => places.map((place) => p50At(subject, place)))],
    },
  ];
}

const scaled = (value: number | undefined, divisor: number): number | null =>
  value === undefined ? null : value / divisor;
