import type { Role } from "../../api.js";
import type { AccessRules, CertificateRule, Grant, PeerRule } from "../auth/rules.js";
import { accountId } from "./accounts.js";
import type { Faults } from "./faults.js";
import type { YamlValue } from "./reader.js";

const ROLES: readonly Role[] = ["reader", "operator", "admin"];

/** The `access` part of the file: peers of unix sockets, client certificates, origins of pages. */
export function readAccess(value: YamlValue | undefined, faults: Faults): AccessRules {
  const parts = value?.map(["peers", "certificates", "origins"]);
  const each = <T>(list: YamlValue[] | undefined, read: (entry: YamlValue) => T | undefined): T[] =>
    (list ?? []).map(read).filter((rule) => rule !== undefined);
  return {
    peers: each(parts?.peers.list(), (entry) => readPeer(entry, faults)),
    certificates: each(parts?.certificates.list(), readCertificate),
    origins: each(parts?.origins.list(), (entry) => {
      const text = entry.text();
      return text === undefined ? undefined : readOrigin(text, entry.place, faults);
    }),
  };
}

/** An origin as browsers send it: scheme, host, and the port where it is not the scheme's own. */
export function readOrigin(text: string, place: string, faults: Faults): string | undefined {
  const parsed = URL.canParse(text) ? new URL(text).origin : undefined;
  if (parsed === text && parsed !== "null") return text;
  const hint =
    parsed === undefined || parsed === "null" ? "write it as https://console.example" : `write it as ${parsed}`;
  faults.add(place, `not an origin: ${text}`, hint);
  return undefined;
}

function readPeer(value: YamlValue, faults: Faults): PeerRule | undefined {
  const fields = value.map(["user", "group", "role", "selector"]);
  if (fields === undefined) return value.present ? undefined : value.fault("expected a map");
  const grant = readGrant(fields, value);
  const { user, group } = fields;
  if (user.present === group.present) return value.fault("expected either user or group");
  const id = readAccount(user.present ? "passwd" : "group", user.present ? user : group, faults);
  if (id === undefined || grant === undefined) return undefined;
  return user.present ? { uid: id, ...grant } : { gid: id, ...grant };
}

/** A user or group by name or number. */
export function readAccount(database: "passwd" | "group", value: YamlValue, faults: Faults): number | undefined {
  const { raw } = value;
  if (typeof raw !== "string" && typeof raw !== "number") return value.fault("expected a name or a number");
  return faults.catch(value.place, () => accountId(database, raw));
}

function readCertificate(value: YamlValue): CertificateRule | undefined {
  const fields = value.map(["subject", "role", "selector"]);
  if (fields === undefined) return value.present ? undefined : value.fault("expected a map");
  const grant = readGrant(fields, value);
  const subject = readTexts(fields.subject);
  if (!fields.subject.present) return value.fault("subject: expected a value", "such as { CN: ci }");
  return subject === undefined || grant === undefined ? undefined : { subject, ...grant };
}

function readGrant(fields: { role: YamlValue; selector: YamlValue }, parent: YamlValue): Grant | undefined {
  const role = fields.role.text();
  if (!fields.role.present) return parent.fault("role: expected a value", `one of ${ROLES.join(", ")}`);
  const known = ROLES.find((name) => name === role);
  if (known === undefined)
    return role === undefined ? undefined : fields.role.fault(`expected one of ${ROLES.join(", ")}`);
  if (fields.selector.raw === undefined) return { role: known };
  // Whoever wrote `selector:` meant bounds, so that none is no reading of it.
  if (!fields.selector.present)
    return fields.selector.fault("expected a map", "leave it out where there are no bounds");
  const selector = readTexts(fields.selector);
  return selector === undefined ? undefined : { role: known, selector };
}

/** A map of texts that is not empty. */
function readTexts(value: YamlValue): Record<string, string> | undefined {
  const entries = value.entries();
  if (entries === undefined) return undefined;
  if (entries.length === 0) return value.fault("expected at least one entry");
  const texts = entries.map(([key, entry]): [string, string | undefined] => [
    key,
    entry.present ? entry.text() : entry.fault("expected text"),
  ]);
  if (texts.some(([, text]) => text === undefined)) return undefined;
  return Object.fromEntries(texts) as Record<string, string>;
}
