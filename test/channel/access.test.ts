import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, lstatSync, mkdtempSync, rmSync, statSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { connect as connectTcp, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { WebSocket } from "ws";
import type { AccessRules } from "../../src/channel/auth/rules.js";
import { connect } from "../../src/channel/connect.js";
import { addressPeer } from "../../src/channel/listen/peers.js";
import { LineLimit } from "../../src/channel/log.js";
import { bearerSubprotocol, SUBPROTOCOLS } from "../../src/channel/protocol.js";
import { listenOnUnixSocket } from "../../src/channel/unix-listener.js";
import { refusal, Serviced, serviceConfig } from "./serviced.js";

const test = suite("who may use the channel");

/** What the upgrade is answered with, and the role where there is a hello. */
async function upgrade(
  url: string,
  { subprotocols = [SUBPROTOCOLS[1]], ...options }: { subprotocols?: string[]; origin?: string; headers?: object } = {},
): Promise<{ status: number; protocol?: string; role?: string }> {
  const address = url.startsWith("unix:") ? `ws+unix:${url.slice(5)}:/` : url;
  const socket = new WebSocket(address, subprotocols, options as ConstructorParameters<typeof WebSocket>[2]);
  try {
    return await new Promise((resolve, reject) => {
      socket.on("error", reject);
      socket.on("unexpected-response", (_request, response) => resolve({ status: response.statusCode ?? 0 }));
      socket.on("message", (data) => {
        const [, hello] = JSON.parse((data as Buffer).toString()) as [0, { role: string }];
        resolve({ status: 101, protocol: socket.protocol, role: hello.role });
      });
    });
  } finally {
    socket.on("error", () => {});
    socket.terminate();
  }
}

/** The upgrade's first line as another user gets it, who is given the socket's group where it has one. */
async function asUser(path: string, ids: string[], headers = ""): Promise<string> {
  const request =
    "GET / HTTP/1.1\\r\\nHost: x\\r\\nConnection: Upgrade\\r\\nUpgrade: websocket\\r\\nSec-WebSocket-Version: 13\\r\\n" +
    `Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\\r\\n${headers}\\r\\n`;
  const script = `const s = require("net").connect(${JSON.stringify(path)}, () => s.write("${request}"));
    s.on("data", (d) => { console.log(String(d).split("\\r\\n")[0]); s.destroy(); }); s.on("error", (e) => console.log(e.code));`;
  const child = spawn("setpriv", [...ids, process.execPath, "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  return (await text(child.stdout)).trim();
}

const user = (uid: number, gid: number, ...groups: number[]): string[] => [
  `--reuid=${uid}`,
  `--regid=${gid}`,
  groups.length === 0 ? "--clear-groups" : `--groups=${groups.join(",")}`,
];

test("users of a unix socket are told by the kernel: root, those of a rule, and no others", async () => {
  const access: Partial<AccessRules> = {
    peers: [
      { uid: 4001, role: "reader" },
      { gid: 4102, role: "operator", selector: { team: "a" } },
    ],
  };
  await using s = await Serviced.open({ access });
  const path = join(s.folder, "s.sock");
  chmodSync(s.folder, 0o755);
  // Whoever the mode keeps out never gets to be asked: let everybody in to see the second check.
  chmodSync(path, 0o666);
  assert.equal(await upgrade(`unix:${path}`), { status: 101, protocol: SUBPROTOCOLS[1], role: "admin" });
  assert.match(await asUser(path, user(4001, 4001)), "101");
  assert.match(await asUser(path, user(4002, 4102)), "101");
  assert.match(await asUser(path, user(4002, 4002, 7, 4102)), "101");
  assert.match(await asUser(path, user(4002, 4002, 4001)), "403");
  const many = Array.from({ length: 200 }, (_, index) => 5000 + index);
  assert.match(await asUser(path, user(4002, 4002, ...many, 4102)), "101");
  const { token } = await s.tokens.create({ role: "reader" });
  assert.match(await asUser(path, user(4002, 4002), `Authorization: Bearer ${token}\\r\\n`), "101");
  assert.match(await asUser(path, user(4001, 4001), "Authorization: Bearer granule_x\\r\\n"), "401");
});

test("a token decides alone, also for root", async () => {
  await using s = await Serviced.open();
  const { token } = await s.tokens.create({ role: "reader" });
  const client = await connect(s.url("unix:"), { token });
  assert.is((await refusal(client.containers.create({ image: "app" }))).code, "PERMISSION_DENIED");
  await client.close();
  assert.is((await refusal(connect(s.url("unix:"), { token: "granule_none" }))).code, "UNAUTHENTICATED");
});

test("pages connect from origins that are listed, with the token as a subprotocol", async () => {
  const origins = ["https://console.example"];
  await using s = await Serviced.open({ listen: ["ws://127.0.0.1:0"], access: { origins } });
  const url = s.url("ws:");
  const { token } = await s.tokens.create({ role: "reader" });
  const subprotocols = [SUBPROTOCOLS[1], bearerSubprotocol(token)];
  const good = { status: 101, protocol: SUBPROTOCOLS[1], role: "reader" };
  assert.equal(await upgrade(url, { subprotocols, origin: "https://console.example" }), good);
  assert.equal(
    await upgrade(url, { subprotocols: [...subprotocols].reverse(), origin: "https://console.example" }),
    good,
  );
  for (const origin of [
    "https://console.example:8443",
    "http://console.example",
    "https://evil.example",
    "null",
    "https://console.example.evil.example",
  ]) {
    assert.is((await upgrade(url, { subprotocols, origin })).status, 403, origin);
    // A page may not use the socket of somebody who is root either.
    assert.is((await upgrade(s.url("unix:"), { origin })).status, 403, origin);
  }
  assert.is((await upgrade(url, { subprotocols: [SUBPROTOCOLS[1]], origin: "https://console.example" })).status, 401);
  assert.is((await upgrade(url, { subprotocols: [bearerSubprotocol(token)] })).status, 400);
  const twice = { subprotocols, headers: { authorization: `Bearer ${token}` } };
  assert.is((await upgrade(url, twice)).status, 401);
  assert.is((await upgrade(url, { headers: { authorization: `Basic ${token}` } })).status, 401);
  assert.is((await upgrade(url, { headers: { authorization: `bearer ${token}` } })).status, 101);
  assert.is((await upgrade(`${url}/?token=${token}`)).status, 401);
});

test("reloading ends the connections of those who may no longer, or otherwise", async () => {
  const rules = (role: "reader" | "operator"): Partial<AccessRules> => ({ peers: [{ uid: 4001, role }] });
  await using s = await Serviced.open({ access: rules("reader") });
  const path = join(s.folder, "s.sock");
  chmodSync(s.folder, 0o755);
  chmodSync(path, 0o666);
  const script = `const { WebSocket } = require(${JSON.stringify(join(process.cwd(), "node_modules/ws"))});
    const s = new WebSocket("ws+unix:${path}:/", ["granule.v1.json"]);
    s.on("message", () => console.log("hello")); s.on("close", (code, why) => console.log(code, String(why)));`;
  const stay = async () => {
    const child = spawn("setpriv", [...user(4001, 4001), process.execPath, "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    return { said: text(child.stdout) };
  };
  const { said } = await stay();
  assert.is(s.service.connections, 1);
  s.service.reload(serviceConfig({ access: rules("operator") }));
  assert.match(await said, "1008 what the peer allows has changed");
});

test("reloading finds tokens that were taken from the database", async () => {
  await using s = await Serviced.open();
  const { token, id } = await s.tokens.create({ role: "reader" });
  const client = await connect(s.url("unix:"), { token });
  const root = await connect(s.url("unix:"));
  s.forget(id);
  s.service.reload(serviceConfig());
  await until(() => s.service.connections === 1);
  await root.containers.list();
  await root.close();
  await client.close();
});

test("one peer cannot take the connections of others", async () => {
  await using s = await Serviced.open({ listen: ["ws://127.0.0.1:0"], limits: { maxConnectionsPerPeer: 3 } });
  const port = Number(new URL(s.url("ws:")).port);
  const open: Socket[] = [];
  for (let count = 0; count < 3; count++) {
    const socket = connectTcp(port, "127.0.0.1");
    await once(socket, "connect");
    open.push(socket);
  }
  const fourth = connectTcp(port, "127.0.0.1");
  fourth.on("error", () => {});
  await once(fourth, "close");
  assert.ok(s.lines.some(({ msg, peer }) => msg === "refused" && peer === "127.0.0.1"));
  const { token } = await s.tokens.create({ role: "reader" });
  const other = new WebSocket(s.url("ws:"), [SUBPROTOCOLS[1]], {
    localAddress: "127.0.0.2",
    headers: { authorization: `Bearer ${token}` },
  });
  await once(other, "open");
  other.terminate();
  open.pop()?.destroy();
  // The server hears of the close a little later than we do.
  while (!(await answers(port)));
  for (const socket of open) socket.destroy();
  const clients = await Promise.all(Array.from({ length: 3 }, () => connect(s.url("unix:"))));
  await refusal(connect(s.url("unix:")));
  for (const client of clients) await client.close();
});

test("an IPv6 customer counts as one", () => {
  assert.is(addressPeer("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  assert.is(addressPeer("2001:db8:1:2::9"), "2001:db8:1:2::/64");
  assert.is(addressPeer("2001:DB8::1"), "2001:db8:0:0::/64");
  assert.is(addressPeer("::1"), "0:0:0:0::/64");
  assert.is(addressPeer("fe80::1%eth0"), "fe80:0:0:0::/64");
  assert.is(addressPeer("::ffff:192.0.2.1"), "192.0.2.1");
  assert.is(addressPeer("192.0.2.1"), "192.0.2.1");
});

test("giant headers, bodies and strange methods end a connection, not the server", async () => {
  await using s = await Serviced.open({ listen: ["ws://127.0.0.1:0"] });
  const port = Number(new URL(s.url("ws:")).port);
  const head = "GET / HTTP/1.1\r\nHost: x\r\n";
  const ws =
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
  const { token } = await s.tokens.create({ role: "reader" });
  const auth = `Authorization: Bearer ${token}\r\n`;
  const attacks: [string, RegExp][] = [
    [`${head}X: ${"a".repeat(40_000)}\r\n\r\n`, /^(HTTP\/1.1 431.*)?$/s],
    [`${head}${"X: a\r\n".repeat(9000)}\r\n`, /^(HTTP\/1.1 431.*)?$/s],
    ["\x00\x01\x02\r\n\r\n", /^(HTTP\/1.1 400.*)?$/s],
    [`POST / HTTP/1.1\r\nHost: x\r\n${ws}${auth}\r\n`, /^HTTP\/1.1 4/],
    [`${head}${ws.replace("websocket", "h2c")}${auth}\r\n`, /^HTTP\/1.1 4/],
    [`${head}${ws}${auth}Content-Length: 5\r\n\r\nhello`, /^HTTP\/1.1 400/],
    [`${head}${ws}${auth}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, /^HTTP\/1.1 400/],
    [`${head}${ws}\r\n\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff`, /^HTTP\/1.1 401/],
    [`${head}${ws}Authorization: Bearer ${"x".repeat(9000)}\r\n\r\n`, /^HTTP\/1.1 401/],
    [`DELETE /healthz HTTP/1.1\r\nHost: x\r\n\r\n`, /^HTTP\/1.1 405/],
    [`GET /../healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, /^HTTP\/1.1 426/],
  ];
  for (const [bytes, answer] of attacks) {
    const socket = connectTcp(port, "127.0.0.1");
    let answered = "";
    socket.setEncoding("latin1").on("data", (data: string) => (answered += data));
    socket.on("error", () => {});
    socket.write(bytes, "latin1");
    await once(socket, "close");
    assert.match(answered, answer, bytes.slice(0, 80));
  }
  const client = await connect(s.url("ws:"), { token });
  await client.containers.list();
  await client.close();
});

test("who was refused is in the log, at a rate that fills no disk, and without the token", async () => {
  await using s = await Serviced.open({ listen: ["ws://127.0.0.1:0"] });
  for (let count = 0; count < 40; count++) await refusal(connect(s.url("ws:"), { token: "granule_secret" }));
  const refused = s.lines.filter(({ msg }) => msg === "refused");
  assert.ok(refused.length >= 10 && refused.length < 40, String(refused.length));
  assert.not(JSON.stringify(s.lines).includes("granule_secret"));
  const limit = new LineLimit(2);
  const written: number[] = [];
  for (const nowMs of [0, 1, 2, 3, 1000]) limit.offer((suppressed) => written.push(suppressed), nowMs);
  assert.equal(written, [0, 0, 2]);
});

test("each call that changes state is a line: who, what, to which, outcome, duration", async () => {
  await using s = await Serviced.open();
  const { token, id } = await s.tokens.create({ role: "operator", name: "ci", selector: { team: "a" } });
  const client = await connect(s.url("unix:"), { token });
  const container = await client.containers.create({ image: "app", name: "web" });
  await container.inspect();
  await refusal(client.containers.create({ image: "app", tags: { team: "b" } }));
  await refusal(client.images.remove("app"));
  await refusal(client.tokens.list());
  const audits = s.lines.filter(({ msg }) => msg === "call");
  const who = { principal: `token:ci:${id}`, role: "operator", selector: { team: "a" } };
  assert.equal(
    audits.map(({ audit }) => audit),
    [
      { ...who, method: "containers.create", target: "web", outcome: "OK" },
      { ...who, method: "containers.create", outcome: "PERMISSION_DENIED" },
      { ...who, method: "images.remove", target: "app", outcome: "PERMISSION_DENIED" },
      { ...who, method: "tokens.list", outcome: "PERMISSION_DENIED" },
    ],
  );
  for (const { durationMs, level, time } of audits) {
    assert.type(durationMs, "number");
    assert.is(level, "info");
    assert.ok(Math.abs(Date.parse(String(time)) - Date.now()) < 60_000);
  }
  await client.close();
});

test("/healthz tells whether calls are taken, and other pages ask who looks", async () => {
  const routes = {
    "/metrics": {
      role: "reader" as const,
      answer: (_: unknown, response: { end(text: string): void }) => response.end("m 1\n"),
    },
    "/broken": {
      answer: () => {
        throw new Error("oh");
      },
    },
  };
  await using s = await Serviced.open({ listen: ["ws://127.0.0.1:0"], more: { routes } });
  const base = s.url("ws:").replace("ws:", "http:");
  const health = await fetch(`${base}/healthz`);
  assert.equal([health.status, await health.json()], [200, { status: "ok" }]);
  const get = async (path: string, token?: string): Promise<[number, string]> => {
    const response = await fetch(
      base + path,
      token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } },
    );
    return [response.status, await response.text()];
  };
  const reader = await s.tokens.create({ role: "reader" });
  const boundToken = await s.tokens.create({ role: "admin", selector: { team: "a" } });
  assert.is((await get("/metrics"))[0], 401);
  assert.is((await get("/metrics", "granule_x"))[0], 401);
  assert.equal(await get("/metrics", reader.token), [200, "m 1\n"]);
  assert.is((await get("/metrics", boundToken.token))[0], 403);
  assert.equal(await get("/broken"), [500, "the server failed\n"]);
  assert.is((await get("/"))[0], 426);
  assert.ok(s.lines.some(({ msg }) => msg === "a page failed"));
});

test("draining: requests in flight are answered, new ones are not taken, then the server is gone", async () => {
  await using s = await Serviced.open({ listen: ["ws://127.0.0.1:0"] });
  const { token } = await s.tokens.create({ role: "operator" });
  const client = await connect(s.url("ws:"), { token, reconnect: false });
  const container = await client.containers.create({ image: "app" });
  const fake = s.runtime.find(container.id);
  const waiting = container.wait();
  await until(() => fake.waiting > 0);
  const closed = s.service.close(5000);
  assert.is((await refusal(client.containers.list())).code, "UNAVAILABLE");
  assert.is((await refusal(connect(s.url("ws:"), { token }))).code, "UNAVAILABLE");
  fake.stopped.resolve({ code: 0, oomKilled: false });
  assert.is((await waiting).code, 0);
  await closed;
  assert.is(s.service.connections, 0);
  assert.not(lstatSync(join(s.folder, "s.sock"), { throwIfNoEntry: false }));
});

test("whoever is told twice to go waits for nobody", async () => {
  await using s = await Serviced.open();
  const client = await connect(s.url("unix:"), { reconnect: false });
  const container = await client.containers.create({ image: "app" });
  const waiting = refusal(container.wait());
  await until(() => s.runtime.find(container.id).waiting > 0);
  const closed = s.service.close(600_000);
  s.service.hurry();
  await closed;
  assert.is((await waiting).code, "UNAVAILABLE");
});

const places = suite<{ folder: string }>("places of unix sockets");
places.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), "granule-place-"));
});
places.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }));

