import { stripVTControlCharacters } from "node:util";

export interface Column {
  title: string;
  /** Numbers stand right; left unless told. */
  align?: "left" | "right";
}

/** Columns of a text as a terminal shows it, colours left out. Wide characters count once. */
export function displayWidth(text: string): number {
  return Array.from(stripVTControlCharacters(text)).length;
}

/** Lines of a table: titles, then rows, columns three spaces apart, no trailing space. */
export function formatTable(columns: Column[], rows: string[][]): string[] {
  const widths = columns.map((column, index) =>
    Math.max(displayWidth(column.title), ...rows.map((row) => displayWidth(row[index] ?? ""))),
  );
  const line = (cells: string[]): string =>
    columns
      .map((column, index) => {
        const cell = cells[index] ?? "";
        const padding = " ".repeat((widths[index] ?? 0) - displayWidth(cell));
        return column.align === "right" ? padding + cell : cell + padding;
      })
      .join("   ")
      .trimEnd();
  return [line(columns.map((column) => column.title)), ...rows.map(line)];
}

/** Lines of `key  value` pairs, values in one column. */
export function formatPairs(pairs: [key: string, value: string][]): string[] {
  const width = Math.max(...pairs.map(([key]) => displayWidth(key)));
  return pairs.map(([key, value]) => `${key}${" ".repeat(width - displayWidth(key))}   ${value}`.trimEnd());
}
