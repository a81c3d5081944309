import { spawnSync } from "node:child_process";
import { accessSync } from "node:fs";
import { tmpdir } from "node:os";
import { resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { formatPairs } from "../src/cli/format/table.js";
import { GranuleError } from "../src/errors.js";
import { installPeersPath, peersFolder } from "./harness/paths.js";
import { loadQuestion, questions } from "./questions.js";
import { type RunOptions, runBench } from "./run.js";

const peerNames = "crun,runc,bwrap,podman";

interface Flags {
  peers?: string[];
  n?: number;
  short?: true;
  folder: string;
  out: string;
  compare?: string;
  installPeers?: true;
  vm?: true;
  list?: true;
  jsonLines?: true;
}

/** Gives a command the arguments and options of the benchmark; `done` gets its exit code. */
export function addBench(command: Command, done: (code: number) => void): Command {
  return command
    .argument("[question...]", "what to ask; all in a short form unless told; `goals` asks what granule wants to reach")
    .option("--peers <names>", `peers to ask the same of, comma-separated (default: ${peerNames})`, list)
    .option("--n <count>", "values of each subject", wholeNumber)
    .option("--short", "fewer values, for a first look")
    .option("--folder <dir>", "where scratch folders are made", folderPath, tmpdir())
    .option("--out <dir>", "where the results go", folderPath, resolve("bench-results"))
    .option("--compare <file>", "say what changed since an earlier result")
    .option("--install-peers", "fetch Debian's current crun and podman, to be run from a folder of their own")
    .option("--vm", "ask on cgroup v2 alone, in an emulated machine: all limits hold there, and it is slow")
    .option("--list", "list the questions")
    .option("--json-lines", "print answers as lines of JSON, and nothing else")
    .action(async (names: string[], flags: Flags) => {
      done(await act(names, flags));
    });
}

async function act(names: string[], flags: Flags): Promise<number> {
  if (flags.list) return printList();
  if (flags.installPeers) installPeers();
  accessSync(flags.folder);
  const options: RunOptions = {
    names,
    bench: {
      peers: flags.peers ?? list(peerNames),
      short: flags.short ?? names.length === 0,
      folder: flags.folder,
      ...(flags.n === undefined ? {} : { count: flags.n }),
    },
    out: flags.out,
    vm: flags.vm ?? false,
    jsonLines: flags.jsonLines ?? false,
    ...(flags.compare === undefined ? {} : { compare: flags.compare }),
  };
  return runBench(options);
}

async function printList(): Promise<number> {
  const pairs: [string, string][] = [];
  for (const name of Object.keys(questions)) pairs.push([name, (await loadQuestion(name)).asks]);
  process.stdout.write(`${formatPairs(pairs).join("\n")}\n`);
  return 0;
}

function installPeers(): void {
  // Results are on stdout: what apt says is not one.
  const { status, error } = spawnSync(installPeersPath, [peersFolder], { stdio: ["ignore", 2, 2] });
  if (status !== 0)
    throw new GranuleError(
      "UNAVAILABLE",
      `--install-peers: ${installPeersPath} ended with ${error?.message ?? status}`,
    );
}

const list = (text: string): string[] => text.split(",").filter((name) => name !== "");

/** commander hands the former value over as well, which path.resolve would take for a further part. */
const folderPath = (text: string): string => resolve(text);

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("It is no whole number above 0.");
  return value;
}
