import { suite } from "uvu";
import * as assert from "uvu/assert";
import { scanCbor } from "../../src/channel/cbor-scan.js";
import { createCodec } from "../../src/channel/codec.js";

const test = suite("cbor scanner");
const limits = { maxDepth: 4, maxValues: 16 };

function scan(hex: string, tags?: ReadonlySet<number>): void {
  scanCbor(Buffer.from(hex, "hex"), limits, tags);
}

test("well-formed values pass", () => {
  for (const hex of [
    "00",
    "1bffffffffffffffff",
    "3903e7",
    "43010203",
    "6161",
    "83010203",
    "a26161016162f6",
    "f97e00",
  ]) {
    scan(hex);
  }
  scan("8181818100");
  scan("fb3ff8000000000000");
  scan("c11a00000000", new Set([1]));
});

const refused: Record<string, string> = {
  "nothing at all": "",
  "a second value": "0000",
  "a cut integer": "19ff",
  "a string beyond the end": "650000",
  "bytes of 2^64": "5bffffffffffffffff",
  "an array of 2^32": "9affffffff",
  "a map of 2^63": "bb8000000000000000",
  "five levels": "818181818100",
  "more values than allowed": "910000000000000000000000000000000000",
  "an indefinite array": "9f00ff",
  "indefinite bytes": "5f4100ff",
  "a lone break": "ff",
  "a reserved length": "1c",
  "an unassigned simple value": "e0",
  "a simple value of two bytes": "f8ff",
  "a bignum (quadratic to decode)": "c24101",
  "a record of cbor-x (reaches new Function)": "d8698161610a",
  "a regular expression": "d81b8261616167",
  "a cyclic reference": "d81c81d81d00",
  "a key that is a number": "a10000",
  "a key that is a map": "a1a000",
};
for (const [name, hex] of Object.entries(refused)) {
  test(`refused: ${name}`, () => {
    assert.throws(() => scan(hex), /malformed CBOR at byte/);
  });
}

test("what the codec writes is plain CBOR: no tags, whole numbers as integers, absent fields left out", () => {
  const codec = createCodec("granule.v1.cbor", { maxDepth: 8, maxValues: 64 });
  const bytes = codec.encode([2, 1, { big: 2 ** 40, low: -(2 ** 40), part: 0.5, absent: undefined, data: [1] }]);
  const expected = `8302 01 a4 63626967 1b0000010000000000 636c6f77 3b000000ffffffffff 6470617274 fb3fe0000000000000 6464617461 8101`;
  assert.is(Buffer.from(bytes as Uint8Array).toString("hex"), expected.replaceAll(" ", ""));
  assert.equal(codec.decode(bytes), [2, 1, { big: 2 ** 40, low: -(2 ** 40), part: 0.5, data: [1] }]);
});

test("a __proto__ key reaches no prototype", () => {
  const codec = createCodec("granule.v1.cbor", { maxDepth: 8, maxValues: 64 });
  const frame = codec.decode(Buffer.from("830201a1695f5f70726f746f5f5fa1616101", "hex"));
  assert.is((frame[2] as { a?: number }).a, undefined);
});

test("json is held to the same bounds", () => {
  const codec = createCodec("granule.v1.json", limits);
  assert.throws(() => codec.decode(`[2,1,${"[".repeat(9)}${"]".repeat(9)}]`), /nesting deeper/);
  assert.throws(() => codec.decode(`[2,1,[${"0,".repeat(20)}0]]`), /more than 16 values/);
  assert.throws(() => codec.decode("[2,1"), /not JSON/);
  assert.throws(() => codec.decode('[5,1,"*"]'), /not base64/);
  assert.equal(codec.decode('[5,1,"AP8="]'), [5, 1, new Uint8Array([0, 255])]);
});

test.run();
