import { GranuleError } from "../errors.js";

/** Whom a container's process runs as. */
export interface ResolvedUser {
  uid: number;
  gid: number;
  additionalGids: number[];
  /** For HOME; `/` where the user has no entry. */
  home: string;
}

interface PasswdEntry {
  name: string;
  uid: number;
  gid: number;
  home: string;
}

interface GroupEntry {
  name: string;
  gid: number;
  members: string[];
}

const MAX_ID = 2 ** 31 - 1;

/**
 * Resolves `user`, `uid`, `user:group` or `uid:gid` by the image's /etc/passwd and /etc/group, as docker does: an
 * empty user is 0, a number without an entry stands for itself with group 0, and without a group the user is also in
 * every group that lists the name.
 * @param passwd contents of /etc/passwd; undefined where the image has none
 * @throws GranuleError INVALID_ARGUMENT for a name that the image does not know or a number out of range
 */
export function resolveUser(spec: string, passwd: string | undefined, group: string | undefined): ResolvedUser {
  const colon = spec.indexOf(":");
  const userText = colon < 0 ? spec : spec.slice(0, colon);
  const groupText = colon < 0 ? "" : spec.slice(colon + 1);
  const groups = parseGroup(group ?? "");
  const entry = findUser(userText === "" ? "0" : userText, parsePasswd(passwd ?? ""));
  if (!entry && !isNumber(userText === "" ? "0" : userText)) {
    throw unknown(
      "user",
      userText,
      passwd === undefined ? "the image has no /etc/passwd" : "it is not in the image's /etc/passwd",
    );
  }
  const uid = entry?.uid ?? toId(userText === "" ? "0" : userText, "user");
  const home = entry?.home || "/";
  if (groupText !== "") return { uid, gid: findGroup(groupText, groups, group), additionalGids: [], home };
  const gid = entry?.gid ?? 0;
  const name = entry?.name;
  const listed = name === undefined ? [] : groups.filter((one) => one.members.includes(name)).map((one) => one.gid);
  return { uid, gid, additionalGids: [...new Set(listed)], home };
}

/** A name comes before a number, so that a user called `1000` is found by name. */
function findUser(text: string, entries: PasswdEntry[]): PasswdEntry | undefined {
  const byName = entries.find((entry) => entry.name === text);
  if (byName || !isNumber(text)) return byName;
  const uid = toId(text, "user");
  return entries.find((entry) => entry.uid === uid);
}

function findGroup(text: string, entries: GroupEntry[], file: string | undefined): number {
  const byName = entries.find((entry) => entry.name === text);
  if (byName) return byName.gid;
  if (isNumber(text)) return toId(text, "group");
  throw unknown(
    "group",
    text,
    file === undefined ? "the image has no /etc/group" : "it is not in the image's /etc/group",
  );
}

/** passwd(5): name:password:uid:gid:gecos:home:shell. Lines that are not so are passed over, as libc does. */
function parsePasswd(text: string): PasswdEntry[] {
  const entries: PasswdEntry[] = [];
  for (const line of text.split("\n")) {
    const [name = "", , uid = "", gid = "", , home = ""] = line.trim().split(":");
    if (name !== "" && inRange(uid) && inRange(gid)) entries.push({ name, uid: Number(uid), gid: Number(gid), home });
  }
  return entries;
}

/** group(5): name:password:gid:members. */
function parseGroup(text: string): GroupEntry[] {
  const entries: GroupEntry[] = [];
  for (const line of text.split("\n")) {
    const [name = "", , gid = "", members = ""] = line.trim().split(":");
    if (name !== "" && inRange(gid)) entries.push({ name, gid: Number(gid), members: members.split(",") });
  }
  return entries;
}

function isNumber(text: string): boolean {
  return /^-?[0-9]+$/.test(text);
}

function inRange(text: string): boolean {
  return /^[0-9]{1,10}$/.test(text) && Number(text) <= MAX_ID;
}

function toId(text: string, kind: "user" | "group"): number {
  if (inRange(text)) return Number(text);
  throw new GranuleError("INVALID_ARGUMENT", `${kind} ${text} is out of range`, {
    hint: `use a number from 0 to ${MAX_ID}`,
  });
}

function unknown(kind: "user" | "group", text: string, why: string): GranuleError {
  return new GranuleError("INVALID_ARGUMENT", `unknown ${kind} ${JSON.stringify(text)}: ${why}`, {
    hint: `give a numeric ${kind === "user" ? "uid" : "gid"}, or add the ${kind} to the image`,
  });
}
