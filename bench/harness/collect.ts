import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { loadQuestion } from "../questions.js";
import type { Answer, Failure } from "./answer.js";
import { onGround } from "./private-host.js";
import type { BenchOptions } from "./question.js";

const askPath = fileURLToPath(new URL("ask.js", import.meta.url));

/** Asks questions one after another, each in a process and on the ground of its own. */
export async function* collect(names: string[], options: BenchOptions): AsyncGenerator<Answer | Failure> {
  for (const name of names) {
    const { ground } = await loadQuestion(name);
    const ask = [process.execPath, ...process.execArgv, askPath, name, JSON.stringify(options)];
    const [command, ...args] = onGround(ground, ask);
    const { code, text } = await run(command, args);
    if (code === "SIGINT" || code === "SIGTERM" || (typeof code === "number" && code > 128))
      process.exit(Number(code) || 130);
    yield parse(text) ?? { question: name, error: `its process ended with ${code} and without an answer` };
  }
}

export const isFailure = (entry: Answer | Failure): entry is Failure => "error" in entry;

/** Runs a command whose standard output is read as a whole; the rest it shares with this process. */
export function run(command: string, args: string[]): Promise<{ code: number | string; text: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
    const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
    const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
    for (const signal of signals) process.on(signal, forward);
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (part: string) => (text += part));
    child.once("error", reject);
    child.once("close", (code, signal) => {
      for (const each of signals) process.off(each, forward);
      resolve({ code: signal ?? code ?? 0, text });
    });
  });
}

/** The last line of JSON, should anything else have written to the same stream. */
function parse(text: string): Answer | Failure | undefined {
  const line = text
    .trim()
    .split("\n")
    .findLast((each) => each.startsWith("{"));
  return line === undefined ? undefined : (JSON.parse(line) as Answer | Failure);
}
