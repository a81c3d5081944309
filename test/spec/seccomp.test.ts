import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { native, type SeccompRule } from "../../src/native.js";
import { defaultCapabilities } from "../../src/spec/capability-sets.js";
import type { CapabilityName } from "../../src/spec/linux/capabilities.js";
import { CLONE_NEWNET, CLONE_NEWUSER } from "../../src/spec/linux/namespaces.js";
import { seccompProgram } from "../../src/spec/seccomp.js";
import { allowedCalls, guardedCalls, refusedCalls } from "../../src/spec/seccomp-calls.js";
import { AUDIT_ARCH_I386, AUDIT_ARCH_X86_64, evaluate } from "./bpf-interpreter.js";

const { EPERM, ENOSYS } = constants.errno;
const x64 = { read: 0, socket: 41, clone: 56, personality: 135, mount: 165, keyctl: 250, bpf: 321, clone3: 435 };
const fchmodat2 = 452;

const seccomp = suite("seccomp");
const program = seccompProgram(defaultCapabilities);

function decide(number: number, ...args: bigint[]): "allow" | number {
  return evaluate(program, { architecture: AUDIT_ARCH_X86_64, number, args });
}

function programWith(...more: CapabilityName[]): Buffer {
  return seccompProgram([...defaultCapabilities, ...more]);
}

seccomp("allows what every program does", () => {
  for (const number of [x64.read, 1, 59, 231, fchmodat2]) assert.is(decide(number), "allow");
});

seccomp("answers EPERM to what needs a capability that is not held", () => {
  for (const number of [x64.mount, x64.bpf, x64.keyctl, 304, 425]) assert.is(decide(number), EPERM);
});

seccomp("lets a capability bring its calls", () => {
  const call = { architecture: AUDIT_ARCH_X86_64, number: x64.bpf };
  assert.is(evaluate(programWith("CAP_BPF"), call), "allow");
  assert.is(evaluate(programWith("CAP_SYS_ADMIN"), call), "allow");
  assert.is(evaluate(programWith("CAP_SYS_ADMIN"), { ...call, number: x64.clone3 }), "allow");
  assert.is(evaluate(programWith("CAP_SYS_ADMIN"), { ...call, number: x64.keyctl }), EPERM);
});

seccomp("answers ENOSYS to calls that are newer than the list", () => {
  for (const number of [471, 600, 0x3fff_ffff]) assert.is(decide(number), ENOSYS);
});

seccomp("lets threads and processes be made, and no namespaces", () => {
  const SIGCHLD = 17n;
  const pthread = 0x3d0f00n;
  assert.is(decide(x64.clone, SIGCHLD), "allow");
  assert.is(decide(x64.clone, pthread), "allow");
  assert.is(decide(x64.clone, SIGCHLD | BigInt(CLONE_NEWUSER)), EPERM);
  assert.is(decide(x64.clone, SIGCHLD | BigInt(CLONE_NEWNET)), EPERM);
  assert.is(decide(x64.clone3), ENOSYS);
});

seccomp("refuses sockets of the virtual machine family, whatever the upper half of the argument says", () => {
  assert.is(decide(x64.socket, 1n), "allow");
  assert.is(decide(x64.socket, 2n), "allow");
  assert.is(decide(x64.socket, 40n), EPERM);
  assert.is(decide(x64.socket, 40n | (1n << 32n)), EPERM);
});

seccomp("allows the personalities of Linux, and none that weakens the process", () => {
  const ADDR_NO_RANDOMIZE = 0x0040000n;
  for (const persona of [0n, 8n, 0xffffffffn]) assert.is(decide(x64.personality, persona), "allow");
  assert.is(decide(x64.personality, ADDR_NO_RANDOMIZE), EPERM);
});

seccomp("refuses x32 calls and unknown ABIs", () => {
  assert.is(decide(0x4000_0000 + x64.read), ENOSYS);
  assert.is(evaluate(program, { architecture: 0xc00000b7, number: x64.read }), ENOSYS);
});

seccomp("filters i386 by its own numbers", () => {
  const i386 = (number: number, ...args: bigint[]) =>
    evaluate(program, { architecture: AUDIT_ARCH_I386, number, args });
  assert.is(i386(3), "allow");
  assert.is(i386(21), EPERM);
  assert.is(i386(102), EPERM);
  assert.is(i386(120, BigInt(CLONE_NEWUSER)), EPERM);
  assert.is(i386(359, 40n), EPERM);
});

seccomp("names each call in one list only", () => {
  const names = [...Object.values(allowedCalls), ...guardedCalls.map((guarded) => guarded.names), refusedCalls].flat();
  const twice = names.filter((name, index) => names.indexOf(name) !== index);
  assert.equal(twice, []);
});

