import { GranuleError } from "../errors.js";
import { type CapabilityName, capabilityNames, capabilityNumber } from "./linux/capabilities.js";
import type { OciCapabilities } from "./oci.js";

/** What a container may do unless told otherwise: the 14 of docker's default. */
export const defaultCapabilities: readonly CapabilityName[] = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_KILL",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETPCAP",
  "CAP_NET_BIND_SERVICE",
  "CAP_NET_RAW",
  "CAP_SYS_CHROOT",
  "CAP_MKNOD",
  "CAP_AUDIT_WRITE",
  "CAP_SETFCAP",
];

/** Reads `NET_ADMIN`, `cap_net_admin` and `ALL`; an unknown name is an error that names the option. */
export function parseCapability(option: string, text: string): CapabilityName | "ALL" {
  const upper = text.toUpperCase();
  if (upper === "ALL" || upper === "CAP_ALL") return "ALL";
  const name = upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
  if (capabilityNumber(name) === undefined) {
    throw new GranuleError("INVALID_ARGUMENT", `${option}: there is no capability ${JSON.stringify(text)}`, {
      hint: "names are those of capabilities(7), such as NET_ADMIN, or ALL",
    });
  }
  return name as CapabilityName;
}

/**
 * The default list with `capAdd` and `capDrop` applied: a drop wins over an add of the same name, and a name that is
 * spelled out wins over ALL. A default that the host itself lacks is left out; one that was asked for is an error.
 */
export function resolveCapabilities(
  host: ReadonlySet<CapabilityName>,
  add: readonly string[] = [],
  drop: readonly string[] = [],
): CapabilityName[] {
  const adds = new Set(add.map((text) => parseCapability("capAdd", text)));
  const drops = new Set(drop.map((text) => parseCapability("capDrop", text)));
  for (const name of adds) {
    if (name === "ALL" || host.has(name)) continue;
    throw new GranuleError("UNSUPPORTED", `capAdd: granule itself does not hold ${name}`, {
      hint: `start granule with ${name}, or leave it out of capAdd`,
    });
  }
  let base: readonly CapabilityName[] = drops.has("ALL") ? [] : defaultCapabilities;
  if (adds.has("ALL")) base = capabilityNames;
  return capabilityNames.filter(
    (name) => host.has(name) && !drops.has(name) && (adds.has(name) || base.includes(name)),
  );
}

/**
 * The sets that a process starts with. Only uid 0 gets its capabilities at once, as execve(2) would do it; nothing is
 * ever inheritable or ambient, so that a program gains none by its file's capabilities alone.
 */
export function capabilitySets(bounding: CapabilityName[], uid: number): OciCapabilities {
  const held = uid === 0 ? bounding : [];
  return { bounding, effective: held, permitted: held, inheritable: [], ambient: [] };
}
