import { suite } from "uvu";
import { expectNothingFound } from "./expect-nothing-found.js";

const test = suite("fuzzing the layer writer");

test("no archive crashes it, or leads out of the layer's folder", () => expectNothingFound("unpack", 10));

test.run();
