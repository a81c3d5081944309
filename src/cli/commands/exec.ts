import type { Command } from "commander";
import type { ExecOptions } from "../../api.js";
import type { CliContext } from "../context.js";
import { exitCodeOfStatus } from "../foreground.js";
import { defined } from "../options.js";
import { collect } from "../parse/collect.js";
import { parseEnv, readEnvFile } from "../parse/env.js";
import { requireTerminal, runSession } from "../terminal/session.js";
import { terminalSize } from "../terminal/size.js";

interface ExecFlags {
  interactive?: boolean;
  tty?: boolean;
  detach?: boolean;
  env?: string[];
  envFile?: string[];
  workdir?: string;
  user?: string;
}

export function register(command: Command, context: CliContext): void {
  command
    .argument("<container>")
    .argument("<command...>", "command and its arguments")
    .passThroughOptions()
    .option("-i, --interactive", "connect stdin")
    .option("-t, --tty", "give it a terminal; Ctrl-P Ctrl-Q leaves it running")
    .option("-d, --detach", "run it in the background")
    .option("-e, --env <KEY=value>", "environment entry (repeatable)", collect(parseEnv))
    .option(
      "--env-file <file>",
      "environment entries of a file (repeatable)",
      collect((path) => path),
    )
    .option("-w, --workdir <path>", "working folder")
    .option("-u, --user <user[:group]>", "user, by name or number")
    .action(async (name: string, words: string[], flags: ExecFlags) => {
      const options = execOptionsOf(words, flags);
      if (!flags.detach) requireTerminal(flags);
      const container = await (await context.runtime()).containers.get(name);
      const attachment = await container.exec(options);
      if (flags.detach) return attachment.detach();
      const session = { tty: flags.tty === true, stdin: flags.interactive === true };
      if ((await runSession(attachment, session)) === "detached") return;
      context.exitCode = exitCodeOfStatus(await attachment.wait());
    });
}

function execOptionsOf(command: string[], flags: ExecFlags): ExecOptions {
  const env = [...(flags.envFile ?? []).flatMap(readEnvFile), ...(flags.env ?? [])];
  const size = flags.tty ? terminalSize() : undefined;
  return defined<ExecOptions>({
    command,
    env: env.length === 0 ? undefined : env,
    user: flags.user,
    workingDir: flags.workdir,
    tty: flags.tty,
    rows: size?.rows,
    columns: size?.columns,
    stdin: flags.interactive,
  });
}
