/** A system call as a filter sees it: struct seccomp_data of linux/seccomp.h. */
export interface Call {
  architecture: number;
  number: number;
  args?: bigint[];
}

export const AUDIT_ARCH_X86_64 = 0xc000003e;
export const AUDIT_ARCH_I386 = 0x40000003;

const SECCOMP_RET_ALLOW = 0x7fff0000;
const SECCOMP_RET_ERRNO = 0x00050000;

/** Runs a classic BPF program over one call, with the few instructions a filter is made of; `allow` or an errno. */
export function evaluate(program: Buffer, call: Call): "allow" | number {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(call.number >>> 0, 0);
  data.writeUInt32LE(call.architecture, 4);
  for (const [index, arg] of (call.args ?? []).entries()) data.writeBigUInt64LE(arg, 16 + index * 8);
  let accumulator = 0;
  for (let at = 0; at < program.length / 8; at++) {
    const code = program.readUInt16LE(at * 8);
    const yes = program.readUInt8(at * 8 + 2);
    const no = program.readUInt8(at * 8 + 3);
    const operand = program.readUInt32LE(at * 8 + 4);
    if (code === 0x20) accumulator = data.readUInt32LE(operand);
    else if (code === 0x54) accumulator = (accumulator & operand) >>> 0;
    else if (code === 0x05) at += operand;
    else if (code === 0x15) at += accumulator === operand ? yes : no;
    else if (code === 0x35) at += accumulator >= operand ? yes : no;
    else if (code === 0x06) return answer(operand);
    else throw new Error(`instruction ${at} has code ${code}`);
  }
  throw new Error("the program ends without an answer");
}

function answer(value: number): "allow" | number {
  if (value === SECCOMP_RET_ALLOW) return "allow";
  if ((value & 0x7fff0000) === SECCOMP_RET_ERRNO) return value & 0xffff;
  throw new Error(`answer ${value}`);
}
