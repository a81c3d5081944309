import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const setupFolder = new URL("../../../src/setup/", import.meta.url);

/** Runs set-up on a host that seems to be another one; `pretence` is run before it. */
function setupOn(pretence: string, args: string[] = []): { code: number | null; said: string[] } {
  const result = spawnSync(
    process.execPath,
    [
      "--import",
      `data:text/javascript,${encodeURIComponent(pretence)}`,
      fileURLToPath(new URL("setup.mjs", setupFolder)),
      ...args,
    ],
    { encoding: "utf8", env: { ...process.env, npm_lifecycle_event: "start" } },
  );
  return { code: result.status, said: `${result.stdout}${result.stderr}`.trim().split("\n") };
}

const setup = suite("set-up");

setup("tells who is not root how to start as root", () => {
  const { code, said } = setupOn("process.geteuid = () => 1000");
  assert.is(code, 1);
  assert.is(said.length, 2);
  assert.match(said[0] ?? "", /only root/);
  assert.match(said[1] ?? "", /sudo npm start$/);
});

setup("tells in one sentence that it is not Linux", () => {
  const { code, said } = setupOn('Object.defineProperty(process, "platform", { value: "darwin" })');
  assert.is(code, 1);
  assert.is(said.length, 1);
  assert.match(said[0] ?? "", /Linux only, and this is darwin/);
});

setup("tells which Node.js it needs, and how to get it", () => {
  const old = 'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "18.20.4" } })';
  const { code, said } = setupOn(old);
  assert.is(code, 1);
  assert.match(said[0] ?? "", /needs Node\.js 20\.19 or newer, and this is 18\.20\.4/);
  assert.match(said[1] ?? "", /npx -y -p node@20/);
});

setup("names every missing part of the compiler, and the command that brings it", () => {
  const script = `import { checkCompiler } from ${JSON.stringify(new URL("host.mjs", setupFolder).href)};
    process.env.PATH = "/nonexistent";
    try { checkCompiler(); } catch (error) { console.log(error.message + "|" + error.command); }`;
  const result = spawnSync(process.execPath, ["--input-type=module", "--eval", script], { encoding: "utf8" });
  assert.match(result.stdout, /without g\+\+, make, python3\|apt-get install g\+\+ make python3/);
});

setup("says which packages to install where there is no apt-get", () => {
  const script = `import { installPackages } from ${JSON.stringify(new URL("packages.mjs", setupFolder).href)};
    process.env.PATH = "/nonexistent";
    await installPackages(["build"]);`;
  const result = spawnSync(process.execPath, ["--input-type=module", "--eval", script], { encoding: "utf8" });
  assert.is(result.status, 0);
  assert.match(result.stderr, /no Debian system.*g\+\+ make .*python3 libseccomp-dev/);
});

setup.run();
