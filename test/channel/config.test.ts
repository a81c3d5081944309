import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { ConfigFlags } from "../../src/channel/config/config.js";
import { type LoadedConfig, loadConfig } from "../../src/channel/config/load.js";
import { isLoopback, parseListenAddress } from "../../src/channel/listen/address.js";
import { Authority } from "./certificates.js";

const folder = mkdtempSync(join(tmpdir(), "granule-config-"));
const server = new Authority(join(folder, "ca")).issue("server", "/CN=server");
const file = join(folder, "granule.yaml");

const test = suite("configuration of the server");
test.after(() => rmSync(folder, { recursive: true }));

function load(yaml: string, flags: ConfigFlags = {}, environment: NodeJS.ProcessEnv = {}): LoadedConfig {
  writeFileSync(file, yaml);
  return loadConfig({ config: file, ...flags }, environment);
}

/** Faults as `line:column message`, or their place where it is not in the file. */
function faultsOf(...given: Parameters<typeof load>): string[] {
  return load(...given).faults.map(({ place, message }) => `${place.replace(`${file}:`, "")} ${message}`);
}

test("without a file, flags and environment there is the control socket alone", () => {
  const { config, faults } = load("");
  assert.equal(faults, []);
  assert.equal(config, {
    logLevel: "info",
    listen: [],
    insecure: false,
    access: { peers: [], certificates: [], origins: [] },
    limits: {},
    drainMs: 10_000,
  });
});

test("a whole file is read", () => {
  const { config, faults } = load(`
root: /srv/granule
state: /run/elsewhere
log: { level: debug }
listen:
  - wss://0.0.0.0:7443
  - url: unix:/run/granule.sock
    group: 4102
  - ws://127.0.0.1:7080
insecure: true
tls:
  cert: ${server.cert}
  key: ${server.key}
access:
  peers:
    - { user: daemon, role: reader }
    - group: 4102
      role: operator
      selector: { team: a }
  certificates:
    - subject: { CN: ci, O: Example }
      role: operator
  origins: ["https://console.example"]
limits: { maxConnections: 99 }
drainSeconds: 2.5
`);
  assert.equal(faults, []);
  assert.equal(config, {
    root: "/srv/granule",
    state: "/run/elsewhere",
    logLevel: "debug",
    listen: [
      { address: { kind: "tcp", host: "0.0.0.0", port: 7443, tls: true } },
      { address: { kind: "unix", path: "/run/granule.sock" }, gid: 4102 },
      { address: { kind: "tcp", host: "127.0.0.1", port: 7080, tls: false } },
    ],
    tls: server,
    insecure: true,
    access: {
      peers: [
        { uid: 1, role: "reader" },
        { gid: 4102, role: "operator", selector: { team: "a" } },
      ],
      certificates: [{ subject: { CN: "ci", O: "Example" }, role: "operator" }],
      origins: ["https://console.example"],
    },
    limits: { maxConnections: 99 },
    drainMs: 2500,
  });
});

test("every fault is named with its place, in one go", () => {
  const faults = faultsOf(`logs: {}
log:
  level: loud
listen:
  - wss://0.0.0.0:7443
  - ws://0.0.0.0:80
  - ws://127.0.0.1:80
  - unix:relative.sock
  - unix:@abstract
  - wss://example.com:1
  - url: unix:/a.sock
    group: no-such-group
  - 7
  - unix:/a.sock
access:
  peers:
    - { user: daemon, group: daemon, role: reader }
    - { role: reader }
    - { user: no-such-user, role: reader }
    - { user: daemon, role: root }
    - { user: nobody, role: reader }
    - { user: daemon }
    - { user: daemon, role: reader, selector: {} }
    - { user: daemon, role: reader, selector: }
    - { user: daemon, role: reader, selector: { team: 1 } }
  certificates:
    - { role: reader }
    - { subject: {}, role: reader }
  origins: [https://console.example/, "*", "null"]
limits:
  maxFrameBytes: -1
  maxFrames: 1
drainSeconds: soon
root: here
`);
  assert.equal(faults, [
    "1:1 logs: unknown key",
    "3:10 unknown log level loud",
    "5:5 wss://0.0.0.0:7443 takes a certificate",
    "6:5 ws://0.0.0.0:80 would show tokens to the network",
    "7:5 ws://127.0.0.1:80 is not encrypted",
    "8:5 not an address to listen on: unix:relative.sock",
    "9:5 not an address to listen on: unix:@abstract",
    "10:5 not an address to listen on: wss://example.com:1",
    "12:12 there is no group called no-such-group",
    "13:5 listen[7]: expected text",
    "14:5 unix:/a.sock is there twice",
    "17:7 access.peers[0]: expected either user or group",
    "18:7 access.peers[1]: expected either user or group",
    "19:15 there is no user called no-such-user",
    "20:29 access.peers[3].role: expected one of reader, operator, admin",
    "21:15 user nobody (65534) stands for any user of any user namespace",
    "22:7 access.peers[5]: role: expected a value",
    "23:47 access.peers[6].selector: expected at least one entry",
    "24:47 access.peers[7].selector: expected a map",
    "25:55 access.peers[8].selector.team: expected text",
    "27:7 access.certificates[0]: subject: expected a value",
    "28:18 access.certificates[1].subject: expected at least one entry",
    "29:13 not an origin: https://console.example/",
    "29:39 not an origin: *",
    "29:44 not an origin: null",
    "31:18 limits.maxFrameBytes: expected a whole number above 0",
    "32:3 limits.maxFrames: unknown key",
    "33:15 expected 0 to 3600 seconds",
    "34:7 root: expected an absolute path",
  ]);
});

