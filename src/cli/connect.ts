import { existsSync } from "node:fs";
import type { Runtime } from "../api.js";
import { DEFAULT_CONFIG_FILE } from "../channel/config/config.js";
import { GranuleError } from "../errors.js";
import { Directories, type DirectoryOptions } from "../state/directories.js";
import type { GlobalOptions } from "./global-options.js";
import { defined } from "./options.js";

/** The folders of the state, by option, then environment, then configuration file, then default. */
export function stateFolders(globals: GlobalOptions, file: DirectoryOptions = {}): Directories {
  const options = defined<DirectoryOptions>({ root: globals.root, state: globals.state });
  const { GRANULE_ROOT: root, GRANULE_STATE: state } = process.env;
  const named = globals.root ?? globals.state ?? (root || state || undefined);
  return new Directories(
    named === undefined ? defined<DirectoryOptions>({ root: file.root, state: file.state }) : options,
  );
}

/** The folders that the configuration file of the server names; what else is wrong with it is the server's to say. */
async function configuredFolders(): Promise<DirectoryOptions> {
  const file = process.env["GRANULE_CONFIG"] || DEFAULT_CONFIG_FILE;
  if (!existsSync(file)) return {};
  const { readConfiguredFolders } = await import("../channel/config/folders.js");
  return readConfiguredFolders(file);
}

/** The runtime to speak to: the one at --host or GRANULE_HOST, or else the owner of the state directory. */
export async function openRuntime(globals: GlobalOptions): Promise<Runtime> {
  const host = globals.host ?? process.env["GRANULE_HOST"];
  if (host) {
    const { connect } = await import("../channel/connect.js");
    const { remoteCredentials } = await import("./credentials.js");
    return connect(host, remoteCredentials(globals));
  }
  requireRoot();
  const { connectOwner } = await import("../channel/owner.js");
  const { root, state } = stateFolders(globals, await configuredFolders());
  return connectOwner({ root, state });
}

/** Refuses at once where nothing could work, in a sentence. */
export function requireRoot(): void {
  if (process.platform !== "linux") {
    throw new GranuleError("UNSUPPORTED", `granule runs containers on Linux only; this is ${process.platform}`, {
      hint: "with --host it speaks to a runtime elsewhere",
    });
  }
  if (process.geteuid?.() !== 0) {
    throw new GranuleError(
      "PERMISSION_DENIED",
      "this needs root: a container is made of namespaces, mounts and cgroups",
      {
        hint: "run it with sudo",
      },
    );
  }
}
