import type { RegistryCredentials } from "../../api.js";
import {
  credentialFiles,
  helperOf,
  keyOf,
  ownCredentialFile,
  readCredentialFile,
  storedCredentials,
  writeCredentials,
} from "./credential-file.js";
import { askHelper, eraseByHelper, storeByHelper } from "./credential-helper.js";

/**
 * The credentials that this user has for a repository: of docker's config.json, its helpers, or podman's auth.json.
 * @param repository empty for the registry itself
 * @throws GranuleError FAILED_PRECONDITION where a helper fails, INVALID_ARGUMENT where a file is broken
 */
export async function findCredentials(
  domain: string,
  repository: string,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<RegistryCredentials | undefined> {
  for (const path of credentialFiles(environment)) {
    const file = readCredentialFile(path);
    if (file === undefined) continue;
    const helper = helperOf(file, domain);
    const found =
      (helper === undefined ? undefined : await askHelper(helper, keyOf(domain), environment)) ??
      storedCredentials(file, domain, repository);
    if (found) return found;
  }
  return undefined;
}

/**
 * Keeps credentials for later pulls, by the helper that docker's config.json names or else in the file itself.
 * @returns where they are now, in words
 */
export async function storeCredentials(
  domain: string,
  credentials: RegistryCredentials,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const path = ownCredentialFile(environment);
  const helper = helperOf(readCredentialFile(path) ?? { path, document: {} }, domain);
  if (helper === undefined) {
    writeCredentials(path, domain, credentials);
    return path;
  }
  await storeByHelper(helper, keyOf(domain), credentials, environment);
  return `docker-credential-${helper}`;
}

/** Forgets the credentials of a registry in every place that has them. @returns whether any did */
export async function eraseCredentials(domain: string, environment: NodeJS.ProcessEnv = process.env): Promise<boolean> {
  let erased = false;
  for (const path of credentialFiles(environment)) {
    const file = readCredentialFile(path);
    if (file === undefined) continue;
    const helper = helperOf(file, domain);
    if (helper !== undefined && (await eraseByHelper(helper, keyOf(domain), environment))) erased = true;
    if (writeCredentials(path, domain, undefined)) erased = true;
  }
  return erased;
}
