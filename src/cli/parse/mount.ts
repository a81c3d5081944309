import { isAbsolute, resolve } from "node:path";
import type { MountOption } from "../../api.js";
import { invalid } from "./invalid.js";
import { parseSize } from "./size.js";

/** A `-v source:target[:ro|rw]` bind mount. A source that begins with `.` is taken from `cwd`. */
export function parseVolume(text: string, cwd: string = process.cwd()): MountOption {
  const parts = text.split(":");
  const [source, target, options] = parts;
  if (!source || !target || parts.length > 3) {
    throw invalid(`'${text}' is not a volume`, "write it as /host/path:/container/path, with :ro for read-only");
  }
  if (!isAbsolute(source) && !source.startsWith(".")) {
    throw invalid(`the volume source '${source}' is not a path`, `named volumes do not exist here: write ./${source}`);
  }
  const mount: MountOption = { type: "bind", source: resolve(cwd, source), target: absolute(target) };
  for (const option of options === undefined ? [] : options.split(",")) {
    if (option === "ro") mount.readOnly = true;
    else if (option !== "rw") throw invalid(`'${option}' is not a volume option`, "the options are ro and rw");
  }
  return mount;
}

/** A `--tmpfs /path[:size=64m,mode=1777,ro]` mount. */
export function parseTmpfs(text: string): MountOption {
  const colon = text.indexOf(":");
  const target = colon < 0 ? text : text.slice(0, colon);
  const mount: MountOption = { type: "tmpfs", target: absolute(target) };
  for (const option of colon < 0 ? [] : text.slice(colon + 1).split(",")) {
    const [key, value = ""] = option.split("=", 2);
    if (key === "size") mount.sizeBytes = parseSize(value);
    else if (key === "mode" && /^[0-7]{3,4}$/.test(value)) mount.mode = Number.parseInt(value, 8);
    else if (option === "ro") mount.readOnly = true;
    else if (option !== "rw") {
      throw invalid(`'${option}' is not a tmpfs option`, "the options are size=64m, mode=1777, ro and rw");
    }
  }
  return mount;
}

function absolute(target: string): string {
  if (isAbsolute(target)) return target;
  throw invalid(`the mount target '${target}' is not an absolute path`);
}