seccomp("stays short, as its length is paid for at every start", () => {
  assert.ok(program.length / 8 <= 260, `${program.length / 8} instructions`);
});

seccomp("is taken by the kernel", () => {
  // A user that may do everything still cannot mount once the filter is on.
  const folder = mkdtempSync(join(tmpdir(), "granule-seccomp-"));
  try {
    const file = join(folder, "program");
    writeFileSync(file, program);
    const script = [
      "import ctypes, os, sys",
      "libc = ctypes.CDLL(None, use_errno=True)",
      "code = open(sys.argv[1], 'rb').read()",
      "class Program(ctypes.Structure): _fields_ = [('length', ctypes.c_ushort), ('code', ctypes.c_char_p)]",
      "assert libc.prctl(38, 1, 0, 0, 0) == 0",
      "assert libc.prctl(22, 2, ctypes.byref(Program(len(code) // 8, code))) == 0, ctypes.get_errno()",
      "assert libc.mount(b'none', b'/granule-nowhere', b'tmpfs', 0, None) == -1",
      "print(ctypes.get_errno())",
    ].join("\n");
    const child = spawnSync("python3", ["-c", script, file], { encoding: "utf8" });
    assert.is(child.stderr, "");
    assert.is(child.stdout.trim(), String(EPERM));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

seccomp("keeps compiled programs on disk, and makes a damaged one anew", () => {
  const folder = mkdtempSync(join(tmpdir(), "granule-seccomp-"));
  try {
    const cache = join(folder, "seccomp");
    const capabilities: CapabilityName[] = ["CAP_CHOWN", "CAP_LEASE"];
    const made = seccompProgram(capabilities, cache);
    const [name] = readdirSync(cache);
    const path = join(cache, name as string);
    assert.is(statSync(path).mode & 0o777, 0o600);
    assert.ok(readFileSync(path).subarray(32).equals(made));

    // The same list of rules for another set: the file is read, not the memory of this process.
    const damaged = readFileSync(path);
    damaged[40] = (damaged[40] as number) ^ 1;
    writeFileSync(path, damaged);
    assert.ok(seccompProgram(["CAP_CHOWN", "CAP_LEASE", "CAP_FOWNER"], cache).equals(made));
    assert.ok(readFileSync(path).subarray(32).equals(made));
    assert.equal(readdirSync(cache), [name]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

seccomp("decides by the first rule whose arguments match, over the whole width of an argument", () => {
  const wide = 0x1234_5678_9abc_def0n;
  const all = 0xffff_ffff_ffff_ffffn;
  const rules: SeccompRule[] = [
    {
      names: ["read"],
      action: 5,
      args: [
        { index: 1, mask: all, value: wide },
        { index: 5, mask: all, value: 1n },
      ],
    },
    { names: ["read"], action: "allow" },
    { names: ["no_such_call"], action: "allow" },
  ];
  const compiled = native().compileSeccomp(EPERM, rules);
  const read = (...args: bigint[]) => evaluate(compiled, { architecture: AUDIT_ARCH_X86_64, number: 0, args });
  assert.is(read(0n, wide, 0n, 0n, 0n, 1n), 5);
  assert.is(read(0n, wide, 0n, 0n, 0n, 1n << 32n), "allow");
  assert.is(read(0n, wide + 1n, 0n, 0n, 0n, 1n), "allow");
  assert.is(read(0n, wide ^ (1n << 63n), 0n, 0n, 0n, 1n), "allow");
  assert.is(evaluate(compiled, { architecture: AUDIT_ARCH_X86_64, number: 1 }), EPERM);
});

seccomp("stays right where its jumps exceed a byte", () => {
  const names = Object.values(allowedCalls).flat();
  const rules: SeccompRule[] = names.map((name, index) => ({
    names: [name],
    action: 1 + (index % 100),
    args: [{ index: 0, mask: 0xffff_ffff_ffff_ffffn, value: BigInt(index) + (1n << 40n) }],
  }));
  const compiled = native().compileSeccomp(ENOSYS, rules);
  assert.ok(compiled.length / 8 > 1000);
  const index = names.indexOf("read");
  const call = { architecture: AUDIT_ARCH_X86_64, number: x64.read };
  assert.is(evaluate(compiled, { ...call, args: [BigInt(index) + (1n << 40n)] }), 1 + (index % 100));
  assert.is(evaluate(compiled, { ...call, args: [BigInt(index)] }), ENOSYS);
  for (let number = 0; number < 500; number++) evaluate(compiled, { ...call, number });
});

seccomp.run();
