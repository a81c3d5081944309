import { once } from "node:events";
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Runtime } from "../../src/api.js";
import { connect } from "../../src/channel/connect.js";
import { attachChannel } from "../../src/channel/embed.js";
import { readTlsFiles } from "../../src/channel/listen/tls.js";
import { Authority } from "./certificates.js";
import { refusal, Serviced, type ServicedOptions, serviceConfig } from "./serviced.js";

const folder = mkdtempSync(join(tmpdir(), "granule-tls-"));
const authority = new Authority(join(folder, "ours"));
const strangers = new Authority(join(folder, "strangers"), "another authority");
const server = authority.issue("server", "/CN=server");
const ca = readFileSync(authority.ca);

const test = suite("channel over TLS");
test.after(() => rmSync(folder, { recursive: true }));

const read = ({ cert, key }: { cert: string; key: string }) => ({
  ca,
  cert: readFileSync(cert),
  key: readFileSync(key),
});

function open(options: ServicedOptions = {}): Promise<Serviced> {
  return Serviced.open({ listen: ["wss://127.0.0.1:0"], tls: server, ...options });
}

test("a token is needed, and gives its role", async () => {
  await using s = await open();
  const url = s.url("wss:");
  const none = await refusal(connect(url, { tls: { ca } }));
  assert.is(none.code, "UNAUTHENTICATED");
  assert.match(none.hint ?? "", "--token-file");
  const { token } = await s.tokens.create({ role: "reader" });
  const client = await connect(url, { token, tls: { ca } });
  await client.containers.list();
  assert.is((await refusal(client.containers.run({ image: "app" }))).code, "PERMISSION_DENIED");
  await client.close();
  const wrong = await refusal(connect(url, { token: `${token.slice(0, -1)}!`, tls: { ca } }));
  assert.is(wrong.code, "UNAUTHENTICATED");
  assert.not(JSON.stringify(s.lines).includes(token));
});

test("a token that has expired is refused, and one that expires ends its connections", async () => {
  await using s = await open();
  const url = s.url("wss:");
  const { token } = await s.tokens.create({ role: "reader", expiresInSeconds: 0.4 });
  const client = await connect(url, { token, tls: { ca } });
  await until(() => s.service.connections === 0);
  assert.match((await refusal(connect(url, { token, tls: { ca } }))).message, "expired");
  await client.close();
});

test("a token that is revoked ends its connections, and no others", async () => {
  await using s = await open();
  const url = s.url("wss:");
  const first = await s.tokens.create({ role: "reader" });
  const second = await s.tokens.create({ role: "reader" });
  const revoked = await connect(url, { token: first.token, tls: { ca } });
  const kept = await connect(url, { token: second.token, tls: { ca } });
  await s.tokens.revoke(first.id);
  await until(() => s.service.connections === 1);
  await refusal(revoked.containers.list());
  await kept.containers.list();
  await kept.close();
  await revoked.close();
});

test("a server is not spoken to whose certificate is not known, has expired or is for others", async () => {
  await using s = await open();
  const unknown = await refusal(connect(s.url("wss:"), { token: "x" }));
  assert.is(unknown.code, "UNAVAILABLE");
  assert.match(unknown.message, "authority that is not known here");
  assert.match(unknown.hint ?? "", "--tls-ca");
  const { token } = await s.tokens.create({ role: "reader" });
  await (await connect(s.url("wss:").replace("127.0.0.1", "localhost"), { token, tls: { ca } })).close();
  const plain = await refusal(connect(s.url("wss:").replace("wss:", "ws:"), { token }));
  assert.match(plain.hint ?? "", "wss://");
});

test("a token never goes over a plain connection to another host", async () => {
  const error = await refusal(connect("ws://192.0.2.1:1/", { token: "granule_x" }));
  assert.is(error.code, "INVALID_ARGUMENT");
  assert.match(error.hint ?? "", "wss://");
});

