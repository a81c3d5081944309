import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Descriptor } from "../../../src/image/descriptor.js";
import { parseManifest } from "../../../src/image/manifest.js";
import { choosePlatform, fitsPlatform, parsePlatform } from "../../../src/image/platform.js";
import { parseReference } from "../../../src/image/reference.js";
import { retryAfterMs } from "../../../src/image/registry/back-off.js";
import { parseChallenges } from "../../../src/image/registry/challenge.js";
import { RegistryConfiguration } from "../../../src/image/registry/configuration.js";
import { proxyFor } from "../../../src/image/registry/proxy.js";

const test = suite("what a pull decides");

function entry(os: string, architecture: string, variant = ""): Descriptor {
  const digest = `sha256:${os}-${architecture}-${variant}`;
  return { mediaType: "m", digest, size: 1, annotations: {}, urls: [], platform: { os, architecture, variant } };
}

const entries = [
  entry("unknown", "unknown"),
  entry("windows", "amd64"),
  entry("linux", "amd64"),
  entry("linux", "arm", "v6"),
  entry("linux", "arm", "v7"),
  entry("linux", "arm64", "v8"),
  entry("linux", "amd64", "v3"),
];

const choices: [wanted: string, chosen: string | undefined][] = [
  ["linux/amd64/v1", "sha256:linux-amd64-"],
  ["linux/amd64/v2", "sha256:linux-amd64-"],
  ["linux/amd64/v4", "sha256:linux-amd64-v3"],
  ["linux/arm/v7", "sha256:linux-arm-v7"],
  ["linux/arm/v6", "sha256:linux-arm-v6"],
  ["linux/arm/v5", undefined],
  ["arm64", "sha256:linux-arm64-v8"],
  ["linux/aarch64", "sha256:linux-arm64-v8"],
  ["linux/armhf", "sha256:linux-arm-v7"],
  ["linux/s390x", undefined],
  ["windows/amd64", "sha256:windows-amd64-"],
];

for (const [wanted, chosen] of choices) {
  test(`${wanted} chooses ${chosen ?? "nothing"}`, () => {
    assert.is(choosePlatform(entries, parsePlatform(wanted))?.digest, chosen);
  });
}

test("platforms that are none are refused", () => {
  for (const bad of ["", "linux/", "a/b/c/d", "linux/am d64"])
    assert.throws(() => parsePlatform(bad), /invalid platform/);
  assert.not(fitsPlatform({ os: "linux", architecture: "amd64", variant: "v3" }, parsePlatform("linux/amd64/v2")));
});

test("challenges: several in a header, quoted commas, escapes, and nonsense", () => {
  assert.equal(parseChallenges('Bearer realm="https://a/t",service="a, b",scope="repository:x:pull"'), [
    { scheme: "bearer", parameters: { realm: "https://a/t", service: "a, b", scope: "repository:x:pull" } },
  ]);
  assert.equal(parseChallenges('Basic realm="say \\"hi\\"", Bearer Realm=plain'), [
    { scheme: "basic", parameters: { realm: 'say "hi"' } },
    { scheme: "bearer", parameters: { realm: "plain" } },
  ]);
  assert.equal(
    parseChallenges(["Negotiate", "Basic"]).map(({ scheme }) => scheme),
    ["negotiate", "basic"],
  );
  assert.equal(parseChallenges('="x",,;'), []);
  assert.equal(parseChallenges(undefined), []);
});

test("Retry-After in seconds and as a date", () => {
  assert.is(retryAfterMs("7"), 7000);
  assert.is(retryAfterMs("Wed, 21 Oct 2015 07:28:10 GMT", Date.parse("2015-10-21T07:28:00Z")), 10_000);
  assert.is(retryAfterMs("Wed, 21 Oct 2015 07:28:00 GMT"), 0);
  assert.is(retryAfterMs("soon"), undefined);
});

