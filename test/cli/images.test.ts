import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { CliHome } from "./cli-home.js";

const home = await CliHome.open();
const test = suite("images on the command line");
test.after(() => home.close());

const archive = fileURLToPath(new URL("../../../build/base.tar", import.meta.url));

async function names(): Promise<string[]> {
  const images = JSON.parse((await home.run(["images", "--json"])).stdout) as { names: string[] }[];
  return images.flatMap((image) => image.names);
}

test("import makes an image of a file, with the configuration asked for", async () => {
  const changes = [
    "-c",
    'CMD ["sh", "-c", "echo $GREETING from $(pwd)"]',
    "-c",
    "ENV GREETING=hello",
    "-c",
    "WORKDIR /tmp",
  ];
  const imported = await home.run(["import", ...changes, archive, "local/greeter:1"]);
  assert.is(imported.code, 0, imported.stderr);
  assert.match(imported.stdout, /^sha256:[0-9a-f]{64}\n$/);
  assert.ok((await names()).includes("local/greeter:1"));
  assert.equal(await home.run(["run", "--rm", "local/greeter:1"]), {
    code: 0,
    stdout: "hello from /tmp\n",
    stderr: "",
  });
});

test("import reads stdin for -", async () => {
  const imported = await home.run(["import", "-", "local/piped:1"], readFileSync(archive));
  assert.is(imported.code, 0, imported.stderr);
  const run = await home.run(["run", "--rm", "local/piped:1", "/bin/echo", "piped"]);
  assert.equal(run, { code: 0, stdout: "piped\n", stderr: "" });
});

test("an image that a container uses stays; then rmi takes it away", async () => {
  assert.is((await home.run(["create", "--name", "user", "local/piped:1", "/bin/true"])).code, 0);
  assert.is((await home.run(["rmi", "local/piped:1"])).code, 1);
  assert.is((await home.run(["rm", "user"])).code, 0);
  assert.equal(await home.run(["rmi", "local/piped:1", "local/greeter:1"]), {
    code: 0,
    stdout: "local/piped:1\nlocal/greeter:1\n",
    stderr: "",
  });
  assert.equal(await names(), ["granule/base:latest"]);
});

test("a file that is not there is told", async () => {
  const load = await home.run(["load", "-i", "/no/such/archive.tar"]);
  assert.is(load.code, 1);
  assert.match(load.stderr, /\/no\/such\/archive\.tar/);
});

test.run();
