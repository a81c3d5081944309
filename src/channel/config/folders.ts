import { Faults } from "./faults.js";
import { readYamlSource } from "./yaml-source.js";

/** Where a configuration file puts the state, for those who look for the server's socket. */
export function readConfiguredFolders(file: string): { root?: string; state?: string } {
  const root: unknown = readYamlSource(file, undefined, new Faults())?.root;
  if (typeof root !== "object" || root === null) return {};
  const folders: { root?: string; state?: string } = {};
  for (const key of ["root", "state"] as const) {
    const value = (root as Record<string, unknown>)[key];
    if (typeof value === "string") folders[key] = value;
  }
  return folders;
}
