type Colour = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

const codes: Record<Colour, [on: number, off: number]> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
};

/** Whether to colour what goes to a stream: only on a terminal, and never with NO_COLOR set (no-color.org). */
export function wantsColour(stream: { isTTY?: boolean }): boolean {
  return stream.isTTY === true && !process.env["NO_COLOR"] && process.env["TERM"] !== "dumb";
}

/** A painter for one stream: it colours, or hands text through. */
export function painter(stream: { isTTY?: boolean }): (colour: Colour, text: string) => string {
  if (!wantsColour(stream)) return (_colour, text) => text;
  return (colour, text) => {
    const [on, off] = codes[colour];
    return `\u001b[${on}m${text}\u001b[${off}m`;
  };
}
