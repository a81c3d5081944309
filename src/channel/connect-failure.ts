import type { IncomingMessage } from "node:http";
import { GranuleError } from "../errors.js";

const MAX_BODY_BYTES = 2048;

const CODE_OF_STATUS: Readonly<Record<number, GranuleError["code"]>> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  429: "RESOURCE_EXHAUSTED",
};

/** What the certificate of a server is refused for, by node's code (tls, "X509 certificate error codes"). */
const CERTIFICATE_FAULTS: Readonly<Record<string, [message: string, hint: string]>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: ["its certificate is signed by itself alone", "trust it by --tls-ca FILE"],
  SELF_SIGNED_CERT_IN_CHAIN: [
    "its certificate comes from an authority that is not known here",
    "name it by --tls-ca FILE",
  ],
  UNABLE_TO_GET_ISSUER_CERT: [
    "its certificate comes from an authority that is not known here",
    "name it by --tls-ca FILE",
  ],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: [
    "its certificate comes from an authority that is not known here",
    "name it by --tls-ca FILE",
  ],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: [
    "its certificate comes from an authority that is not known here",
    "name it by --tls-ca FILE; or the server leaves out the certificates in between",
  ],
  CERT_HAS_EXPIRED: ["its certificate has expired", "renew it on the server, then `systemctl reload granule`"],
  CERT_NOT_YET_VALID: ["its certificate is not valid yet", "look at the clocks of both hosts"],
};

const CONNECTION_FAULTS: Readonly<Record<string, [message: string, hint: string]>> = {
  ECONNREFUSED: ["nobody listens there", "is `granule serve` running, and listening at this address?"],
  ENOENT: ["there is no such socket", "is `granule serve` running?"],
  EACCES: ["you may not open this socket", "ask for a group that may, or use sudo"],
  ENOTFOUND: ["no host is known by this name", "look at its spelling"],
  EAI_AGAIN: ["the name cannot be looked up at the moment", "look at the network and its name servers"],
  EHOSTUNREACH: ["the host cannot be reached", "look at the network between"],
  ENETUNREACH: ["its network cannot be reached", "look at the network between"],
  ETIMEDOUT: ["the host does not answer", "a firewall may be in between"],
};

/** What a server answered instead of the upgrade, as the error that it means. */
export async function refusedUpgrade(url: string, response: IncomingMessage): Promise<GranuleError> {
  const status = response.statusCode ?? 0;
  const body = await firstOf(response);
  const isText = response.headers["content-type"]?.startsWith("text/plain") === true;
  const said = isText && body !== "" ? body : (response.statusMessage ?? "");
  const code = CODE_OF_STATUS[status] ?? "UNAVAILABLE";
  const hint = hintOf(status);
  return new GranuleError(code, `${url} refused: ${said} (HTTP ${status})`, {
    retryable: status === 429 || status >= 500,
    ...(hint !== undefined && { hint }),
  });
}

/** Why a connection could not be made, for people. */
export function cannotConnect(url: string, why: string, cause: GranuleError | undefined): GranuleError {
  const [message, hint] = explain(url, cause) ?? [why];
  return new GranuleError("UNAVAILABLE", `cannot connect to ${url}: ${message}`, {
    retryable: true,
    ...(hint !== undefined && { hint }),
    ...(cause?.errno !== undefined && { errno: cause.errno }),
    ...(cause?.syscall !== undefined && { syscall: cause.syscall }),
    cause,
  });
}

function explain(url: string, cause: GranuleError | undefined): [message: string, hint?: string] | undefined {
  const code = cause?.errno;
  if (code === undefined) return undefined;
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return ["its certificate is for other names", "use a name that stands in it, or another certificate"];
  }
  if (code === "EPROTO" && url.startsWith("wss:")) {
    return ["the TLS handshake failed", "does this port speak TLS? ws:// is plain, on loopback only"];
  }
  if (code === "ECONNRESET" && url.startsWith("ws:")) {
    return ["the server hung up", "if this port speaks TLS, use wss://"];
  }
  return CERTIFICATE_FAULTS[code] ?? CONNECTION_FAULTS[code];
}

function hintOf(status: number): string | undefined {
  if (status === 401) return "give a token by --token-file FILE or GRANULE_TOKEN; `granule token create` makes one";
  if (status === 426 || status === 404) return "this may be another server than granule's";
  return undefined;
}

/** The beginning of a response's body; whoever is at the other end may send without end. */
async function firstOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response) {
      chunks.push(chunk as Buffer);
      bytes += (chunk as Buffer).length;
      if (bytes >= MAX_BODY_BYTES) break;
    }
  } catch {
    // What came before it broke off says more than nothing.
  }
  const text = Buffer.concat(chunks).subarray(0, MAX_BODY_BYTES).toString("utf8");
  return text.replaceAll(/\p{Cc}+/gu, " ").trim();
}
