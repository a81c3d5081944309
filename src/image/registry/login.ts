import type { RegistryCredentials } from "../../api.js";
import { GranuleError } from "../../errors.js";
import { parseReference } from "../reference.js";
import { RegistryConfiguration } from "./configuration.js";
import { Connections } from "./connections.js";
import { eraseCredentials, storeCredentials } from "./credentials.js";
import { Exchange } from "./exchange.js";
import { RegistrySession } from "./session.js";
import { defaultSettings, type RegistrySettings } from "./settings.js";

export interface LoginOptions {
  /** Allow plain http and any certificate. */
  insecure?: boolean;
  signal?: AbortSignal;
  settings?: RegistrySettings;
}

/**
 * Checks credentials at a registry, and keeps them for later pulls where docker keeps them. An Azure token is exchanged
 * for the registry's refresh token, and that is kept.
 * @param registry host with its port; `docker.io` for Docker Hub
 * @returns where they were put, in words
 * @throws GranuleError UNAUTHENTICATED where the registry does not accept them; then nothing is kept
 */
export async function login(
  registry: string,
  credentials: RegistryCredentials,
  options: LoginOptions = {},
): Promise<string> {
  const domain = registryDomain(registry);
  const settings = options.settings ?? defaultSettings();
  const connections = new Connections(settings);
  try {
    const configuration = RegistryConfiguration.read(settings.configurationFile);
    const location = configuration.locations({ domain, path: "x" }, options.insecure ?? false).at(-1);
    if (location === undefined) throw new GranuleError("INTERNAL", "the registry has no place");
    const session = new RegistrySession(new Exchange(connections, settings), location, credentials);
    const kept = await session.login(options.signal ?? new AbortController().signal);
    return await storeCredentials(domain, kept ?? credentials, settings.environment);
  } finally {
    await connections.close();
  }
}

/** Forgets the credentials of a registry. @returns whether there were any */
export async function logout(registry: string, environment: NodeJS.ProcessEnv = process.env): Promise<boolean> {
  return eraseCredentials(registryDomain(registry), environment);
}

/** People paste addresses: the scheme and what follows the host are passed over. */
export function registryDomain(registry: string): string {
  const host = registry.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
  try {
    // A word alone would be read as a part of Docker Hub.
    const { domain } = parseReference(/[.:]|^localhost$/.test(host) ? `${host}/x` : host === "" ? "" : `${host}:443/x`);
    return domain === `${host}:443` && host !== `${host}:443` ? host : domain;
  } catch (thrown) {
    throw new GranuleError("INVALID_ARGUMENT", `invalid registry ${JSON.stringify(registry)}`, {
      hint: "name its host, and its port where it is not 443: registry.example:5000",
      cause: thrown,
    });
  }
}
