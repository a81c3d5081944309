import type { Command } from "commander";
import type { Role, TokenInfo } from "../../api.js";
import type { CliContext } from "../context.js";
import { painter } from "../format/colour.js";
import { humanAge } from "../format/human.js";
import { formatTable } from "../format/table.js";
import { defined } from "../options.js";
import { printJson, printLine, printLines } from "../output.js";
import { collectEntries } from "../parse/collect.js";
import { parseTag } from "../parse/tag.js";
import { parseDuration } from "../parse/time.js";

interface CreateFlags {
  role: Role;
  name?: string;
  selector?: Record<string, string>;
  expires?: number;
  json?: boolean;
}

export function register(command: Command, context: CliContext): void {
  command.usage("create|list|revoke [options]");
  command
    .command("create")
    .description("Make a token, and print it. It is kept as a hash only: there is no second time.")
    .addOption(
      command
        .createOption("--role <role>", "reader looks, operator changes containers, admin changes what the host offers")
        .choices(["reader", "operator", "admin"])
        .makeOptionMandatory(),
    )
    .option("--name <name>", "a name to list and revoke it by")
    .option(
      "--selector <key=value>",
      "see, touch and make only containers with this tag (repeatable)",
      collectEntries(parseTag),
    )
    .option("--expires <duration>", "refuse it after so long, such as 30d", parseDuration)
    .option("--json", "print a JSON object")
    .action(async ({ role, name, selector, expires, json }: CreateFlags) => {
      const { tokens } = await context.runtime();
      const expiresInSeconds = expires === undefined ? undefined : expires / 1000;
      const { token, ...info } = await tokens.create({ role, ...defined({ name, selector, expiresInSeconds }) });
      if (json) printJson({ ...info, token });
      else printLine(token);
    });
  command
    .command("list")
    .alias("ls")
    .description("List tokens")
    .option("--json", "print a JSON array")
    .action(async (options: { json?: boolean }) => {
      const list = await (await context.runtime()).tokens.list();
      if (options.json) printJson(list);
      else printLines(tokenTable(list));
    });
  command
    .command("revoke")
    .alias("rm")
    .description("Refuse tokens from now on, and end the connections that were opened with them")
    .argument("<token...>", "tokens by name or id")
    .action(async (names: string[]) => {
      const { tokens } = await context.runtime();
      for (const name of names) {
        await tokens.revoke(name);
        printLine(name);
      }
    });
}

function tokenTable(list: TokenInfo[]): string[] {
  const paint = painter(process.stdout);
  const titles = ["ID", "NAME", "ROLE", "SELECTOR", "CREATED", "EXPIRES", "LAST USED"];
  return formatTable(
    titles.map((title) => ({ title: paint("bold", title) })),
    list.map(({ id, name, role, selector, createdAt, expiresAt, lastUsedAt }) => [
      id,
      name,
      role,
      selectorText(selector),
      humanAge(createdAt),
      expiresText(expiresAt),
      lastUsedAt === undefined ? "-" : humanAge(lastUsedAt),
    ]),
  );
}

function selectorText(selector: Record<string, string> = {}): string {
  const tags = Object.entries(selector).map(([key, value]) => `${key}=${value}`);
  return tags.length === 0 ? "-" : tags.join(",");
}

function expiresText(expiresAt: string | undefined): string {
  if (expiresAt === undefined) return "never";
  return Date.parse(expiresAt) <= Date.now() ? "expired" : expiresAt.slice(0, 16).replace("T", " ");
}
