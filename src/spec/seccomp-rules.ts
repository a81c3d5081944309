import { constants } from "node:os";
import type { SeccompRule } from "../native.js";
import type { CapabilityName } from "./linux/capabilities.js";
import {
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
} from "./linux/namespaces.js";
import { allowedCalls, guardedCalls, refusedCalls } from "./seccomp-calls.js";

const { EPERM, ENOSYS } = constants.errno;

/** Calls that neither list knows are newer than this code: ENOSYS lets a libc fall back to what it used before. */
export const DEFAULT_ERRNO = ENOSYS;

const NEW_NAMESPACES =
  CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

/** Address family of virtual machine sockets, from linux/socket.h: not parted by network namespaces. */
const AF_VSOCK = 40n;

/** PER_LINUX and PER_LINUX32, each with and without UNAME26, and the query, from linux/personality.h. */
const PERSONALITIES = [0x0n, 0x8n, 0x20000n, 0x20008n, 0xffffffffn];

/** All bits of an argument that the kernel takes as an int: those above it are ignored, and must not fool a filter. */
const INT_MASK = 0xffffffffn;

/** The system call filter of a container that holds these capabilities. */
export function seccompRules(capabilities: ReadonlySet<CapabilityName>): SeccompRule[] {
  const rules: SeccompRule[] = [{ names: Object.values(allowedCalls).flat(), action: "allow" }];
  for (const guarded of guardedCalls) {
    const held = guarded.capabilities.some((name) => capabilities.has(name));
    rules.push({ names: [...guarded.names], action: held ? "allow" : EPERM });
  }
  rules.push({ names: [...refusedCalls], action: EPERM });
  for (const value of PERSONALITIES) {
    rules.push({ names: ["personality"], action: "allow", args: [{ index: 0, mask: INT_MASK, value }] });
  }
  rules.push({ names: ["personality"], action: EPERM });
  rules.push({ names: ["socket"], action: EPERM, args: [{ index: 0, mask: INT_MASK, value: AF_VSOCK }] });
  rules.push({ names: ["socket"], action: "allow" });
  return [...rules, ...cloneRules(capabilities.has("CAP_SYS_ADMIN"))];
}

/** clone3 hides its flags behind a pointer, which a filter cannot follow; told that there is none, a libc uses clone. */
function cloneRules(mayMakeNamespaces: boolean): SeccompRule[] {
  if (mayMakeNamespaces) return [{ names: ["clone", "clone3"], action: "allow" }];
  return [
    { names: ["clone"], action: "allow", args: [{ index: 0, mask: BigInt(NEW_NAMESPACES), value: 0n }] },
    { names: ["clone"], action: EPERM },
    { names: ["clone3"], action: ENOSYS },
  ];
}
