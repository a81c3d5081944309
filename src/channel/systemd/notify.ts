import { native } from "../../native.js";

/**
 * Tells the service manager that started this process how it is (sd_notify(3)): `READY=1`, `STOPPING=1`. Does nothing
 * where there is none.
 */
export function notifySystemd(state: string, { reloading = false } = {}): void {
  const socket = process.env["NOTIFY_SOCKET"];
  if (!socket) return;
  // A reload is told with the time it began at, in CLOCK_MONOTONIC, by which systemd knows that it is the one it asked for.
  const time = reloading ? `\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}` : "";
  try {
    native().sendDatagram(socket, state + time);
  } catch (thrown) {
    process.emitWarning(`the service manager could not be told ${state}: ${String(thrown)}`);
  }
}
