import { arch } from "node:process";
import type { SeccompRule } from "../../src/native.js";
import { DEFAULT_ERRNO, seccompRules } from "../../src/spec/seccomp-rules.js";

interface OciSyscall {
  names: string[];
  action: "SCMP_ACT_ALLOW" | "SCMP_ACT_ERRNO";
  errnoRet?: number;
  args?: { index: number; value: number; valueTwo: number; op: "SCMP_CMP_MASKED_EQ" }[];
}

const architectures: Record<string, string> = { x64: "SCMP_ARCH_X86_64", arm64: "SCMP_ARCH_AARCH64" };

/**
 * granule's own system call filter as an OCI runtime takes it (config-linux.md, Seccomp). There a call has either one
 * rule or several with arguments, so that a catch-all behind those is left to the default.
 */
export function ociSeccomp(capabilities: Parameters<typeof seccompRules>[0]): unknown {
  const rules = seccompRules(capabilities);
  const open = new Set(rules.filter((rule) => !rule.args && rule.action === "allow").flatMap((rule) => rule.names));
  const guarded = new Set(rules.filter((rule) => rule.args).flatMap((rule) => rule.names));
  const syscalls = rules.map((rule): OciSyscall => {
    const names = rule.names.filter((name) => (rule.args ? !open.has(name) : open.has(name) || !guarded.has(name)));
    return { names, ...actionOf(rule), ...argumentsOf(rule) };
  });
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: DEFAULT_ERRNO,
    architectures: [architectures[arch]],
    syscalls: syscalls.filter((syscall) => syscall.names.length > 0),
  };
}

function actionOf({ action }: SeccompRule): Pick<OciSyscall, "action" | "errnoRet"> {
  return action === "allow" ? { action: "SCMP_ACT_ALLOW" } : { action: "SCMP_ACT_ERRNO", errnoRet: action };
}

function argumentsOf({ args }: SeccompRule): Pick<OciSyscall, "args"> {
  if (args === undefined) return {};
  return {
    args: args.map(({ index, mask, value }) => ({
      index,
      value: Number(mask),
      valueTwo: Number(value),
      op: "SCMP_CMP_MASKED_EQ",
    })),
  };
}
