import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DetachKeys } from "../../../src/cli/terminal/detach-keys.js";

const test = suite("Ctrl-P Ctrl-Q");
const ctrlP = "\u0010";
const ctrlQ = "\u0011";

function feed(...chunks: string[]): { pass: string; detach: boolean } {
  const keys = new DetachKeys();
  let pass = "";
  for (const chunk of chunks) {
    const step = keys.feed(Buffer.from(chunk));
    pass += Buffer.from(step.pass).toString();
    if (step.detach) return { pass, detach: true };
  }
  return { pass, detach: false };
}

test("what is typed before goes on, what comes after does not", () => {
  assert.equal(feed(`ab${ctrlP}${ctrlQ}cd`), { pass: "ab", detach: true });
});

test("the two keys may arrive apart", () => {
  assert.equal(feed("a", ctrlP, ctrlQ), { pass: "a", detach: true });
});

test("a Ctrl-P that begins nothing goes on with the next key", () => {
  assert.equal(feed(ctrlP), { pass: "", detach: false });
  assert.equal(feed(ctrlP, "x"), { pass: `${ctrlP}x`, detach: false });
  assert.equal(feed(ctrlP, ctrlP, ctrlQ), { pass: ctrlP, detach: true });
});

test("a Ctrl-Q alone goes on", () => {
  assert.equal(feed(`a${ctrlQ}b`), { pass: `a${ctrlQ}b`, detach: false });
});

test.run();
