import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { GranuleError } from "../../src/errors.js";
import { LocalTokens } from "../../src/runtime/tokens.js";
import { type Database, openDatabase } from "../../src/state/database.js";

const test = suite<{ folder: string; database: Database; tokens: LocalTokens; clock: { now: number } }>("tokens");

test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), "granule-tokens-"));
  context.database = openDatabase(join(context.folder, "granule.db")).database;
  const clock = { now: Date.parse("2026-01-01T00:00:00Z") };
  context.clock = clock;
  context.tokens = new LocalTokens(context.database, () => clock.now);
});

test.after.each(({ folder, database }) => {
  database.close();
  rmSync(folder, { recursive: true });
});

async function refusal(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (thrown) {
    return GranuleError.from(thrown).code;
  }
  throw new Error("expected a refusal");
}

test("a token is told once, and holds until it is revoked", async ({ tokens }) => {
  const { token, ...info } = await tokens.create({ role: "operator", name: "ci", selector: { team: "a" } });
  assert.equal(await tokens.list(), [info]);
  const { lastUsedAt, ...known } = tokens.verify(token) ?? {};
  assert.equal(known, info);
  assert.is(lastUsedAt, undefined);
  assert.is((await tokens.list())[0]?.lastUsedAt, "2026-01-01T00:00:00.000Z");
  const told: string[] = [];
  tokens.onRevoked((id) => told.push(id));
  await tokens.revoke("ci");
  assert.equal(told, [info.id]);
  assert.is(tokens.verify(token), undefined);
  assert.is(tokens.current(info.id), undefined);
  assert.equal(await tokens.list(), []);
  assert.is(await refusal(tokens.revoke("ci")), "NOT_FOUND");
});

test("nothing on disk holds the secret", async ({ tokens, folder, database }) => {
  const { token } = await tokens.create({ role: "admin" });
  database.pragma("wal_checkpoint(TRUNCATE)");
  const secret = token.split("_").slice(2).join("_");
  for (const file of ["granule.db", "granule.db-wal"]) {
    const text = readFileSync(join(folder, file), "latin1");
    assert.not(text.includes(secret));
    assert.not(text.includes(Buffer.from(secret, "base64url").toString("latin1")));
  }
});

test("what differs in any part is no token", async ({ tokens }) => {
  const { token } = await tokens.create({ role: "reader" });
  const other = await tokens.create({ role: "reader" });
  const [, id = "", ...secret] = token.split("_");
  const changed = token.slice(0, -1) + (token.endsWith("A") ? "B" : "A");
  const crossed = `granule_${id}_${other.token.split("_").slice(2).join("_")}`;
  for (const wrong of ["", "x", changed, crossed, `${token} `, `${token}A`, token.toUpperCase(), secret.join("_")]) {
    assert.is(tokens.verify(wrong), undefined, wrong);
  }
  assert.ok(tokens.verify(token));
});

test("a token that expires is refused from that instant on", async ({ tokens, clock }) => {
  const { token, id, expiresAt } = await tokens.create({ role: "reader", expiresInSeconds: 60 });
  assert.is(expiresAt, "2026-01-01T00:01:00.000Z");
  clock.now += 59_999;
  assert.ok(tokens.verify(token));
  assert.ok(tokens.current(id));
  clock.now += 1;
  assert.is(tokens.verify(token), undefined);
  assert.is(tokens.current(id), undefined);
});

test("its use is written down once a minute", async ({ tokens, clock }) => {
  const { token } = await tokens.create({ role: "reader" });
  for (const seconds of [0, 59, 1]) {
    clock.now += seconds * 1000;
    tokens.verify(token);
    if (seconds === 59) assert.is((await tokens.list())[0]?.lastUsedAt, "2026-01-01T00:00:00.000Z");
  }
  assert.is((await tokens.list())[0]?.lastUsedAt, "2026-01-01T00:01:00.000Z");
});

test("names are unique, and none is another's id", async ({ tokens }) => {
  const first = await tokens.create({ role: "reader", name: "a" });
  assert.is(await refusal(tokens.create({ role: "reader", name: "a" })), "ALREADY_EXISTS");
  assert.is(await refusal(tokens.create({ role: "reader", name: first.id })), "ALREADY_EXISTS");
});

test("what would be another access than it seems is refused", async ({ tokens }) => {
  const cases: Parameters<LocalTokens["create"]>[0][] = [
    { role: "root" as "admin" },
    { role: "reader", selector: {} },
    { role: "reader", selector: { "": "a" } },
    { role: "reader", expiresInSeconds: 0 },
    { role: "reader", expiresInSeconds: -1 },
    { role: "reader", expiresInSeconds: Number.NaN },
    { role: "reader", name: "" },
    { role: "reader", name: "a b" },
    { role: "reader", name: "-a" },
    { role: "reader", name: "\u001b[31m" },
  ];
  for (const options of cases)
    assert.is(await refusal(tokens.create(options)), "INVALID_ARGUMENT", JSON.stringify(options));
  assert.equal(await tokens.list(), []);
});

test.run();
