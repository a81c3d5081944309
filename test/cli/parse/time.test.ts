import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseDuration, parseTime } from "../../../src/cli/parse/time.js";

const test = suite("durations and times on the command line");
const now = Date.parse("2026-11-23T12:00:00.000Z");

test("durations", () => {
  assert.is(parseDuration("90s"), 90_000);
  assert.is(parseDuration("1h30m"), 5_400_000);
  assert.is(parseDuration("250ms"), 250);
  assert.is(parseDuration("1.5s"), 1500);
  assert.is(parseDuration("2d"), 172_800_000);
  assert.is(parseDuration("30"), 30_000);
});

test("a duration as a time lies before now", () => {
  assert.is(parseTime("10m", now), "2026-11-23T11:50:00.000Z");
});

test("dates, with a zone and as seconds since the epoch", () => {
  assert.is(parseTime("2026-11-23T10:00:00Z", now), "2026-11-23T10:00:00.000Z");
  assert.is(parseTime("2026-11-23T10:00:00.25+02:00", now), "2026-11-23T08:00:00.250Z");
  assert.is(parseTime("1790000000.5", now), new Date(1_790_000_000_500).toISOString());
});

test("a date without a zone is local", () => {
  assert.is(parseTime("2026-11-23", now), new Date(2026, 10, 23).toISOString());
  assert.is(parseTime("2026-11-23T10:30", now), new Date(2026, 10, 23, 10, 30).toISOString());
});

for (const text of ["", "yesterday", "10x", "2026-13-45", "2026-11-23T99:00:00Z", "-5m", "m"]) {
  test(`the time '${text}' is refused`, () => {
    assert.throws(
      () => parseTime(text, now),
      (error: { code: string }) => error.code === "INVALID_ARGUMENT",
    );
  });
  test(`the duration '${text}' is refused`, () => {
    assert.throws(
      () => parseDuration(text),
      (error: { code: string }) => error.code === "INVALID_ARGUMENT",
    );
  });
}

test.run();
