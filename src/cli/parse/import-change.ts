import type { ImageConfig } from "../../api.js";
import { parseEnv } from "./env.js";
import { invalid } from "./invalid.js";
import { parseTag } from "./tag.js";

/**
 * Image configuration from `--change` entries: `CMD`, `ENTRYPOINT`, `ENV`, `WORKDIR`, `USER`, `STOPSIGNAL` and `LABEL`,
 * each as a line of a Dockerfile. A command that is no JSON list is run by /bin/sh -c.
 */
export function parseChanges(lines: string[]): Partial<ImageConfig> {
  const config: Partial<ImageConfig> = {};
  for (const line of lines) {
    const [, instruction = "", value = ""] = /^\s*(\S+)\s+(.*\S)\s*$/.exec(line) ?? [];
    switch (instruction.toUpperCase()) {
      case "CMD":
        config.cmd = parseCommand(value);
        break;
      case "ENTRYPOINT":
        config.entrypoint = parseCommand(value);
        break;
      case "ENV":
        config.env = [...(config.env ?? []), parseEnv(value)];
        break;
      case "WORKDIR":
        config.workingDir = value;
        break;
      case "USER":
        config.user = value;
        break;
      case "STOPSIGNAL":
        config.stopSignal = value;
        break;
      case "LABEL": {
        const [key, label] = parseTag(value);
        config.labels = { ...config.labels, [key]: label };
        break;
      }
      default:
        throw invalid(`'${line}' is not a change`, `write it as 'CMD ["/bin/sh"]', 'ENV KEY=value' or 'WORKDIR /app'`);
    }
  }
  return config;
}

function parseCommand(value: string): string[] {
  if (!value.startsWith("[")) return ["/bin/sh", "-c", value];
  let list: unknown;
  try {
    list = JSON.parse(value);
  } catch {
    throw invalid(`'${value}' is not a JSON list of strings`);
  }
  if (!Array.isArray(list) || !list.every((item) => typeof item === "string")) {
    throw invalid(`'${value}' is not a JSON list of strings`);
  }
  return list;
}
