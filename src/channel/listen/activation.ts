import { fstatSync } from "node:fs";
import { GranuleError } from "../../errors.js";

/** First descriptor that systemd passes (sd_listen_fds(3)). */
const FIRST_DESCRIPTOR = 3;
const MOST_DESCRIPTORS = 64;

export interface ActivatedSocket {
  fd: number;
  /** FileDescriptorName of the socket unit. */
  name: string;
}

/**
 * Listening sockets that a service manager opened for this process, by LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES. Takes
 * the variables away, so that no child believes that they are meant for it.
 * @throws INVALID_ARGUMENT where a descriptor is no socket
 */
export function activatedSockets(environment: NodeJS.ProcessEnv, pid: number = process.pid): ActivatedSocket[] {
  const { LISTEN_PID: meant, LISTEN_FDS: count, LISTEN_FDNAMES: names } = environment;
  for (const name of ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"]) delete environment[name];
  if (meant === undefined || count === undefined || Number(meant) !== pid) return [];
  const number = Number(count);
  if (!Number.isInteger(number) || number < 0 || number > MOST_DESCRIPTORS) {
    throw new GranuleError("INVALID_ARGUMENT", `LISTEN_FDS is ${count}: expected 0 to ${MOST_DESCRIPTORS}`);
  }
  const labels = (names ?? "").split(":");
  return Array.from({ length: number }, (_, index) => {
    const fd = FIRST_DESCRIPTOR + index;
    let isSocket = false;
    try {
      isSocket = fstatSync(fd).isSocket();
    } catch {
      // It is not open at all.
    }
    if (!isSocket) throw new GranuleError("INVALID_ARGUMENT", `LISTEN_FDS: descriptor ${fd} is no socket`);
    return { fd, name: labels[index] ?? "" };
  });
}
