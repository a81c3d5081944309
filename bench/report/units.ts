import type { Unit } from "../harness/answer.js";
import type { Ratio } from "../statistics/ratio.js";

interface Scale {
  /** Values from here on are shown by this scale. */
  from: number;
  divisor: number;
  name: string;
}

const scales: Record<Unit, Scale[]> = {
  ns: [
    { from: 1e9, divisor: 1e9, name: "s" },
    { from: 1e6, divisor: 1e6, name: "ms" },
    { from: 1e3, divisor: 1e3, name: "us" },
    { from: 0, divisor: 1, name: "ns" },
  ],
  bytes: binary(""),
  "bytes/s": binary("/s"),
  "/s": [{ from: 0, divisor: 1, name: "/s" }],
  cores: [{ from: 0, divisor: 1, name: "vCPUs" }],
  share: [{ from: 0, divisor: 0.01, name: "%" }],
  count: [{ from: 0, divisor: 1, name: "" }],
};

function binary(suffix: string): Scale[] {
  return ["GiB", "MiB", "KiB", "B"].map((name, index) => {
    const divisor = 1024 ** (3 - index);
    return { from: index === 3 ? 0 : divisor, divisor, name: name + suffix };
  });
}

/** A way to show every value of one table alike: the scale that suits the typical one. */
export interface Shown {
  /** Name of the unit, such as `ms`. */
  unit: string;
  divisor: number;
  text: (value: number) => string;
}

/** The scale for values of a unit. */
export function shownAs(unit: Unit, typical: number): Shown {
  const scale = scales[unit].find(({ from }) => Math.abs(typical) >= from) ?? scales[unit].at(-1);
  const { divisor, name } = scale ?? { divisor: 1, name: unit };
  return { unit: name, divisor, text: (value) => significant(value / divisor) };
}

/** A value with its unit, such as `1.73 ms`. */
export function withUnit(unit: Unit, value: number): string {
  const shown = shownAs(unit, value);
  return `${shown.text(value)} ${shown.unit}`.trimEnd();
}

/** Three digits that tell, and no more behind the point than that takes. */
export function significant(value: number): string {
  if (!Number.isFinite(value)) return "-";
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 100) return value.toFixed(0);
  if (size >= 10) return value.toFixed(1);
  if (size >= 1) return value.toFixed(2);
  return value.toFixed(3);
}

/** A ratio with what noise does to it; none where noise could explain the difference. */
export function ratioText({ value, low, high, distinct }: Ratio): string {
  if (!distinct) return "within noise";
  return `${significant(value)} (${significant(low)} to ${significant(high)})`;
}
