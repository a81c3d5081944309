import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import type { RegistryCredentials } from "../../api.js";
import { GranuleError } from "../../errors.js";

/** A file of docker's config.json form; podman's auth.json is one without `credsStore`. */
export interface CredentialFile {
  path: string;
  document: Record<string, unknown>;
}

/** What docker calls its own registry, for historical reasons. */
const DOCKER_KEY = "https://index.docker.io/v1/";
const DOCKER_NAMES = new Set(["docker.io", "index.docker.io", "registry-1.docker.io"]);

/** The file that `login` writes, as docker's and podman's environment variables have it. */
export function ownCredentialFile(environment: NodeJS.ProcessEnv): string {
  const home = environment["HOME"] || homedir();
  return (
    environment["REGISTRY_AUTH_FILE"] || join(environment["DOCKER_CONFIG"] || join(home, ".docker"), "config.json")
  );
}

/** Files that may hold credentials, the first choice first. */
export function credentialFiles(environment: NodeJS.ProcessEnv): string[] {
  const home = environment["HOME"] || homedir();
  const runtime = environment["XDG_RUNTIME_DIR"];
  return [
    ownCredentialFile(environment),
    ...(runtime ? [join(runtime, "containers/auth.json")] : []),
    join(environment["XDG_CONFIG_HOME"] || join(home, ".config"), "containers/auth.json"),
  ];
}

/** @throws GranuleError INVALID_ARGUMENT where there is a file and it is not JSON */
export function readCredentialFile(path: string): CredentialFile | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw GranuleError.from(thrown);
  }
  try {
    const document = JSON.parse(text) as unknown;
    if (isObject(document)) return { path, document };
  } catch {
    // Told below, without a word of what stands in the file.
  }
  throw new GranuleError("INVALID_ARGUMENT", `${path} is not a JSON object`, {
    path,
    hint: "mend it, or move it away",
  });
}

/** The credential helper that a file names for a host: `pass` stands for docker-credential-pass. */
export function helperOf({ document }: CredentialFile, domain: string): string | undefined {
  const helpers = document["credHelpers"];
  const own = isObject(helpers) ? helpers[domain] : undefined;
  const chosen = own ?? document["credsStore"];
  return typeof chosen === "string" && chosen !== "" ? chosen : undefined;
}

/** What a file itself holds for a repository: the entry of the longest path that fits, down to the host's. */
export function storedCredentials(
  { document }: CredentialFile,
  domain: string,
  repository: string,
): RegistryCredentials | undefined {
  const auths = document["auths"];
  if (!isObject(auths)) return undefined;
  const entries = new Map(Object.entries(auths).map(([key, value]) => [cleanKey(key), value]));
  const parts = repository === "" ? [] : repository.split("/");
  for (let length = parts.length; length >= 0; length--) {
    const key = [domain, ...parts.slice(0, length)].join("/");
    const credentials = parseEntry(entries.get(cleanKey(key)));
    if (credentials) return credentials;
  }
  return undefined;
}

/** Writes one entry, or takes it out; all else in the file stays. The file is replaced as a whole, readable to its owner. */
export function writeCredentials(path: string, domain: string, credentials: RegistryCredentials | undefined): boolean {
  const file = readCredentialFile(path) ?? { path, document: {} };
  const auths = isObject(file.document["auths"]) ? { ...file.document["auths"] } : {};
  const key = keyOf(domain);
  const stale = Object.keys(auths).filter((one) => cleanKey(one) === cleanKey(key));
  if (credentials === undefined && stale.length === 0) return false;
  for (const one of stale) delete auths[one];
  if (credentials !== undefined) auths[key] = formatEntry(credentials);
  const document = { ...file.document, auths };
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0o600;
  writeFileSync(`${path}.new`, `${JSON.stringify(document, undefined, "\t")}\n`, { mode: mode & 0o600 });
  renameSync(`${path}.new`, path);
  return true;
}

/** How docker names a registry in its files and to its helpers. */
export function keyOf(domain: string): string {
  return DOCKER_NAMES.has(domain) ? DOCKER_KEY : domain;
}

/** Keys come with and without a scheme and docker's `/v1/` or `/v2/`. */
function cleanKey(key: string): string {
  const plain = key.replace(/^https?:\/\//, "").replace(/\/(?:v[12]\/?)?$/, "");
  const [host = "", ...path] = plain.split("/");
  return [DOCKER_NAMES.has(host) ? "docker.io" : host, ...path].join("/");
}

function parseEntry(value: unknown): RegistryCredentials | undefined {
  if (!isObject(value)) return undefined;
  const text = (name: string): string => (typeof value[name] === "string" ? value[name] : "");
  if (text("identitytoken") !== "") return { identityToken: text("identitytoken") };
  if (text("registrytoken") !== "") return { registryToken: text("registrytoken") };
  const decoded = Buffer.from(text("auth"), "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  // docker pads some entries with NUL bytes.
  if (colon > 0) return { username: decoded.slice(0, colon), password: decoded.slice(colon + 1).replace(/\0+$/, "") };
  if (text("username") !== "") return { username: text("username"), password: text("password") };
  return undefined;
}

function formatEntry(credentials: RegistryCredentials): Record<string, string> {
  if ("username" in credentials) {
    const { username, password } = credentials;
    return { auth: Buffer.from(`${username}:${password}`).toString("base64") };
  }
  if ("identityToken" in credentials) {
    return { auth: Buffer.from(`${TOKEN_USER}:`).toString("base64"), identitytoken: credentials.identityToken };
  }
  if ("registryToken" in credentials) return { registrytoken: credentials.registryToken };
  throw new GranuleError("INVALID_ARGUMENT", "an Azure token lasts an hour and is not stored: it is exchanged first");
}

/** The name that stands for a token instead of a user, as Azure's registries and its tools have it. */
export const TOKEN_USER = "00000000-0000-0000-0000-000000000000";

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
