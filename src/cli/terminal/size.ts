export interface TerminalSize {
  rows: number;
  columns: number;
}

/** Size of the terminal on stdout. Undefined where there is none, or where it does not know: a bare pty says 0. */
export function terminalSize(): TerminalSize | undefined {
  if (!process.stdout.isTTY) return undefined;
  const { rows, columns } = process.stdout;
  return rows > 0 && columns > 0 ? { rows, columns } : undefined;
}
