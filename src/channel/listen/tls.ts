import { constants, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import { GranuleError } from "../../errors.js";

/** Files of a TLS listener, PEM. */
export interface TlsFiles {
  /** The server's certificate, then those between it and its root. */
  cert: string;
  key: string;
  /** Roots of client certificates; none are asked for unless told. */
  clientCa?: string;
}

/** Names what is wrong with a file. */
export class TlsFault extends GranuleError {
  readonly file: keyof TlsFiles;

  constructor(file: keyof TlsFiles, path: string, message: string, more: { hint?: string; cause?: unknown } = {}) {
    super("INVALID_ARGUMENT", message, { path, ...more });
    this.file = file;
  }
}

/**
 * Reads the files and checks that they fit together, so that a listener does not find out at its first client.
 * @throws TlsFault
 */
export function readTlsFiles(files: TlsFiles, nowMs: number = Date.now()): SecureContextOptions {
  const cert = read("cert", files.cert);
  const key = read("key", files.key);
  const ca = files.clientCa === undefined ? undefined : read("clientCa", files.clientCa);
  if (statSync(files.key).mode & 0o007) {
    throw new TlsFault("key", files.key, "the private key can be read by everybody", {
      hint: `chmod 600 ${files.key}`,
    });
  }
  const leaf = certificate("cert", files.cert, cert);
  if (Date.parse(leaf.validTo) <= nowMs) {
    throw new TlsFault("cert", files.cert, `the certificate has expired (${leaf.validTo})`);
  }
  if (ca !== undefined && files.clientCa !== undefined) certificate("clientCa", files.clientCa, ca);
  const options: SecureContextOptions = {
    cert,
    key,
    minVersion: "TLSv1.2",
    // A resumed session would carry the verdict on a client's certificate past a reload.
    secureOptions: constants.SSL_OP_NO_TICKET,
    ...(ca !== undefined && { ca }),
  };
  try {
    createSecureContext(options);
  } catch (cause) {
    const { message } = cause as Error;
    const why = message.includes("key values mismatch") ? "it is not the certificate's" : message;
    throw new TlsFault("key", files.key, `the private key cannot be used: ${why}`, { cause });
  }
  return options;
}

function read(file: keyof TlsFiles, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    const { errno } = GranuleError.from(cause);
    throw new TlsFault(file, path, `the file cannot be read (${errno ?? String(cause)})`, { cause });
  }
}

function certificate(file: keyof TlsFiles, path: string, pem: Buffer): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new TlsFault(file, path, "the file holds no PEM certificate", { cause });
  }
}
