import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";

/** Asks for a line at the terminal; without `echo`, what is typed is not shown. */
export async function ask(question: string, { echo }: { echo: boolean }): Promise<string> {
  const silence = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: process.stdin, output: echo ? process.stderr : silence, terminal: true });
  // Ctrl-C at a question ends the command as it would anywhere else.
  reader.once("SIGINT", () => {
    process.stderr.write("\n");
    process.exit(130);
  });
  try {
    // From here on the terminal shows nothing by itself: only now may somebody begin to type.
    if (!echo) process.stderr.write(question);
    return await reader.question(echo ? question : "");
  } finally {
    reader.close();
    if (!echo) process.stderr.write("\n");
  }
}
