import type { ImagePullOptions, RegistryCredentials } from "../api.js";
import { parseReference } from "../image/reference.js";
import { findCredentials } from "../image/registry/credentials.js";
import { defined } from "./options.js";
import { invalid } from "./parse/invalid.js";

/** What the command line says of a pull, with the credentials of whoever types it: the runtime may be somebody else's. */
export async function pullOptionsOf(
  image: string,
  options: { platform?: string; insecure?: boolean; creds?: string },
): Promise<ImagePullOptions> {
  const { domain, path } = parseReference(image);
  const credentials =
    options.creds === undefined ? await findCredentials(domain, path) : parseCredentials(options.creds);
  return defined<ImagePullOptions>({ platform: options.platform, insecure: options.insecure, credentials });
}

function parseCredentials(text: string): RegistryCredentials {
  const colon = text.indexOf(":");
  if (colon < 1)
    throw invalid("--creds: expected user:password", "or use `granule login`, which keeps it out of sight");
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}
