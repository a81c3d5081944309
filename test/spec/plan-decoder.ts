import { Op, type OpName, PLAN_MAGIC } from "../../src/spec/plan-ops.js";

export interface DecodedOp {
  name: OpName;
  numbers: bigint[];
  strings: string[];
  raw: Buffer;
}

const names = new Map(Object.entries(Op).map(([name, number]) => [number as number, name as OpName]));

/** Reads a plan as native/launch/plan.h describes it, and refuses what breaks the description. */
export function decodePlan(plan: Buffer): DecodedOp[] {
  if (plan.toString("latin1", 0, 8) !== PLAN_MAGIC) throw new Error("magic");
  if (plan.readUInt32LE(8) !== plan.length) throw new Error("length");
  const ops: DecodedOp[] = [];
  let at = 16;
  while (at < plan.length) {
    const name = names.get(plan.readUInt32LE(at));
    const bytes = plan.readUInt32LE(at + 4);
    if (name === undefined || bytes % 8 !== 0 || at + 8 + bytes > plan.length) throw new Error(`op at ${at}`);
    const payload = plan.subarray(at + 8, at + 8 + bytes);
    const count = Number(payload.readBigUInt64LE(0));
    const numbers = Array.from({ length: count }, (_, index) => payload.readBigUInt64LE(8 + index * 8));
    const raw = payload.subarray(8 + count * 8);
    const strings: string[] = [];
    if (name !== "Seccomp") {
      for (let from = 0, nul = raw.indexOf(0); nul !== -1 && nul >= from; nul = raw.indexOf(0, from)) {
        strings.push(raw.toString("utf8", from, nul));
        from = nul + 1;
      }
      // Padding reads as empty strings.
      while (strings.at(-1) === "") strings.pop();
    }
    ops.push({ name, numbers, strings, raw });
    at += 8 + bytes;
  }
  if (ops.length !== plan.readUInt32LE(12)) throw new Error("count");
  return ops;
}
