import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Channel } from "../../src/channel/channel.js";
import { Deferred } from "../../src/runtime/deferred.js";
import { FakeRuntime } from "./fake-runtime.js";

const test = suite("the client in a browser");

const root = fileURLToPath(new URL("../../../", import.meta.url));

const page = `<!doctype html><title>granule</title>
<script type="importmap">${JSON.stringify({
  imports: {
    "cbor-x": "/node_modules/cbor-x/index.js",
    "@sinclair/typebox": "/node_modules/@sinclair/typebox/build/esm/index.mjs",
  },
})}</script>
<script type="module">
  const seen = {};
  try {
    const { openChannel, GranuleError, SUBPROTOCOLS } = await import("/dist/src/channel/client.js");
    const { METHODS } = await import("/dist/src/channel/protocol.js");
    seen.methods = Object.keys(METHODS).length;
    for (const subprotocol of SUBPROTOCOLS) {
      const sockets = [];
      const client = await openChannel(() => {
        const socket = new WebSocket(location.href.replace("http", "ws") + "channel", [subprotocol]);
        socket.binaryType = "arraybuffer";
        sockets.push(socket);
        return socket;
      });
      const container = await client.containers.run({ image: "app:1", memory: 2 ** 33 });
      const { memoryBytes } = await container.inspect();
      const process = await container.exec({ command: ["cat"], stdin: true });
      await process.write(new TextEncoder().encode("to and fro"));
      await process.closeInput();
      let echoed = "";
      for await (const { data } of process.output) echoed += new TextDecoder().decode(data);
      const { code } = await process.wait();
      const failure = await container.exec({ command: ["missing"] }).catch((error) => error);
      sockets[0].close();
      const { version } = await client.info();
      const refused = failure instanceof GranuleError && failure.code;
      seen[subprotocol] = { memoryBytes, echoed, code, refused, version, connections: sockets.length };
      await client.close();
    }
  } catch (error) {
    seen.error = String(error.stack ?? error);
  }
  await fetch("/report", { method: "POST", body: JSON.stringify(seen) });
</script>`;

/** Files of the build and of node_modules, as a plain file server gives them. */
function file(url: string): { body: string | Buffer; type: string } | undefined {
  if (url === "/") return { body: page, type: "text/html" };
  if (!/^\/(dist|node_modules)\/[\w@/.-]+\.m?js$/.test(url) || url.includes("..")) return undefined;
  return { body: readFileSync(join(root, url)), type: "text/javascript" };
}

test("calls, streams, errors and a lost connection, in both encodings", async () => {
  const report = new Deferred<string>();
  const http = createServer((request: IncomingMessage, response) => {
    if (request.url === "/report") {
      response.end();
      text(request).then(report.resolve, report.reject);
      return;
    }
    const found = file(request.url ?? "");
    response.writeHead(found === undefined ? 404 : 200, { "content-type": found?.type ?? "text/plain" });
    response.end(found?.body);
  });
  const channel = await Channel.open(new FakeRuntime());
  channel.attach(http, "/channel");
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/`;
  const profile = mkdtempSync(join(tmpdir(), "granule-browser-"));
  const flags = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    `--user-data-dir=${profile}`,
  ];
  const browser = spawn("/usr/bin/chromium", [...flags, url], { stdio: ["ignore", "ignore", "pipe"] });
  const complaints = text(browser.stderr);
  const exited = once(browser, "exit").then(async () => report.reject(new Error(await complaints)));
  try {
    const seen = JSON.parse(await report.promise) as Record<string, unknown>;
    assert.is(seen["error"], undefined);
    assert.ok((seen["methods"] as number) > 20);
    for (const subprotocol of ["granule.v1.cbor", "granule.v1.json"]) {
      assert.equal(seen[subprotocol], {
        memoryBytes: 2 ** 33,
        echoed: "to and fro",
        code: 7,
        refused: "COMMAND_NOT_FOUND",
        version: "0.0.0-fake",
        connections: 2,
      });
    }
  } finally {
    browser.kill("SIGTERM");
    await exited;
    await channel.close({ graceMs: 0 });
    http.close();
    http.closeAllConnections();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }
});

test.run();