test("what is no YAML, or no map, is said with its place", () => {
  assert.match(faultsOf("log: [").join("\n"), /^1:\d+ /);
  assert.match(faultsOf("a: 1\na: 2\n").join("\n"), /^2:1 .*unique/);
  assert.equal(faultsOf("- 1\n"), [`${file} expected a map`]);
  assert.match(faultsOf("", { config: join(folder, "none.yaml") }).join(), /^--config .*ENOENT/);
  assert.match(loadConfig({}, { GRANULE_CONFIG: join(folder, "none") }).faults[0]?.place ?? "", "GRANULE_CONFIG");
});

test("a flag wins over the environment, and that over the file", () => {
  const yaml =
    "log: { level: warn }\nlisten: [unix:/file.sock]\ndrainSeconds: 1\naccess: { origins: ['https://file.example'] }\n";
  const environment = {
    GRANULE_LOG_LEVEL: "error",
    GRANULE_LISTEN: "unix:/environment.sock, unix:/second.sock",
    GRANULE_DRAIN_SECONDS: "2",
    GRANULE_ALLOW_ORIGIN: "https://environment.example",
  };
  const flags = { logLevel: "debug", listen: ["unix:/flag.sock"], drain: 3, allowOrigin: ["https://flag.example"] };
  const pick = ({ config }: LoadedConfig): unknown[] => [
    config.logLevel,
    config.listen.map(({ address }) => (address.kind === "unix" ? address.path : "")),
    config.drainMs,
    config.access.origins,
  ];
  assert.equal(pick(load(yaml)), ["warn", ["/file.sock"], 1000, ["https://file.example"]]);
  assert.equal(pick(load(yaml, {}, environment)), [
    "error",
    ["/environment.sock", "/second.sock"],
    2000,
    ["https://environment.example"],
  ]);
  assert.equal(pick(load(yaml, flags, environment)), ["debug", ["/flag.sock"], 3000, ["https://flag.example"]]);
});

test("what is overridden is still looked at", () => {
  const yaml = "log: { level: loud }\nlisten: [nowhere]\ndrainSeconds: -1\n";
  const flags = { logLevel: "info", listen: [], drain: 1 };
  assert.equal(faultsOf(yaml, flags), [
    "1:15 unknown log level loud",
    "2:10 not an address to listen on: nowhere",
    "3:15 expected 0 to 3600 seconds",
  ]);
});

test("faults of flags and environment have their names as places", () => {
  const environment = { GRANULE_DRAIN_SECONDS: "x", GRANULE_INSECURE: "maybe", GRANULE_TLS_KEY: server.key };
  assert.equal(faultsOf("", { logLevel: "loud", listen: ["nowhere"], allowOrigin: ["x"] }, environment), [
    "--log-level unknown log level loud",
    "GRANULE_TLS_KEY TLS takes a certificate and its key: cert is missing",
    "GRANULE_INSECURE expected 1 or 0, not maybe",
    "--listen not an address to listen on: nowhere",
    "--allow-origin not an origin: x",
    "GRANULE_DRAIN_SECONDS expected 0 to 3600 seconds",
  ]);
  const tls = { tlsCert: server.cert, tlsKey: join(folder, "none.key") };
  assert.match(faultsOf("", tls).join(), /^--tls-key .*none\.key.*ENOENT/);
});

test("a file that anybody may write is no configuration", () => {
  writeFileSync(file, "");
  chmodSync(file, 0o666);
  assert.match(loadConfig({ config: file }, {}).faults[0]?.message ?? "", "anybody may write");
  chmodSync(file, 0o644);
});

test("addresses", () => {
  assert.equal(parseListenAddress("wss://[::]:7443"), { kind: "tcp", host: "::", port: 7443, tls: true });
  assert.equal(parseListenAddress("ws://localhost:1"), { kind: "tcp", host: "127.0.0.1", port: 1, tls: false });
  assert.equal(parseListenAddress("unix:///run/a.sock"), { kind: "unix", path: "/run/a.sock" });
  const bad = [
    "wss://1.2.3.4",
    "wss://u@1.2.3.4:1",
    "wss://1.2.3.4:70000",
    "wss://1.2.3.4:1/path",
    "http://1.2.3.4:1",
    "unix:",
    "unix:\0a",
  ];
  for (const text of bad) assert.throws(() => parseListenAddress(text), /not an address/, text);
  assert.ok(["127.0.0.1", "127.9.9.9", "::1"].every(isLoopback));
  assert.not(["0.0.0.0", "::", "10.127.0.1", "1.127.0.0"].some(isLoopback));
});

test.run();
