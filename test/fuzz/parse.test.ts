import { suite } from "uvu";
import { expectNothingFound } from "./expect-nothing-found.js";

const test = suite("fuzzing the tar parser");

test("no archive crashes it", () => expectNothingFound("parse", 60));

test.run();
