import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

/** The image that every runtime brings along. */
export const baseImage = "granule/base:latest";

export const mainPath: string = fileURLToPath(new URL("../../src/cli/main.js", import.meta.url));

export interface CliResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A state directory of its own with its owner served, and the command line against it. */
export class CliHome {
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
  #owner: ChildProcess | undefined;

  private constructor() {
    this.root = mkdtempSync(join(tmpdir(), "granule-cli-"));
    const { GRANULE_STATE: _state, GRANULE_HOST: _host, FORCE_COLOR: _colour, ...inherited } = process.env;
    this.env = { GRANULE_LOG_LEVEL: "warn", ...inherited, GRANULE_ROOT: this.root };
  }

  static async open(): Promise<CliHome> {
    const home = new CliHome();
    try {
      await home.startOwner();
    } catch (thrown) {
      await home.close();
      throw thrown;
    }
    return home;
  }

  /** Starts `granule serve` and waits until it listens. */
  async startOwner(): Promise<void> {
    const owner = spawn(process.execPath, [mainPath, "serve"], {
      env: { ...this.env, GRANULE_READY_FD: "3" },
      stdio: ["ignore", "inherit", "inherit", "pipe"],
    });
    this.#owner = owner;
    const ready = await text(owner.stdio[3] as Readable);
    if (ready !== "ready\n") throw new Error(`the owner did not start: ${ready}`);
  }

  /** Ends the owner with a signal; containers run on. */
  async stopOwner(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    const owner = this.#owner;
    if (owner === undefined || owner.exitCode !== null || owner.signalCode !== null) return null;
    const exited = once(owner, "exit");
    owner.kill(signal);
    const [code] = (await exited) as [number | null];
    return code;
  }

  start(args: string[]): ChildProcess {
    return spawn(process.execPath, ["--", mainPath, ...args], { env: this.env, stdio: ["pipe", "pipe", "pipe"] });
  }

  /** Runs one command line to its end, with a text on its stdin. */
  async run(args: string[], input: string | Uint8Array = ""): Promise<CliResult> {
    const child = this.start(args);
    const { stdin } = child;
    // Nobody has to read what is offered.
    stdin?.on("error", () => undefined);
    stdin?.end(input);
    return result(child);
  }

  /** Starts a shell command line at a terminal of its own. */
  terminal(line: string): Terminal {
    return new Terminal(spawn("script", ["-qec", line, "/dev/null"], { env: { ...this.env, TERM: "xterm" } }));
  }

  /** Ids of all containers. */
  async containers(): Promise<string[]> {
    const { stdout } = await this.run(["ps", "-aq", "--no-trunc"]);
    return stdout.split("\n").filter((id) => id !== "");
  }

  /** Removes every container, ends the owner, removes the folder. */
  async close(): Promise<void> {
    try {
      if (this.#owner?.exitCode === null && this.#owner.signalCode === null) {
        const ids = await this.containers();
        if (ids.length > 0) await this.run(["rm", "-f", ...ids]);
      }
      await this.stopOwner();
    } finally {
      // An owner that a command started may still be closing its database.
      rmSync(this.root, { recursive: true, force: true, maxRetries: 10 });
    }
  }
}

/** A terminal that a test types at. */
export class Terminal {
  /** All that was shown. */
  shown = "";
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #exited: Promise<unknown[]>;

  constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    this.#exited = once(child, "close");
    child.stdout.setEncoding("utf8").on("data", (piece: string) => {
      this.shown += piece;
    });
  }

  type(keys: string): void {
    this.#child.stdin.write(keys);
  }

  /** Resolves once the terminal shows a piece, from the start of its session on. */
  async shows(piece: string): Promise<void> {
    while (!this.shown.includes(piece)) {
      if (this.#child.stdout.readableEnded) throw new Error(`the session ended without '${piece}': ${this.shown}`);
      await Promise.race([once(this.#child.stdout, "data"), this.#exited]);
    }
  }

  /** The exit code of its command line. */
  async exit(): Promise<number | null> {
    const [code] = await this.#exited;
    return code as number | null;
  }
}

export async function result(child: ChildProcess): Promise<CliResult> {
  const closed = once(child, "close");
  const outputs = [child.stdout, child.stderr].map((stream) => (stream ? text(stream) : Promise.resolve("")));
  const [stdout = "", stderr = ""] = await Promise.all(outputs);
  const [code] = (await closed) as [number | null];
  return { code, stdout, stderr };
}

async function text(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

/** Resolves once a stream's text so far holds a piece. */
export async function until(stream: Readable, piece: string): Promise<string> {
  let seen = "";
  return new Promise((resolve, reject) => {
    const take = (chunk: Buffer): void => {
      seen += chunk.toString("utf8");
      if (!seen.includes(piece)) return;
      stream.off("data", take);
      resolve(seen);
    };
    stream.on("data", take);
    stream.once("end", () => reject(new Error(`the stream ended without '${piece}': ${seen}`)));
  });
}
