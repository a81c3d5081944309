import type { Command } from "commander";
import type { RuntimeEvent } from "../../api.js";
import type { CliContext } from "../context.js";
import { shortId } from "../format/human.js";
import { printJsonLine, printLine } from "../output.js";
import { type Filters, type FilterTests, filterParser, hasTag, isImage, passes } from "../parse/filter.js";
import { parseTime } from "../parse/time.js";
import { type EventSpan, eventsBetween } from "../past-events.js";

interface EventsOptions extends EventSpan {
  filter?: Filters;
  json?: boolean;
}

const tests: FilterTests<RuntimeEvent> = {
  type: (event, value) => event.type === value,
  event: (event, value) => event.action === value,
  container: (event, value) => event.type === "container" && isNamed(event, value),
  image: (event, value) => event.type === "image" && (isNamed(event, value) || isImage(value, event.name, event.id)),
  label: (event, value) => hasTag(event.tags, value),
  tag: (event, value) => hasTag(event.tags, value),
};

const isNamed = (event: RuntimeEvent, value: string): boolean => event.name === value || event.id.startsWith(value);

export function register(command: Command, context: CliContext): void {
  command
    .option(
      "-f, --filter <key=value>",
      `only those that match, by ${Object.keys(tests).join(", ")} (repeatable)`,
      filterParser(Object.keys(tests)),
    )
    .option("--since <time>", "from this time on, as far back as they are held: 10m (ago)", (text) => parseTime(text))
    .option("--until <time>", "up to this time, then leave", (text) => parseTime(text))
    .option("--json", "one JSON object a line")
    .action(async (options: EventsOptions) => {
      for await (const event of eventsBetween(await context.runtime(), options)) {
        if (!passes(event, options.filter, tests)) continue;
        if (options.json) printJsonLine(event);
        else printLine(eventText(event));
      }
    });
}

function eventText(event: RuntimeEvent): string {
  const exit =
    event.exit === undefined ? [] : [`exit=${event.exit.code ?? "unknown"}`, event.exit.oomKilled ? "oom" : ""];
  const tags = Object.entries(event.tags ?? {}).map(([key, value]) => `${key}=${value}`);
  const words = [event.time, event.type, event.action, shortId(event.id), event.name ?? "", ...exit, ...tags];
  return words.filter((word) => word !== "").join(" ");
}
