import { isIP } from "node:net";

/** Whether a host (with or without a port) is this machine itself: `localhost`, 127.0.0.0/8 or ::1. */
export function isLoopback(host: string): boolean {
  const name = hostname(host);
  return name === "localhost" || name === "::1" || (isIP(name) === 4 && name.startsWith("127."));
}

/** The name or address of `host[:port]`, brackets of an IPv6 address left out. */
export function hostname(host: string): string {
  const bracketed = /^\[([^\]]+)\]/.exec(host)?.[1];
  return bracketed ?? host.replace(/:\d+$/, "");
}
