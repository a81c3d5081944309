import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseChanges } from "../../../src/cli/parse/import-change.js";

const test = suite("changes of an imported image");

test("each instruction sets its part", () => {
  const config = parseChanges([
    'CMD ["/bin/app", "--flag"]',
    "entrypoint exec /bin/wrap",
    "ENV A=1",
    "ENV B=two words",
    "WORKDIR /app",
    "USER 1000:1000",
    "STOPSIGNAL SIGINT",
    "LABEL team=a",
  ]);
  assert.equal(config, {
    cmd: ["/bin/app", "--flag"],
    entrypoint: ["/bin/sh", "-c", "exec /bin/wrap"],
    env: ["A=1", "B=two words"],
    workingDir: "/app",
    user: "1000:1000",
    stopSignal: "SIGINT",
    labels: { team: "a" },
  });
});

for (const line of ["", "CMD", "FROM x", 'CMD ["a"', "CMD [1]", "ENV A"]) {
  test(`'${line}' is refused`, () => {
    assert.throws(
      () => parseChanges([line]),
      (error: { code: string }) => error.code === "INVALID_ARGUMENT",
    );
  });
}

test.run();