places("a socket has its mode and group from the first moment on, and its folder is left clean", async ({ folder }) => {
  const server = createHttpServer();
  const path = join(folder, "s.sock");
  const remove = await listenOnUnixSocket(server, path, { gid: 4102, lock: true });
  const { mode, gid } = statSync(path);
  assert.is(mode & 0o777, 0o660);
  assert.is(gid, 4102);
  remove();
  server.close();
});

places("what is no socket, or a link, is left alone", async ({ folder }) => {
  const target = join(folder, "file");
  writeFileSync(target, "mine");
  const link = join(folder, "link");
  symlinkSync(target, link);
  for (const path of [target, link]) {
    const server = createHttpServer();
    assert.is((await refusal(listenOnUnixSocket(server, path))).code, "FAILED_PRECONDITION");
    assert.not(server.listening);
  }
  assert.is(statSync(target).size, 4);
  assert.ok(lstatSync(link).isSymbolicLink());
});

places("a folder in which anybody could replace the socket is refused", async ({ folder }) => {
  chmodSync(folder, 0o777);
  const server = createHttpServer();
  assert.is((await refusal(listenOnUnixSocket(server, join(folder, "s.sock")))).code, "FAILED_PRECONDITION");
});

places("of many who find the same stale socket, one gets it", async ({ folder }) => {
  const path = join(folder, "s.sock");
  const stale = createServer();
  stale.listen(path);
  await once(stale, "listening");
  // Closing it takes the file away; a killed one leaves it behind.
  const child = spawn(process.execPath, [
    "-e",
    `require("net").createServer().listen(${JSON.stringify(`${path}x`)}, () => process.kill(process.pid, "SIGKILL"))`,
  ]);
  await once(child, "exit");
  stale.close();
  const stalePath = `${path}x`;
  assert.ok(lstatSync(stalePath).isSocket());
  const servers = Array.from({ length: 8 }, () => createHttpServer());
  const outcomes = await Promise.allSettled(
    servers.map((server) => listenOnUnixSocket(server, stalePath, { lock: true })),
  );
  const won = outcomes.filter(({ status }) => status === "fulfilled");
  assert.is(won.length, 1);
  const socket = connectTcp(stalePath);
  await once(socket, "connect");
  socket.destroy();
  for (const server of servers) server.close();
  unlinkSync(stalePath);
});

async function answers(port: number): Promise<boolean> {
  const socket = connectTcp(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  const answered = new Promise<boolean>((resolve) => {
    socket.once("data", () => resolve(true));
    socket.once("close", () => resolve(false));
  });
  try {
    return await answered;
  } finally {
    socket.destroy();
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise<void>((resolve) => setTimeout(resolve, 5));
}

test.run();
places.run();
