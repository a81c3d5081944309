import { readFileSync } from "node:fs";
import { GranuleError } from "../errors.js";
import type { GlobalOptions } from "./global-options.js";
import { defined } from "./options.js";
import { invalid } from "./parse/invalid.js";

interface Credentials {
  token?: string;
  tls?: { ca?: Buffer; cert?: Buffer; key?: Buffer };
}

/** What is shown to a runtime elsewhere: the token of a file or of GRANULE_TOKEN, and certificates. */
export function remoteCredentials({ tokenFile, tlsCa, tlsCert, tlsKey }: GlobalOptions): Credentials {
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw invalid("a client certificate takes its key", "give both --tls-cert and --tls-key");
  }
  const token =
    tokenFile === undefined
      ? process.env["GRANULE_TOKEN"] || undefined
      : read("--token-file", tokenFile).toString().trim();
  if (token === "") throw invalid(`--token-file: ${tokenFile} is empty`);
  const tls = defined<NonNullable<Credentials["tls"]>>({
    ca: tlsCa === undefined ? undefined : read("--tls-ca", tlsCa),
    cert: tlsCert === undefined ? undefined : read("--tls-cert", tlsCert),
    key: tlsKey === undefined ? undefined : read("--tls-key", tlsKey),
  });
  return defined<Credentials>({ token, tls: Object.keys(tls).length === 0 ? undefined : tls });
}

function read(option: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (thrown) {
    const { errno, message } = GranuleError.from(thrown);
    throw new GranuleError("INVALID_ARGUMENT", `${option}: ${path} cannot be read (${errno ?? message})`, {
      cause: thrown,
    });
  }
}