test("a client certificate has the role of its subject", async () => {
  const certificates = [
    { subject: { CN: "ci", O: "granule" }, role: "operator" as const, selector: { team: "a" } },
    { subject: { CN: "look" }, role: "reader" as const },
  ];
  await using s = await open({ tls: { ...server, clientCa: authority.ca }, access: { certificates } });
  const url = s.url("wss:");
  const as = (name: string, subject: string, from = authority, days = 30) =>
    connect(url, { tls: read(from.issue(name, subject, { days })) });
  const ci = await as("ci", "/O=granule/CN=ci");
  const container = await ci.containers.create({ image: "app" });
  assert.equal((await container.inspect()).options.tags, { team: "a" });
  const look = await as("look", "/CN=look/OU=x");
  assert.is((await refusal(look.containers.create({ image: "app" }))).code, "PERMISSION_DENIED");
  const cases: [Promise<Runtime>, string, string][] = [
    [as("other", "/CN=other"), "PERMISSION_DENIED", "CN=other"],
    [as("half", "/CN=ci"), "PERMISSION_DENIED", "CN=ci"],
    [as("two", "/CN=look/CN=other"), "PERMISSION_DENIED", "no role"],
    [as("stranger", "/O=granule/CN=ci", strangers), "UNAUTHENTICATED", "not accepted"],
    [as("old", "/O=granule/CN=ci", authority, -1), "UNAUTHENTICATED", "CERT_HAS_EXPIRED"],
    [connect(url, { tls: { ca } }), "UNAUTHENTICATED", "token"],
  ];
  for (const [attempt, code, message] of cases) {
    const error = await refusal(attempt);
    assert.is(error.code, code, message);
    assert.match(error.message, message);
  }
  const { token } = await s.tokens.create({ role: "reader" });
  const tokened = await connect(url, { token, tls: read(authority.issue("both", "/O=granule/CN=ci")) });
  assert.is((await refusal(tokened.containers.create({ image: "app" }))).code, "PERMISSION_DENIED");
  for (const client of [ci, look, tokened]) await client.close();
});

test("a TLS session is not resumed, so that every client proves its certificate anew", async () => {
  await using s = await open({ tls: { ...server, clientCa: authority.ca } });
  const { port } = new URL(s.url("wss:"));
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    const options = { host: "127.0.0.1", port: Number(port), ca, maxVersion };
    const first = connectTls(options);
    let session: Buffer | undefined;
    first.on("session", (ticket: Buffer) => (session = ticket));
    await once(first, "secureConnect");
    // A page of the server makes it read on, and so hear of any ticket.
    first.write("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    first.resume();
    await once(first, "close");
    const second: TLSSocket = connectTls({ ...options, ...(session && { session }) });
    await once(second, "secureConnect");
    assert.not(second.isSessionReused(), maxVersion);
    second.destroy();
  }
});