function configured(document: unknown): RegistryConfiguration {
  const folder = mkdtempSync(join(tmpdir(), "granule-registries-"));
  try {
    writeFileSync(join(folder, "registries.json"), JSON.stringify(document));
    return RegistryConfiguration.read(join(folder, "registries.json"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("where a name is fetched from", () => {
  const places = (configuration: RegistryConfiguration, name: string): string[] =>
    configuration
      .locations(parseReference(name), false)
      .map(({ host, repository, insecure }) => `${host} ${repository}${insecure ? " insecure" : ""}`);
  assert.equal(places(new RegistryConfiguration(), "debian"), ["registry-1.docker.io library/debian"]);
  const rules = configured({
    registries: {
      "docker.io": { mirrors: ["mirror.example:5000", { location: "cache.example/hub", insecure: true }] },
      "docker.io/library": { location: "own.example/base" },
      "r.example": { insecure: true },
    },
  });
  assert.equal(places(rules, "team/app"), [
    "mirror.example:5000 team/app",
    "cache.example hub/team/app insecure",
    "registry-1.docker.io team/app",
  ]);
  assert.equal(places(rules, "debian"), ["own.example base/debian"]);
  assert.equal(places(rules, "r.example/x"), ["r.example x insecure"]);
  assert.equal(places(rules, "docker.io.example/x"), ["docker.io.example x"]);
});

test("a configuration that is not usable says which part", () => {
  const faults: [document: unknown, says: RegExp][] = [
    [{ registries: [] }, /`registries` is not an object/],
    [{ registries: { "a b": {} } }, /the key "a b"/],
    [{ registries: { a: { mirrors: "x" } } }, /mirrors of a is not a list/],
    [{ registries: { a: { mirrors: ["https://x"] } } }, /a mirror of a is not of the form/],
    [{ registries: { a: { insecure: "yes" } } }, /insecure of a is neither/],
  ];
  for (const [document, says] of faults) assert.throws(() => configured(document), says);
});

test("proxies of the environment", () => {
  const url = (text: string): URL => new URL(text);
  const environment = {
    http_proxy: "http://h:1",
    HTTPS_PROXY: "s:2",
    no_proxy: "in.example,.sub.example, 10.0.0.0/8,x.example:81",
  };
  const cases: [text: string, proxy: string | undefined][] = [
    ["http://a.example/", "http://h:1"],
    ["https://a.example/", "http://s:2"],
    ["http://in.example/", undefined],
    ["https://deep.in.example/", undefined],
    ["http://sub.example/", undefined],
    ["http://notsub.example/", "http://h:1"],
    ["http://10.1.2.3:5000/", undefined],
    ["http://11.1.2.3/", "http://h:1"],
    ["http://x.example:81/", undefined],
    ["http://x.example/", "http://h:1"],
    ["http://localhost:5000/", undefined],
    ["http://127.0.0.1:5000/", undefined],
    ["http://[::1]:5000/", undefined],
  ];
  for (const [text, proxy] of cases) assert.is(proxyFor(url(text), environment), proxy, text);
  assert.is(proxyFor(url("https://a.example"), { http_proxy: "http://h:1" }), undefined);
  assert.is(proxyFor(url("https://a.example"), { ALL_PROXY: "http://all:1", no_proxy: "*" }), undefined);
  assert.is(proxyFor(url("https://a.example"), { ALL_PROXY: "http://all:1" }), "http://all:1");
});

const manifests: [what: string, document: unknown, declared: string | undefined, says: RegExp][] = [
  ["an index and an image at once", { schemaVersion: 2, manifests: [], layers: [] }, undefined, /at once/],
  [
    "declared as another type than it says",
    { schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json" },
    "application/vnd.oci.image.index.v1+json",
    /declared as/,
  ],
  ["schema version 1", { schemaVersion: 1, fsLayers: [] }, undefined, /schema version 1/],
  [
    "an artifact",
    {
      schemaVersion: 2,
      config: { mediaType: "application/vnd.helm+json", digest: `sha256:${"0".repeat(64)}`, size: 1 },
    },
    undefined,
    /artifact of type application\/vnd.helm/,
  ],
];

for (const [what, document, declared, says] of manifests) {
  test(`a manifest that is ${what} is refused`, () => {
    assert.throws(() => parseManifest(Buffer.from(JSON.stringify(document)), declared), says);
  });
}

test.run();
