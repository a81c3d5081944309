import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { GranuleError } from "../../src/errors.js";
import { openDatabase } from "../../src/state/database.js";

const database = suite<{ folder: string }>("database");

database.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), "granule-db-"));
});
database.after.each((context) => rmSync(context.folder, { recursive: true }));

database("keeps rows across a close, and 64-bit numbers whole", ({ folder }) => {
  const path = join(folder, "granule.db");
  const large = 1_795_000_000_123_456_789n;
  const first = openDatabase(path);
  assert.is(first.warning, undefined);
  first.database
    .prepare("INSERT INTO images(id, config, layers, size, created_at) VALUES('i', '{}', '[]', ?, '')")
    .run(large);
  first.database.close();

  const second = openDatabase(path);
  const row = second.database.prepare("SELECT size FROM images").safeIntegers().get();
  assert.is((row as { size: bigint }).size, large);
  second.database.close();
});

database("refuses a newer schema and leaves the file as it is", ({ folder }) => {
  const path = join(folder, "granule.db");
  const { database: opened } = openDatabase(path);
  opened.exec("PRAGMA user_version = 999");
  opened.close();
  try {
    openDatabase(path);
    assert.unreachable();
  } catch (thrown) {
    assert.ok(thrown instanceof GranuleError);
    assert.is(thrown.code, "FAILED_PRECONDITION");
    assert.match(thrown.message, "newer");
  }
});

database("sets a damaged file aside and says so", ({ folder }) => {
  const path = join(folder, "granule.db");
  writeFileSync(path, "this is no database, however long it may look to the reader".repeat(100));
  const opened = openDatabase(path);
  assert.ok(opened.warning);
  assert.ok(readdirSync(folder).some((name) => name.startsWith("granule.db.damaged-")));
  assert.equal(opened.database.prepare("SELECT * FROM images").all(), []);
  opened.database.close();
});

database.run();
