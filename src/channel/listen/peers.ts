import { isIPv6, type Socket } from "node:net";
import { native, type PeerCredentials } from "../../native.js";

/** Counts open connections by who holds them. */
export class PeerCounts {
  readonly #open = new Map<string, number>();

  /** Counts a connection until it closes; false, and not counted, where its peer has `most` already. */
  admit(peer: string, socket: Socket, most: number): boolean {
    const open = this.#open.get(peer) ?? 0;
    if (open >= most) return false;
    this.#open.set(peer, open + 1);
    socket.once("close", () => {
      const left = (this.#open.get(peer) ?? 1) - 1;
      if (left === 0) this.#open.delete(peer);
      else this.#open.set(peer, left);
    });
    return true;
  }
}

/** Who holds a TCP connection: its address, or the /64 that one customer is given in IPv6. */
export function addressPeer(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  const [head = "", tail] = (address.split("%")[0] ?? "").split("::");
  const groups = head === "" ? [] : head.split(":");
  if (tail !== undefined) {
    const after = tail === "" ? [] : tail.split(":");
    groups.push(...Array<string>(Math.max(0, 8 - groups.length - after.length)).fill("0"), ...after);
  }
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":")}::/64`;
}

/** The process at the other end of a unix socket that was accepted in this very turn; undefined where it is gone. */
export function unixPeer(socket: Socket): PeerCredentials | undefined {
  // Node has no other way to a socket's descriptor. It is the handle's own and closes with it, so it is used at once.
  const { _handle: handle } = socket as unknown as { _handle?: { fd?: number } | null };
  const descriptor = handle?.fd;
  if (typeof descriptor !== "number" || descriptor < 0) return undefined;
  return native().peerCredentials(descriptor);
}
