import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants, mkdtempSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { Missing } from "../harness/answer.js";
import { peersFolder, spawnLoopPath } from "../harness/paths.js";
import type { PeerHost, Root, StartTimes, StepTimes } from "./peer.js";

/** The path of a command: what `--install-peers` brought, else on PATH; undefined where there is none. */
export function findCommand(name: string): string | undefined {
  const folders = [peersFolder, ...(process.env["PATH"] ?? "").split(delimiter)];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export const notInstalled = (subject: string): Missing => ({ subject, reason: "it is not installed" });

const children = new Set<ChildProcess>();

/** Ends the commands that `output` waits for. */
export function killChildren(): void {
  for (const child of children) child.kill();
}

/** Runs a command to its end; its standard output, or an error with what it said. */
export function output(command: string, args: string[], cwd?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
    children.add(child);
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.once("error", reject);
    child.once("close", (code, signal) => {
      children.delete(child);
      if (code === 0) resolve(stdout);
      else reject(new Error(`${command} ${args.join(" ")} ended with ${signal ?? code}: ${stderr.trim()}`));
    });
  });
}

/** A peer's commands, started and timed by spawn-loop; their root is mounted as `root` says. */
export class SpawnLoop {
  /** The container's root; `{}` in it stands for the lane. */
  readonly rootfs: string;
  readonly #options: string[];

  constructor(host: PeerHost, root: Root) {
    this.rootfs = host.rootfs;
    this.#options = [];
    if (root === "plain") return;
    const scratch = mkdtempSync(join(host.folder, "overlays-"));
    this.rootfs = join(scratch, "{}/root");
    this.#options = ["-o", root, "-L", host.rootfs, "-S", scratch];
  }

  async starts(count: number, command: string[]): Promise<StartTimes[]> {
    const rows = await this.#rows(["-n", String(count), ...command]);
    return rows.map(([firstInstructionNs = Number.NaN, exitSeenNs = Number.NaN]) => ({
      firstInstructionNs,
      exitSeenNs,
    }));
  }

  async steps(count: number, create: string[], start: string[], remove: string[]): Promise<StepTimes[]> {
    const rows = await this.#rows(["-n", String(count), "-c", ...create, "--", ...start, "--", ...remove]);
    return rows.map(([createNs = Number.NaN, startNs = Number.NaN, deleteNs = Number.NaN]) => ({
      createNs,
      startNs,
      deleteNs,
    }));
  }

  /** Nanoseconds that all took together. */
  async parallel(count: number, lanes: number, command: string[]): Promise<number> {
    const text = await this.#run(["-n", String(count), "-l", String(lanes), ...command]);
    return Number(/^wall (\d+)$/m.exec(text)?.[1]);
  }

  async #rows(args: string[]): Promise<number[][]> {
    const lines = (await this.#run(args)).trim().split("\n");
    return lines.filter((line) => !line.startsWith("wall")).map((line) => line.split(" ").map(Number));
  }

  #run(args: string[]): Promise<string> {
    return output(spawnLoopPath, [...this.#options, ...args]);
  }
}
