import type { ExecOptions } from "../api.js";
import { GranuleError } from "../errors.js";
import { capabilitySets } from "./capability-sets.js";
import type { ResolvedUser } from "./container-spec.js";
import { mergeEnvironment } from "./environment.js";
import type { OciProcess } from "./oci.js";
import { normalizeInside } from "./user-mounts.js";

/**
 * A further process of a container: that container's own, with what the exec options change. `user` is given where
 * the options name one, looked up in the image; it never holds more capabilities than the container may.
 */
export function buildExecProcess(container: OciProcess, options: ExecOptions, user?: ResolvedUser): OciProcess {
  if (options.command.length === 0 || options.command[0] === "") {
    throw new GranuleError("INVALID_ARGUMENT", "command: exec needs a program to run", {
      hint: "give a command, such as `granule exec NAME /bin/sh`",
    });
  }
  const { consoleSize: _, ...inherited } = container;
  const tty = options.tty === true;
  const additions = [...(user ? [`HOME=${user.home}`] : []), ...(tty ? ["TERM=xterm"] : []), ...(options.env ?? [])];
  const process: OciProcess = {
    ...inherited,
    terminal: tty,
    args: options.command,
    env: mergeEnvironment(container.env, additions),
  };
  if (options.workingDir !== undefined) process.cwd = normalizeInside(options.workingDir);
  if (tty && options.rows && options.columns) process.consoleSize = { height: options.rows, width: options.columns };
  if (user !== undefined) {
    process.user = { ...container.user, uid: user.uid, gid: user.gid, additionalGids: user.additionalGids };
    process.capabilities = capabilitySets(container.capabilities.bounding, user.uid);
  }
  return process;
}
