import { isIPv4, isIPv6 } from "node:net";
import { GranuleError } from "../../errors.js";

/** Where a server listens. */
export type ListenAddress = { kind: "unix"; path: string } | { kind: "tcp"; host: string; port: number; tls: boolean };

/**
 * Reads `unix:/run/granule.sock`, `wss://0.0.0.0:7443` or `ws://127.0.0.1:7080`.
 * @throws INVALID_ARGUMENT; a host name is none of these, since it could mean another address tomorrow
 */
export function parseListenAddress(text: string): ListenAddress {
  if (text.startsWith("unix:")) {
    const path = text.slice("unix:".length).replace(/^\/\/(?=\/)/, "");
    // An abstract socket, `@name` or a zero byte, has no owner and no mode: anybody in the network namespace may connect.
    if (!path.startsWith("/") || path.includes("\0"))
      throw bad(text, "a unix socket is a file: give its absolute path");
    return { kind: "unix", path };
  }
  const match = /^(wss?):\/\/(\[[0-9a-fA-F:.]+\]|[^/:@?#[\]]+):(\d{1,5})\/?$/.exec(text);
  if (match === null) throw bad(text, "write it as unix:/path, wss://address:port or ws://127.0.0.1:port");
  const [, scheme, bracketed = "", digits = ""] = match;
  const host = bracketed === "localhost" ? "127.0.0.1" : bracketed.replace(/^\[|\]$/g, "");
  const port = Number(digits);
  if (!isIPv4(host) && !isIPv6(host)) throw bad(text, "give an address such as 127.0.0.1, 0.0.0.0 or [::], no name");
  if (port > 65_535) throw bad(text, "a port is at most 65535");
  return { kind: "tcp", host, port, tls: scheme === "wss" };
}

/** Whether only processes of this host can reach an address. */
export function isLoopback(host: string): boolean {
  return (isIPv4(host) && host.startsWith("127.")) || host === "::1";
}

/** An address as `--host` takes it. */
export function addressUrl(address: ListenAddress): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  const host = isIPv6(address.host) ? `[${address.host}]` : address.host;
  return `${address.tls ? "wss" : "ws"}://${host}:${address.port}`;
}

function bad(text: string, hint: string): GranuleError {
  return new GranuleError("INVALID_ARGUMENT", `not an address to listen on: ${text}`, { hint });
}
