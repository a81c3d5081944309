import { Command, CommanderError } from "commander";
import { commands, findCommand } from "./commands.js";
import { CliContext } from "./context.js";
import { exitCodeOf, reportFailure, usageFailure } from "./failure.js";
import { nameOptionsInErrors } from "./option-errors.js";
import { version } from "./version.js";

const valueOptions = new Set(["--host", "--token-file", "--tls-ca", "--tls-cert", "--tls-key", "--root", "--state"]);

/** Runs one command line (without node and script) and resolves to its exit code. Nothing is thrown. */
export async function runCli(argv: string[]): Promise<number> {
  const word = commandWord(argv);
  const selected = word === undefined ? undefined : findCommand(word);
  const context = new CliContext();
  try {
    const program = await buildProgram(context, selected?.[0]);
    if (word === undefined && argv.length === 0) program.help();
    await program.parseAsync(argv, { from: "user" });
    return context.exitCode;
  } catch (thrown) {
    if (thrown instanceof CommanderError) {
      if (thrown.exitCode === 0) return 0;
      if (thrown.code === "commander.help") return 1;
      return reportFailure(usageFailure(thrown, selected?.[0]), selected?.[0]);
    }
    return reportFailure(thrown, selected?.[0]);
  } finally {
    await context.close().catch((thrown: unknown) => {
      context.exitCode ||= exitCodeOf(thrown, selected?.[0]);
    });
  }
}

/** The first word that is neither an option of granule itself nor the value of one. */
function commandWord(argv: string[]): string | undefined {
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] ?? "";
    if (!word.startsWith("-")) return word === "help" ? argv[index + 1] : word;
    if (valueOptions.has(word)) index += 1;
  }
  return undefined;
}

async function buildProgram(context: CliContext, selected: string | undefined): Promise<Command> {
  const program = new Command("granule")
    .description("Runs OCI containers on this host: exact vCPU and memory, metered by the second.")
    .usage("[options] COMMAND")
    .option("--host <url>", "speak to a runtime at this url (GRANULE_HOST): unix:/path, wss://host:port")
    .option("--token-file <file>", "file that holds the token to present (or GRANULE_TOKEN)")
    .option("--tls-ca <file>", "authorities to trust for wss://, PEM; those of the system unless told")
    .option("--tls-cert <file>", "client certificate to present, PEM")
    .option("--tls-key <file>", "private key of the client certificate, PEM")
    .option("--root <dir>", "where images and containers are kept (GRANULE_ROOT, /var/lib/granule)")
    .option("--state <dir>", "where sockets are kept (GRANULE_STATE, /run/granule)")
    .version(`granule ${version()}`, "-V, --version", "show the version")
    .helpOption("-h, --help", "show help")
    .helpCommand("help [COMMAND]", "show the help of a command")
    .enablePositionalOptions()
    .configureOutput({ outputError: () => undefined })
    .exitOverride();
  program.hook("preAction", () => {
    context.globals = program.opts();
  });
  for (const [name, entry] of Object.entries(commands)) {
    const command = new Command(name)
      .description(entry.summary)
      .aliases(entry.aliases ?? [])
      .helpOption("--help", "show help")
      .copyInheritedSettings(program);
    if (name === selected) {
      (await entry.load()).register(command, context);
      nameOptionsInErrors(command);
    }
    program.addCommand(command, { hidden: entry.hidden ?? false });
  }
  return program;
}
