import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { SetupError } from "./step.mjs";

const oldestNode = [20, 19];

/** The npm command that the reader typed, to suggest it again. */
function typed() {
  const event = process.env.npm_lifecycle_event ?? "setup";
  return ["start", "test"].includes(event) ? `npm ${event}` : `npm run ${event}`;
}

/** The path of a command on PATH; undefined where there is none. */
export function findCommand(name) {
  return (process.env.PATH ?? "")
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Whether a command of this name can be run from PATH. */
export const hasCommand = (name) => findCommand(name) !== undefined;

/**
 * Refuses a host that granule cannot run on, before anything is touched.
 * @param {{ needsRoot: boolean }} needs checks of the code alone need no root
 */
export function checkHost({ needsRoot }) {
  if (process.platform !== "linux") {
    throw new SetupError(
      `granule runs on Linux only, and this is ${process.platform}: use a Linux machine or virtual machine`,
    );
  }
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1])) {
    throw new SetupError(
      `granule needs Node.js ${oldestNode.join(".")} or newer, and this is ${process.versions.node}`,
      `npx -y -p node@20 -c '${typed()}'`,
    );
  }
  if (needsRoot && process.geteuid() !== 0) {
    throw new SetupError("granule makes namespaces, mounts and cgroups, which only root may do", `sudo ${typed()}`);
  }
}

/** Refuses to go on without what the native part is compiled with. */
export function checkCompiler() {
  const missing = ["g++", "make", "python3"].filter((name) => !hasCommand(name));
  if (missing.length > 0) {
    throw new SetupError(
      `the native part cannot be compiled without ${missing.join(", ")}`,
      "apt-get install g++ make python3",
    );
  }
}
