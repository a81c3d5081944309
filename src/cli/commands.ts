import type { Command } from "commander";
import type { CliContext } from "./context.js";

/** What a file of commands/ exports: it adds arguments, options and the action to its command. */
export interface CommandModule {
  register(command: Command, context: CliContext): void;
}

export interface CommandEntry {
  summary: string;
  aliases?: string[];
  hidden?: boolean;
  load: () => Promise<CommandModule>;
}

/** Every command by name, in the order of the help. A command's own file is loaded only when it runs. */
export const commands: Record<string, CommandEntry> = {
  run: { summary: "Create a container and run it", load: () => import("./commands/run.js") },
  create: { summary: "Create a container, to be started later", load: () => import("./commands/create.js") },
  start: { summary: "Start created or stopped containers", load: () => import("./commands/start.js") },
  stop: { summary: "Stop containers: the stop signal, then SIGKILL", load: () => import("./commands/stop.js") },
  restart: { summary: "Stop containers and start them again", load: () => import("./commands/restart.js") },
  kill: { summary: "Send a signal to containers", load: () => import("./commands/kill.js") },
  pause: { summary: "Freeze containers", load: () => import("./commands/pause.js") },
  resume: { summary: "Let paused containers go on", aliases: ["unpause"], load: () => import("./commands/resume.js") },
  update: { summary: "Change the limits of containers in place", load: () => import("./commands/update.js") },
  wait: {
    summary: "Wait until containers have stopped, and print their exit codes",
    load: () => import("./commands/wait.js"),
  },
  rm: { summary: "Remove containers", load: () => import("./commands/rm.js") },
  prune: { summary: "Remove every stopped container", load: () => import("./commands/prune.js") },
  ps: { summary: "List containers", aliases: ["ls"], load: () => import("./commands/ps.js") },
  inspect: {
    summary: "Show all there is to know of containers or images",
    load: () => import("./commands/inspect.js"),
  },
  export: {
    summary: "Write a container's root file system to a tar archive",
    load: () => import("./commands/export.js"),
  },
  logs: { summary: "Show the output of a container", load: () => import("./commands/logs.js") },
  exec: { summary: "Run a command in a running container", load: () => import("./commands/exec.js") },
  attach: { summary: "Connect to a running container's input and output", load: () => import("./commands/attach.js") },
  stats: { summary: "Show what running containers use, each second", load: () => import("./commands/stats.js") },
  events: { summary: "Show events as they happen", load: () => import("./commands/events.js") },
  usage: {
    summary: "Show what containers had and used: what a bill is made of",
    load: () => import("./commands/usage.js"),
  },
  pull: { summary: "Fetch images from their registries", load: () => import("./commands/pull.js") },
  images: {
    summary: "List images; `images verify` checks them, `images prune` removes those that nothing uses",
    load: () => import("./commands/images.js"),
  },
  load: {
    summary: "Load images from an OCI layout or a docker save archive",
    load: () => import("./commands/load.js"),
  },
  import: { summary: "Make an image of a root file system archive", load: () => import("./commands/import.js") },
  save: {
    summary: "Write images to an archive: an OCI layout that docker loads as well",
    load: () => import("./commands/save.js"),
  },
  tag: { summary: "Give an image a further name", load: () => import("./commands/tag.js") },
  rmi: { summary: "Remove images", load: () => import("./commands/rmi.js") },
  login: { summary: "Log in to a registry", load: () => import("./commands/login.js") },
  logout: { summary: "Forget the login to a registry", load: () => import("./commands/logout.js") },
  serve: {
    summary: "Own the state directory and serve it on a unix socket",
    load: () => import("./commands/serve.js"),
  },
  token: { summary: "Manage tokens of callers", load: () => import("./commands/token.js") },
  info: {
    summary: "Check the host: what it can enforce, and what each lack costs",
    load: () => import("./commands/info.js"),
  },
  schema: {
    summary: "Print the protocol of the control channel as a document",
    load: () => import("./commands/schema.js"),
  },
  bench: {
    summary: "Measure this host: granule beside crun, runc, bubblewrap and podman",
    load: () => import("./commands/bench.js"),
  },
  version: { summary: "Show the version", load: () => import("./commands/version.js") },
  demo: {
    summary: "Run the default image for some seconds and show what it uses",
    hidden: true,
    load: () => import("./commands/demo.js"),
  },
};

/** The entry of a name or alias. */
export function findCommand(word: string): [name: string, entry: CommandEntry] | undefined {
  return Object.entries(commands).find(([name, entry]) => name === word || entry.aliases?.includes(word));
}
