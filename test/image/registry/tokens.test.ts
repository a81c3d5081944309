import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { RegistryCredentials } from "../../../src/api.js";
import { login } from "../../../src/image/registry/login.js";
import { defaultSettings } from "../../../src/image/registry/settings.js";
import { layerOf, rejection } from "../fixture.js";
import { DebianRegistry } from "./debian-registry.js";
import { FaultProxy } from "./fault-proxy.js";
import { openPullStore, type PullStore, testSettings } from "./pull-store.js";
import { TokenServer, type TokenServerOptions } from "./token-server.js";

const registry = await DebianRegistry.start();
const proxy = await FaultProxy.start(registry.host);
registry.push({ layers: [layerOf(["a", "one"]), layerOf(["b", "two"]), layerOf(["c", "three"])] }, "team/app:1");
const name = `${proxy.host}/team/app:1`;
const scope = "repository:team/app:pull";
const user = { username: "carol", password: "pa:ss" };

const test = suite("bearer tokens");
let place: PullStore;
let tokens: TokenServer;
test.before.each(() => {
  place = openPullStore();
  proxy.reset();
});
test.after.each(async () => {
  place[Symbol.dispose]();
  await tokens.stop();
});
test.after(async () => {
  await proxy.stop();
  await registry.stop();
});

/** The registry lets in whoever has a token of the server, for the scope of what is asked for. */
async function guard(options: TokenServerOptions = {}): Promise<void> {
  tokens = await TokenServer.start(options);
  proxy.fault = ({ request, response }) => {
    const token = request.headers.authorization?.replace(/^Bearer /, "") ?? "";
    const wanted = request.path === "/v2/" ? "" : scope;
    if (tokens.valid.get(token) === wanted) return false;
    response.writeHead(401, { "www-authenticate": tokens.challenge(wanted) }).end();
    return true;
  };
}

function pull(credentials?: RegistryCredentials): Promise<unknown> {
  return place.store.pull(name, credentials === undefined ? {} : { credentials });
}

test("anonymously: one token for the whole pull", async () => {
  await guard();
  await pull();
  assert.equal(tokens.asked, [
    { method: "GET", path: "/oauth2/token", parameters: { service: "test, registry", scope } },
  ]);
});

test("with a name and a password, which only the token server hears", async () => {
  await guard({ user });
  await pull(user);
  const [asked] = tokens.asked;
  assert.is(asked?.parameters["account"], "carol");
  assert.is(asked?.authorization, `Basic ${Buffer.from("carol:pa:ss").toString("base64")}`);
  for (const { headers } of proxy.seen) assert.not((headers.authorization ?? "").startsWith("Basic"));
});

test("a wrong password, and none", async () => {
  await guard({ user });
  const wrong = await rejection(pull({ ...user, password: "guess" }));
  assert.is(wrong.code, "UNAUTHENTICATED");
  assert.match(wrong.message, /did not accept the credentials of carol.*who are you\?/);
  const none = await rejection(pull());
  assert.is(none.code, "UNAUTHENTICATED");
  assert.match(none.hint ?? "", /granule login/);
});

test("an identity token is refreshed by POST", async () => {
  await guard({ user, refreshToken: "refresh-me" });
  await pull({ identityToken: "refresh-me" });
  const [asked] = tokens.asked;
  assert.is(asked?.method, "POST");
  assert.equal(
    [asked?.parameters["grant_type"], asked?.parameters["refresh_token"], asked?.parameters["scope"]],
    ["refresh_token", "refresh-me", scope],
  );
  assert.is(
    (await rejection(place.store.pull(name, { credentials: { identityToken: "old" } }))).code,
    "UNAUTHENTICATED",
  );
});

test("a token that is revoked in the middle of a pull is replaced", async () => {
  await guard();
  const check = proxy.fault;
  let blobs = 0;
  proxy.fault = (exchange) => {
    if (exchange.request.path.includes("/blobs/") && ++blobs === 2) tokens.valid.clear();
    return check(exchange);
  };
  await pull();
  assert.ok(tokens.asked.length >= 2);
});

test("a registry token goes as it is", async () => {
  await guard();
  tokens.valid.set("given", scope);
  await pull({ registryToken: "given" });
  assert.equal(tokens.asked, []);
});

test("a registry that never is content ends the pull", async () => {
  await guard();
  proxy.fault = ({ response }) => {
    response.writeHead(401, { "www-authenticate": tokens.challenge(scope) }).end();
    return true;
  };
  assert.is((await rejection(pull())).code, "UNAUTHENTICATED");
  assert.ok(proxy.seen.length < 10);
});

test("a token realm that is not a safe address gets nothing", async () => {
  await guard();
  proxy.fault = ({ response }) => {
    response.writeHead(401, { "www-authenticate": 'Bearer realm="file:///etc/passwd",service="x"' }).end();
    return true;
  };
  const failure = await rejection(pull(user));
  assert.is(failure.code, "PERMISSION_DENIED");
  assert.match(failure.message, /which is not safe/);
});

test("an Azure token is exchanged at the registry, and the registry's token used", async () => {
  await guard({ user, refreshToken: "acr-refresh" });
  await answerExchangeAtTheRegistry();
  await pull({ azureToken: "aad-token", tenant: "contoso" });
  assert.equal(
    tokens.asked.map(({ method, path }) => `${method} ${path}`),
    ["POST /oauth2/exchange", "POST /oauth2/token"],
  );
  const [exchange, refresh] = tokens.asked.map(({ parameters }) => parameters);
  assert.equal(exchange, {
    grant_type: "access_token",
    service: "test, registry",
    access_token: "aad-token",
    tenant: "contoso",
  });
  assert.is(refresh?.["refresh_token"], "acr-refresh");
  for (const { headers } of proxy.seen) assert.not((headers.authorization ?? "").includes("aad-token"));
});

test("login exchanges an Azure token and keeps what the registry gave", async () => {
  await guard({ user, refreshToken: "acr-refresh" });
  await answerExchangeAtTheRegistry();
  const settings = { ...defaultSettings(), ...testSettings(place.home) };
  const path = await login(proxy.host, { azureToken: "aad-token" }, { settings });
  assert.is(path, join(place.home, ".docker/config.json"));
  const { auths } = JSON.parse(readFileSync(path, "utf8")) as { auths: Record<string, { identitytoken?: string }> };
  assert.is(auths[proxy.host]?.identitytoken, "acr-refresh");
  assert.not(readFileSync(path, "utf8").includes("aad-token"));
  await pull();
  const refused = await rejection(login(proxy.host, { azureToken: "stale" }, { settings }));
  assert.is(refused.code, "UNAUTHENTICATED");
});

/** Azure's exchange stands at the registry's own host: the proxy hands it over to the token server. */
async function answerExchangeAtTheRegistry(): Promise<void> {
  const check = proxy.fault;
  proxy.fault = async (exchange) => {
    if (!exchange.request.path.startsWith("/oauth2/")) return check(exchange);
    const answer = await fetch(`http://${tokens.host}${exchange.request.path}`, {
      method: exchange.request.method,
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: await exchange.body(),
    });
    exchange.response.writeHead(answer.status).end(await answer.text());
    return true;
  };
}

test.run();
