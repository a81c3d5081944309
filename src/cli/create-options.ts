import type { Command } from "commander";
import type { Budget, CreateOptions, MountOption, RestartPolicy } from "../api.js";
import type { PullPolicy } from "./ensure-image.js";
import { addLimitOptions, type LimitOptions, limitsOf } from "./limit-options.js";
import { defined } from "./options.js";
import { collect, collectEntries } from "./parse/collect.js";
import { parseEnv, readEnvFile } from "./parse/env.js";
import { invalid } from "./parse/invalid.js";
import { parseTmpfs, parseVolume } from "./parse/mount.js";
import { parseCount, parseDecimal } from "./parse/number.js";
import { parseRestart } from "./parse/restart.js";
import { parseTag } from "./parse/tag.js";
import { parseDeadline } from "./parse/time.js";
import { parseUlimit, type Ulimit } from "./parse/ulimit.js";
import { terminalSize } from "./terminal/size.js";

/** What commander makes of the options of run and create. */
export interface ContainerOptions extends LimitOptions {
  name?: string;
  entrypoint?: string;
  env?: string[];
  envFile?: string[];
  volume?: MountOption[];
  tmpfs?: MountOption[];
  workdir?: string;
  user?: string;
  hostname?: string;
  readOnly?: boolean;
  tag?: Record<string, string>;
  label?: Record<string, string>;
  restart?: RestartPolicy;
  network?: string;
  stopTimeout?: number;
  stopSignal?: string;
  capAdd?: string[];
  capDrop?: string[];
  ulimit?: Ulimit[];
  securityOpt?: string[];
  interactive?: boolean;
  tty?: boolean;
  rm?: boolean;
  pull: PullPolicy;
  platform?: string;
  insecure?: boolean;
  quiet?: boolean;
  maxSeconds?: number;
  maxCost?: string;
  deadline?: string;
}

const asIs = (text: string): string => text;

/** Adds the options of run and create: docker's, where docker has one. */
export function addContainerOptions(command: Command): Command {
  addLimitOptions(
    command
      .argument("<image>", "image by name or id")
      .argument("[command...]", "command and its arguments, in place of the image's")
      .passThroughOptions()
      .option("--name <name>", "a name to call it by")
      .option("-i, --interactive", "keep stdin open")
      .option("-t, --tty", "give it a terminal; Ctrl-P Ctrl-Q leaves it running")
      .option("--rm", "remove it once it has stopped")
      .addOption(
        command
          .createOption("--pull <policy>", "when to fetch the image from its registry")
          .choices(["missing", "always", "never"])
          .default("missing"),
      )
      .option("--platform <os/arch>", "platform of the image that is fetched; this host's unless given")
      .option("--insecure", "fetch it without TLS, or with a certificate that nobody vouches for")
      .option("-q, --quiet", "do not show the progress of a pull")
      .option("--entrypoint <program>", "in place of the image's entrypoint; empty to have none"),
  );
  return command
    .option("-e, --env <KEY=value>", "environment entry (repeatable)", collect(parseEnv))
    .option("--env-file <file>", "environment entries of a file, one a line (repeatable)", collect(asIs))
    .option(
      "-v, --volume <src:dst[:ro]>",
      "mount a host path (repeatable)",
      collect((text) => parseVolume(text)),
    )
    .option("--tmpfs <path[:size=64m]>", "mount a tmpfs (repeatable)", collect(parseTmpfs))
    .option("-w, --workdir <path>", "working folder")
    .option("-u, --user <user[:group]>", "user, by name or number")
    .option("-h, --hostname <name>", "host name")
    .option("--read-only", "make the root file system read-only")
    .option("--tag <key=value>", "tag to find and bill it by (repeatable); also -l, --label", collectEntries(parseTag))
    .addOption(command.createOption("-l, --label <key=value>").argParser(collectEntries(parseTag)).hideHelp())
    .option("--restart <policy>", "no, always or on-failure[:n]", parseRestart)
    .addOption(command.createOption("--network <kind>", "none or host").choices(["none", "host"]))
    .option("--stop-timeout <seconds>", "seconds from the stop signal to SIGKILL", parseDecimal)
    .option("--stop-signal <signal>", "signal that stops it")
    .option("--cap-add <name>", "add a capability (repeatable)", collect(asIs))
    .option("--cap-drop <name>", "drop a capability, or ALL (repeatable)", collect(asIs))
    .option("--ulimit <name=soft[:hard]>", "resource limit (repeatable)", collect(parseUlimit))
    .option("--max-seconds <n>", "stop it once so many seconds are billed", parseCount)
    .option("--max-cost <amount>", "stop it once it has cost so much")
    .option("--deadline <time>", "stop it then: 90m (from now), 2026-11-24T18:00:00Z", (text) => parseDeadline(text))
    .option("--security-opt <option>", "seccomp=unconfined switches the system call filter off", collect(asIs));
}

/** The runtime's options of a command line. */
export function createOptionsOf(image: string, command: string[], options: ContainerOptions): CreateOptions {
  const env = [...(options.envFile ?? []).flatMap(readEnvFile), ...(options.env ?? [])];
  const mounts = [...(options.volume ?? []), ...(options.tmpfs ?? [])];
  const tags = { ...options.label, ...options.tag };
  if (options.rm && options.restart !== undefined && options.restart.policy !== "never") {
    throw invalid("--rm and --restart exclude each other", "leave one of them out");
  }
  const size = options.tty ? terminalSize() : undefined;
  return defined<CreateOptions>({
    image,
    ...limitsOf(options),
    name: options.name,
    command: command.length === 0 ? undefined : command,
    entrypoint: entrypointOf(options.entrypoint),
    env: env.length === 0 ? undefined : env,
    workingDir: options.workdir,
    user: options.user,
    hostname: options.hostname,
    mounts: mounts.length === 0 ? undefined : mounts,
    readOnly: options.readOnly,
    network: options.network === undefined ? undefined : options.network === "host" ? "host" : "none",
    tags: Object.keys(tags).length === 0 ? undefined : tags,
    restart: options.restart,
    stopTimeoutSeconds: options.stopTimeout,
    stopSignal: options.stopSignal,
    tty: options.tty,
    rows: size?.rows,
    columns: size?.columns,
    stdin: options.interactive,
    autoRemove: options.rm,
    capAdd: options.capAdd,
    capDrop: options.capDrop,
    seccomp: seccompOf(options.securityOpt ?? []),
    rlimits: rlimitsOf(options.ulimit),
    budget: budgetOf(options),
  });
}

function budgetOf({ maxSeconds, maxCost, deadline }: ContainerOptions): Budget | undefined {
  const budget = defined<Budget>({ maxSeconds, maxCost, deadline });
  return Object.keys(budget).length === 0 ? undefined : budget;
}

function entrypointOf(text: string | undefined): string[] | undefined {
  if (text === undefined) return undefined;
  return text === "" ? [] : [text];
}

function rlimitsOf(ulimits: Ulimit[] | undefined): CreateOptions["rlimits"] {
  if (ulimits === undefined) return undefined;
  return Object.fromEntries(ulimits.map(({ name, soft, hard }) => [name, { soft, hard }]));
}

function seccompOf(securityOptions: string[]): CreateOptions["seccomp"] {
  for (const option of securityOptions) {
    if (option !== "seccomp=unconfined") {
      throw invalid(`'${option}' is not a security option`, "the one option is seccomp=unconfined");
    }
  }
  return securityOptions.length === 0 ? undefined : "unconfined";
}
