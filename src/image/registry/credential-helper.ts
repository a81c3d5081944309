import { execFile } from "node:child_process";
import type { RegistryCredentials } from "../../api.js";
import { GranuleError } from "../../errors.js";

const HELPER_MS = 30_000;
const MAX_ANSWER_BYTES = 1024 * 1024;
const TOKEN_NAME = "<token>";

/** What a helper of docker's protocol says to a request it has nothing for. */
const NOT_FOUND = /credentials not found in native keychain|no credentials server URL|credentials not found/i;

/**
 * Asks `docker-credential-<name> get` (docker's credential helper protocol: the server on stdin, JSON on stdout).
 * @returns undefined where the helper has nothing for the server
 * @throws GranuleError FAILED_PRECONDITION where it is missing or fails
 */
export async function askHelper(
  name: string,
  server: string,
  environment: NodeJS.ProcessEnv,
): Promise<RegistryCredentials | undefined> {
  const answer = await runHelper(name, "get", server, environment);
  if (answer === undefined) return undefined;
  try {
    const { Username, Secret } = JSON.parse(answer) as { Username?: unknown; Secret?: unknown };
    if (typeof Username === "string" && typeof Secret === "string") {
      return Username === TOKEN_NAME ? { identityToken: Secret } : { username: Username, password: Secret };
    }
  } catch {
    // Told below: what a helper prints may be a secret.
  }
  throw failed(name, "its answer is not the JSON that was expected");
}

/** Hands credentials over to a helper's store. */
export async function storeByHelper(
  name: string,
  server: string,
  credentials: RegistryCredentials,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const [user, secret] =
    "username" in credentials
      ? [credentials.username, credentials.password]
      : [TOKEN_NAME, "identityToken" in credentials ? credentials.identityToken : ""];
  await runHelper(name, "store", JSON.stringify({ ServerURL: server, Username: user, Secret: secret }), environment);
}

/** @returns whether the helper had credentials of the server */
export async function eraseByHelper(name: string, server: string, environment: NodeJS.ProcessEnv): Promise<boolean> {
  const present = (await runHelper(name, "get", server, environment)) !== undefined;
  if (present) await runHelper(name, "erase", server, environment);
  return present;
}

function runHelper(
  name: string,
  verb: "get" | "store" | "erase",
  input: string,
  environment: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) throw failed(name, "the name is not one of a program");
  const options = { env: environment, timeout: HELPER_MS, maxBuffer: MAX_ANSWER_BYTES };
  return new Promise((resolve, reject) => {
    const child = execFile(`docker-credential-${name}`, [verb], options, (error, stdout, stderr) => {
      if (!error) resolve(stdout);
      else if (error.code === "ENOENT") reject(failed(name, "there is no such program on the PATH"));
      else if (verb !== "store" && NOT_FOUND.test(stdout + stderr)) resolve(undefined);
      else if (error.killed === true) reject(failed(name, `it gave no answer within ${HELPER_MS / 1000} s`));
      // On failure, both streams hold the reason and no secret.
      else reject(failed(name, (stderr || stdout).trim().slice(0, 300) || `it exited with ${String(error.code)}`));
    });
    // One that ends before it has read is told by its exit.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(`${input}\n`);
  });
}

function failed(name: string, why: string): GranuleError {
  return new GranuleError("FAILED_PRECONDITION", `the credential helper docker-credential-${name} failed: ${why}`, {
    hint: "install it, or take it out of credsStore and credHelpers in docker's config.json",
  });
}
