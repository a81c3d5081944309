import { invalid } from "./invalid.js";

export interface Ulimit {
  name: string;
  soft: number;
  hard: number;
}

/** `name=soft[:hard]`, such as `nofile=1024:4096`; the hard limit is the soft one unless given. -1 is unlimited. */
export function parseUlimit(text: string): Ulimit {
  const match = /^([a-z]+)=(-1|\d+|unlimited)(?::(-1|\d+|unlimited))?$/.exec(text);
  const [, name, softText, hardText] = match ?? [];
  if (name === undefined || softText === undefined) {
    throw invalid(`'${text}' is not a ulimit`, "write it as nofile=1024 or nofile=1024:4096");
  }
  const soft = limit(softText);
  const hard = hardText === undefined ? soft : limit(hardText);
  if (hard !== -1 && (soft === -1 || soft > hard)) throw invalid(`the soft limit of '${text}' is above its hard limit`);
  return { name, soft, hard };
}

function limit(text: string): number {
  return text === "unlimited" ? -1 : Number(text);
}
