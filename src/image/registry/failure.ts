import { GranuleError } from "../../errors.js";
import { failureCode, isPassingFailure, isPassingStatus } from "./back-off.js";

/** What was asked of whom, for the text of an error. */
export interface Asked {
  host: string;
  /** Repository, with tag or digest where one was asked for. */
  name: string;
  /** The account that was used, where there was one. */
  account?: string;
}

/** The error of an answer that is none of those hoped for (distribution-spec, "Error Codes"). */
export function statusFailure(status: number, body: string, asked: Asked): GranuleError {
  const { host, name, account } = asked;
  const said = registryMessage(body);
  const details = { details: { status } };
  if (status === 401) {
    return account === undefined
      ? new GranuleError("UNAUTHENTICATED", `${host} wants a login for ${name}${quoted(said)}`, {
          hint: `run \`granule login ${loginName(host)}\`, or check the name: registries do not tell the two apart`,
          ...details,
        })
      : new GranuleError("UNAUTHENTICATED", `${host} did not accept the credentials of ${account}${quoted(said)}`, {
          hint: `run \`granule login ${loginName(host)}\` again`,
          ...details,
        });
  }
  if (status === 403) {
    const who = account === undefined ? "anybody" : account;
    return new GranuleError("PERMISSION_DENIED", `${host} does not let ${who} read ${name}${quoted(said)}`, details);
  }
  if (status === 404 || status === 410) {
    return new GranuleError("NOT_FOUND", `${host} has no ${name}${quoted(said)}`, {
      hint: "check the name and the tag",
      ...details,
    });
  }
  if (status === 429) {
    return new GranuleError("UNAVAILABLE", `${host} answers too many requests: it asks to come back later`, {
      retryable: true,
      hint: "wait some minutes, or log in: most registries let known users ask more often",
      ...details,
    });
  }
  return new GranuleError("UNAVAILABLE", `${host} answered ${status} for ${name}${quoted(said)}`, {
    retryable: isPassingStatus(status),
    ...details,
  });
}

/** Failures of TLS by their code, in words. */
const UNTRUSTED: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: "it is signed by itself",
  SELF_SIGNED_CERT_IN_CHAIN: "its authority is not one this host trusts",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its authority is not one this host trusts",
  UNABLE_TO_GET_ISSUER_CERT: "its authority is not one this host trusts",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its authority is not one this host trusts",
  CERT_HAS_EXPIRED: "it has expired",
  CERT_NOT_YET_VALID: "it is not valid yet",
  ERR_TLS_CERT_ALTNAME_INVALID: "it is for another name",
};

/** The error of a connection that failed. */
export function connectionFailure(thrown: unknown, host: string): GranuleError {
  if (thrown instanceof GranuleError) return thrown;
  const errno = failureCode(thrown);
  const more = { errno, cause: thrown, retryable: isPassingFailure(thrown) };
  const untrusted = UNTRUSTED[errno];
  if (untrusted !== undefined) {
    return new GranuleError("FAILED_PRECONDITION", `the certificate of ${host} is not trusted: ${untrusted}`, {
      hint: `put its certificate authority in /etc/docker/certs.d/${host}/ca.crt, or allow it with --insecure`,
      ...more,
    });
  }
  if (errno === "ENOTFOUND" || errno === "EAI_AGAIN") {
    return new GranuleError("UNAVAILABLE", `there is no registry: the name ${host} cannot be resolved`, {
      hint: "check the name, and this host's DNS",
      ...more,
    });
  }
  if (errno === "ECONNREFUSED") {
    return new GranuleError("UNAVAILABLE", `there is no registry: nobody listens at ${host}`, {
      hint: "check the name and the port",
      ...more,
    });
  }
  if (errno.includes("CONNECT_TIMEOUT") || errno === "ETIMEDOUT") {
    return new GranuleError("UNAVAILABLE", `${host} does not answer`, {
      hint: "check the name, the network and the proxy settings",
      ...more,
    });
  }
  if (errno.startsWith("ERR_SSL") || errno === "EPROTO") {
    return new GranuleError("UNAVAILABLE", `${host} does not speak TLS as it should`, {
      hint: "if it is a registry without TLS, allow it with --insecure",
      ...more,
    });
  }
  return new GranuleError("UNAVAILABLE", `the connection to ${host} failed: ${innermost(thrown)}`, more);
}

const PROXY_UNREACHED: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nobody listens there",
  ENOTFOUND: "its name cannot be resolved",
  EAI_AGAIN: "its name cannot be resolved",
  ETIMEDOUT: "it does not answer",
  UND_ERR_CONNECT_TIMEOUT: "it does not answer",
};

/** What went wrong at a proxy; the failure as it is where the proxy is not at fault. */
export function proxyFailure(thrown: unknown, host: string, proxy: string): unknown {
  const errno = failureCode(thrown);
  const more = { errno, cause: thrown, retryable: isPassingFailure(thrown) };
  const unreached = PROXY_UNREACHED[errno];
  if (unreached !== undefined) {
    return new GranuleError("UNAVAILABLE", `the proxy ${proxy}, by which ${host} is reached, fails: ${unreached}`, {
      hint: "check https_proxy, http_proxy and no_proxy of the process that pulls",
      ...more,
    });
  }
  const status = /^Proxy response \((\d+)\)/.exec(innermost(thrown))?.[1];
  if (status === undefined) return thrown;
  return new GranuleError("UNAVAILABLE", `the proxy ${proxy} answered ${status} where ${host} was asked for`, {
    ...(status === "407"
      ? { hint: "give user and password in the proxy's address: http://user:password@host:port" }
      : {}),
    ...more,
  });
}

function innermost(thrown: unknown): string {
  let error = thrown;
  while (error instanceof Error && error.cause instanceof Error) error = error.cause;
  return error instanceof Error ? error.message || failureCode(error) : String(error);
}

/** Docker's own registry is logged in to by its name. */
function loginName(host: string): string {
  return host === "registry-1.docker.io" ? "docker.io" : host;
}

const MAX_SAID = 200;

/** What a registry says in its error document; empty where it says nothing readable. */
function registryMessage(body: string): string {
  try {
    const { errors } = JSON.parse(body) as { errors?: { message?: unknown; code?: unknown }[] };
    const first = Array.isArray(errors) ? errors[0] : undefined;
    const text = typeof first?.message === "string" && first.message !== "" ? first.message : first?.code;
    // What a stranger wrote must not move the reader's cursor.
    return typeof text === "string" ? text.replace(/\p{Cc}/gu, " ").slice(0, MAX_SAID) : "";
  } catch {
    // An error page of a proxy says nothing that helps.
    return "";
  }
}

function quoted(said: string): string {
  return said === "" ? "" : ` (it says: ${said})`;
}