test("reloading takes other certificates, and keeps those it has where the new ones are none", async () => {
  const files = { cert: join(folder, "live.pem"), key: join(folder, "live.key") };
  const place = (from: { cert: string; key: string }): void => {
    copyFileSync(from.cert, files.cert);
    copyFileSync(from.key, files.key);
  };
  place(server);
  await using s = await open({ tls: files });
  const serial = async (): Promise<string> => {
    const socket = connectTls({ host: "127.0.0.1", port: Number(new URL(s.url("wss:")).port), ca });
    await once(socket, "secureConnect");
    const { serialNumber } = socket.getPeerCertificate();
    socket.destroy();
    return serialNumber;
  };
  const { token } = await s.tokens.create({ role: "reader" });
  const client = await connect(s.url("wss:"), { token, tls: { ca } });
  const before = await serial();
  place(authority.issue("renewed", "/CN=server"));
  assert.is(await serial(), before);
  s.service.reload(serviceConfig({ listen: ["wss://127.0.0.1:0"], tls: files }));
  const after = await serial();
  assert.is.not(after, before);
  await client.containers.list();
  writeFileSync(files.key, readFileSync(server.key));
  assert.throws(() => s.service.reload(serviceConfig({ tls: files })), /not the certificate's/);
  assert.is(await serial(), after);
  await client.close();
});

test("an embedder's own HTTPS server carries a runtime's channel to those with its tokens", async () => {
  await using s = await open();
  const https = createHttpsServer(
    { cert: readFileSync(server.cert), key: readFileSync(server.key) },
    (_request, response) => response.end("mine"),
  );
  const attached = await attachChannel(s.runtime, https, { path: "/granule" });
  https.listen(0, "127.0.0.1");
  await once(https, "listening");
  const url = `wss://127.0.0.1:${(https.address() as AddressInfo).port}/granule`;
  assert.is((await refusal(connect(url, { tls: { ca } }))).code, "UNAUTHENTICATED");
  const { token, id } = await s.tokens.create({ role: "reader" });
  const client = await connect(url, { token, tls: { ca } });
  await client.containers.list();
  await s.tokens.revoke(id);
  await refusal(untilRefused(client));
  await client.close();
  const remote = await connect(s.url("unix:"));
  assert.is((await refusal(attachChannel(remote, https))).code, "INVALID_ARGUMENT");
  await remote.close();
  await attached.close();
  https.close();
});

/** Asks until that fails. */
async function untilRefused(client: Runtime): Promise<never> {
  for (;;) await client.containers.list();
}

test("faults of the files are named before anybody connects", () => {
  const bare = join(folder, "bare.pem");
  writeFileSync(bare, "nothing\n");
  const open = join(folder, "open.key");
  copyFileSync(server.key, open);
  const faults: [Parameters<typeof readTlsFiles>[0], RegExp][] = [
    [{ ...server, cert: join(folder, "none.pem") }, /ENOENT/],
    [{ ...server, cert: bare }, /no PEM certificate/],
    [{ ...server, key: bare }, /cannot be used|read by everybody/],
    [{ ...server, key: authority.issue("third", "/CN=x").key }, /not the certificate's/],
    [authority.issue("late", "/CN=server", { days: -1 }), /has expired/],
    [{ ...server, clientCa: bare }, /no PEM certificate/],
  ];
  for (const [files, message] of faults) assert.throws(() => readTlsFiles(files), message);
  // openssl made it with a mode of its own; whoever else may read it is the fault.
  assert.throws(() => readTlsFiles({ ...server, key: chmod(open, 0o644) }), /read by everybody/);
});

function chmod(path: string, mode: number): string {
  chmodSync(path, mode);
  return path;
}

test("a handshake that does not end is cut off: TCP, TLS and HTTP alike", async () => {
  await using s = await open({ limits: { handshakeMs: 300 }, listen: ["wss://127.0.0.1:0", "ws://127.0.0.1:0"] });
  const started = performance.now();
  const closes: Promise<unknown>[] = [];
  for (const [scheme, greeting] of [
    ["wss:", ""],
    ["wss:", "\x16\x03\x01"],
    ["ws:", ""],
    ["ws:", "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "],
  ] as const) {
    const socket = connectTcp(Number(new URL(s.url(scheme)).port), "127.0.0.1");
    await once(socket, "connect");
    if (greeting !== "") socket.write(greeting, "latin1");
    socket.resume();
    socket.on("error", () => {});
    closes.push(once(socket, "close"));
  }
  const secure = connectTls({ host: "127.0.0.1", port: Number(new URL(s.url("wss:")).port), ca });
  await once(secure, "secureConnect");
  secure.write("GET / HTTP/1.1\r\n");
  secure.resume();
  secure.on("error", () => {});
  closes.push(once(secure, "close"));
  await Promise.all(closes);
  assert.ok(performance.now() - started < 5000);
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise<void>((resolve) => setTimeout(resolve, 5));
}

test.run();
