import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Channel } from "../../src/channel/channel.js";
import { connect } from "../../src/channel/connect.js";
import type { AuditEntry, Principal } from "../../src/channel/principal.js";
import { GranuleError } from "../../src/errors.js";
import { FakeRuntime } from "./fake-runtime.js";

const test = suite("channel principals");

const PRINCIPALS: Record<string, Principal> = {
  "Bearer read": { name: "token:read", role: "reader" },
  "Bearer operate": { name: "token:operate", role: "operator" },
};

/** An HTTP server of the embedder's own, to which a channel is attached. */
async function attached(audit: (entry: AuditEntry) => void = () => {}) {
  const runtime = new FakeRuntime();
  const channel = await Channel.open(runtime, {
    audit,
    authenticate: async ({ headers }) => {
      const found = PRINCIPALS[headers.authorization ?? ""];
      if (found === undefined) throw new GranuleError("UNAUTHENTICATED", "no such token");
      return found;
    },
  });
  const http = createServer((_request, response) => response.end("mine"));
  channel.attach(http, "/granule");
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const address = `127.0.0.1:${(http.address() as AddressInfo).port}`;
  return {
    runtime,
    url: `ws://${address}/granule`,
    address,
    http,
    [Symbol.asyncDispose]: async () => {
      await channel.close({ graceMs: 0 });
      http.close();
      http.closeAllConnections();
    },
  };
}

async function refusal(promise: Promise<unknown>): Promise<GranuleError> {
  try {
    await promise;
  } catch (thrown) {
    return GranuleError.from(thrown);
  }
  throw new Error("expected a refusal");
}

test("who calls is asked at the upgrade, and holds for the connection", async () => {
  await using s = await attached();
  const reader = await connect(s.url, { token: "read" });
  await reader.containers.list();
  const error = await refusal(reader.containers.run({ image: "app:1" }));
  assert.is(error.code, "PERMISSION_DENIED");
  assert.match(error.message, "token:read");
  const operator = await connect(s.url, { token: "operate" });
  await operator.containers.run({ image: "app:1" });
  assert.match((await refusal(connect(s.url, { token: "none" }))).message, "401");
  assert.match((await refusal(connect(s.url))).message, "401");
  await reader.close();
  await operator.close();
});

test("an embedder's server keeps its own pages, and its other upgrades", async () => {
  await using s = await attached();
  assert.is(await (await fetch(`http://${s.address}/`)).text(), "mine");
  s.http.on("upgrade", ({ url }, socket) => {
    if (url === "/other") socket.end("HTTP/1.1 418 I am a teapot\r\nConnection: close\r\n\r\n");
  });
  assert.match((await refusal(connect(`ws://${s.address}/other`, { token: "read" }))).message, "418");
});

test("each call that changes state is told to the audit with its outcome", async () => {
  const entries: AuditEntry[] = [];
  await using s = await attached((entry) => entries.push(entry));
  const operator = await connect(s.url, { token: "operate" });
  const container = await operator.containers.run({ image: "app:1", name: "a" });
  await container.inspect();
  await container.kill();
  await refusal(operator.containers.create({} as never));
  await refusal(operator.images.remove("app:1"));
  assert.equal(
    entries.map(({ principal, method, target, outcome }) => [principal.name, method, target, outcome]),
    [
      ["token:operate", "containers.run", "a", "OK"],
      ["token:operate", "containers.kill", container.id, "OK"],
      ["token:operate", "containers.create", undefined, "INVALID_ARGUMENT"],
      ["token:operate", "images.remove", "app:1", "PERMISSION_DENIED"],
    ],
  );
  await operator.close();
});

test.run();
