import { execFileSync } from "node:child_process";
import { GranuleError } from "../../errors.js";

/** What the kernel shows for ids of another user namespace: everybody there, and so nobody. */
const OVERFLOW_ID = 65_534;
const LARGEST_ID = 0xfffffffe;

/**
 * The number of a user (`passwd`) or group (`group`), by its name in whatever directory the host uses, or as it is.
 * @throws NOT_FOUND where the host knows none of that name
 */
export function accountId(database: "passwd" | "group", nameOrNumber: string | number): number {
  const kind = database === "passwd" ? "user" : "group";
  const id = typeof nameOrNumber === "number" ? nameOrNumber : numberOf(database, kind, nameOrNumber);
  if (!Number.isInteger(id) || id < 0 || id > LARGEST_ID) {
    throw new GranuleError("INVALID_ARGUMENT", `${nameOrNumber} is no number of a ${kind}`);
  }
  if (id === OVERFLOW_ID) {
    throw new GranuleError(
      "INVALID_ARGUMENT",
      `${kind} ${nameOrNumber} (${id}) stands for any ${kind} of any user namespace`,
    );
  }
  return id;
}

function numberOf(database: string, kind: string, name: string): number {
  if (/^\d+$/.test(name)) return Number(name);
  try {
    // getent(1) asks NSS: files, LDAP, systemd-userdb.
    const output = execFileSync("getent", [database, "--", name], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    return Number(output.split(":")[2] ?? Number.NaN);
  } catch (cause) {
    throw new GranuleError("NOT_FOUND", `there is no ${kind} called ${name}`, { cause });
  }
}
