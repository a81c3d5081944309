import type { Writable } from "node:stream";
import type { Attachment } from "../../api.js";
import { writeOut } from "../output.js";
import { invalid } from "../parse/invalid.js";
import { DetachKeys } from "./detach-keys.js";
import { RawTerminal } from "./raw.js";
import { terminalSize } from "./size.js";

export interface SessionOptions {
  tty: boolean;
  stdin: boolean;
  /** Where the process's stdout goes; this process's unless told. */
  stdout?: Writable;
}

/** Refuses a terminal session whose input is no terminal, before anything was made. */
export function requireTerminal(options: { tty?: boolean; interactive?: boolean }): void {
  if (options.tty && options.interactive && !process.stdin.isTTY) {
    throw invalid("-t with -i needs a terminal, and stdin is none", "leave out -t, or run it from a terminal");
  }
}

/**
 * Joins this process's standard streams to an attachment until the process's output ends, or until the user types
 * Ctrl-P Ctrl-Q at a terminal.
 */
export async function runSession(attachment: Attachment, options: SessionOptions): Promise<"ended" | "detached"> {
  const withTerminal = options.tty && options.stdin && process.stdin.isTTY;
  const terminal = withTerminal ? new RawTerminal() : undefined;
  const size = options.tty ? followSize(attachment) : undefined;
  try {
    const output = pumpOutput(attachment, options.stdout ?? process.stdout);
    const input = options.stdin ? [pumpInput(attachment, withTerminal ? new DetachKeys() : undefined)] : [];
    const how = await Promise.race([output, ...input]);
    if (how === "detached") {
      await attachment.detach();
      // The shell's prompt does not go on in the container's line.
      process.stdout.write("\r\n");
    }
    return how;
  } finally {
    size?.[Symbol.dispose]();
    terminal?.[Symbol.dispose]();
  }
}

async function pumpOutput(attachment: Attachment, stdout: Writable): Promise<"ended"> {
  for await (const { stream, data } of attachment.output) {
    await writeOut(stream === "stdout" ? stdout : process.stderr, data);
  }
  return "ended";
}

/** Settles only when the user detaches: the end of the input is not the end of the session. */
function pumpInput(attachment: Attachment, keys: DetachKeys | undefined): Promise<"detached"> {
  return new Promise((resolve) => {
    const pump = async (): Promise<void> => {
      for await (const chunk of process.stdin) {
        const input = chunk as Uint8Array;
        const { pass, detach } = keys?.feed(input) ?? { pass: input, detach: false };
        if (pass.length > 0) await attachment.write(pass);
        if (detach) return resolve("detached");
      }
      await attachment.closeInput();
    };
    // Input that the process no longer reads is nobody's loss: its end and its code come with the output.
    pump().catch(() => undefined);
  });
}

function followSize(attachment: Attachment): Disposable {
  const resize = (): void => {
    const size = terminalSize();
    // A process that has just ended has no terminal to resize.
    if (size) attachment.resize(size.rows, size.columns).catch(() => undefined);
  };
  if (process.stdout.isTTY) {
    process.stdout.on("resize", resize);
    resize();
  }
  return { [Symbol.dispose]: () => void process.stdout.off("resize", resize) };
}
