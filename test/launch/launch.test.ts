import { existsSync, lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { LaunchBench, type LaunchOptions } from "./launched.js";

const bench = new LaunchBench();
const test = suite("launch");

async function run(script: string, options: LaunchOptions = {}): Promise<string> {
  const launched = await bench.launch(["sh", "-c", script], options);
  assert.ok(launched.report.ok, inspect(launched.report));
  const exit = await launched.exit();
  assert.is(exit["code"], "0", launched.output("stderr"));
  return launched.output();
}

test.after(() => bench.close());

test("the first process is pid 1 of its own namespaces", async () => {
  const output = await run("echo $$; hostname; cat /proc/net/dev | head -n 4", { hostname: "box" });
  const lines = output.split("\n");
  assert.is(lines[0], "1");
  assert.is(lines[1], "box");
  assert.match(output, /lo:/);
  assert.not.match(output, /eth0:/);
});

test("nothing of the host's descriptors is open in it", async () => {
  // The shell's own read of the folder is the fourth.
  assert.is(await run("ls /proc/self/fd"), "0\n1\n2\n3\n");
});

test("the capabilities are docker's list, and no more can be gained", async () => {
  const status = await run("cat /proc/self/status");
  assert.match(status, /CapEff:\s+00000000a80425fb/);
  assert.match(status, /CapBnd:\s+00000000a80425fb/);
  assert.match(status, /NoNewPrivs:\s+1/);
});

test("kernel files are masked and system settings read-only", async () => {
  assert.is(
    await run("head -c 10 /proc/timer_list; ls /proc/acpi /sys/firmware | head -c 100"),
    "/proc/acpi:\n\n/sys/firmware:\n",
  );
  const launched = await bench.launch(["sh", "-c", "echo 1 > /proc/sys/kernel/panic"]);
  assert.is((await launched.exit())["code"], "1");
  assert.match(launched.output("stderr"), /Read-only file system/);
});

test("a user other than root has its ids, its groups and no capabilities", async () => {
  const output = await run("id -u; id -g; id -G; cat /proc/self/status", {
    user_: { uid: 1000, gid: 1001, additionalGids: [1001, 20], home: "/" },
  });
  assert.ok(output.startsWith("1000\n1001\n1001 20\n"), output.slice(0, 40));
  assert.match(output, /CapEff:\s+0000000000000000/);
  assert.match(output, /CapPrm:\s+0000000000000000/);
});

test("an unprivileged user can open its own standard output by name", async () => {
  const user = { uid: 1000, gid: 1000, additionalGids: [], home: "/" };
  assert.is(await run("echo through > /dev/stdout", { user_: user }), "through\n");
});

test("a missing working directory is made", async () => {
  assert.is(await run("pwd", { workingDir: "/srv/made/here" }), "/srv/made/here\n");
});

test("a device outside the list cannot be opened, even where a node can be made", async () => {
  const launched = await bench.launch(["sh", "-c", "mknod /mem c 1 1 && cat /mem"]);
  assert.is((await launched.exit())["code"], "1");
  assert.match(launched.output("stderr"), /Operation not permitted/);
});

test("an overlay of 500 layers works, the most that the kernel stacks", async () => {
  const layers = Array.from({ length: 499 }, (_, index) => {
    const layer = join(bench.folder, `layer-${"long-name-".repeat(4)}${index}`);
    mkdirSync(layer);
    writeFileSync(join(layer, `file-${index}`), "");
    return layer;
  });
  assert.is(
    await run("ls -d /file-* | cat -n | tail -n 1 || ls -d /file-*", {
      layers: [...layers, bench.layer("many", ["sh", "cat", "ls", "tail"])],
    }).then((text) => text.trim().split(/\s+/)[0]),
    "499",
  );
});

test("a command that is not there fails at the exec, and leaves no socket and no process", async () => {
  const launched = await bench.launch(["no-such-command"]);
  assert.is(launched.report.ok, false);
  if (!launched.report.ok) assert.equal([launched.report.step, launched.report.errno], ["exec", "ENOENT"]);
  assert.not.ok(existsSync(launched.socketPath));
  assert.not.ok(launched.cgroup.populated);
});

test("a file that cannot be executed fails at the exec", async () => {
  const layer = bench.layer("plain");
  writeFileSync(join(layer, "plain"), "#!/bin/sh\n", { mode: 0o644 });
  const launched = await bench.launch(["/plain"], { layers: [layer] });
  if (launched.report.ok) assert.unreachable("it ran");
  else assert.is(launched.report.errno, "EACCES");
});

test("a bind mount whose source is missing names it", async () => {
  const source = join(bench.folder, "nowhere");
  const launched = await bench.launch(["true"], { mounts: [{ type: "bind", source, target: "/data" }] });
  if (launched.report.ok) assert.unreachable("it ran");
  else
    assert.equal([launched.report.step, launched.report.errno, launched.report.path], ["bind mount", "ENOENT", source]);
});

test("a read-only bind mount refuses writes and a plain one takes them", async () => {
  const source = join(bench.folder, "volume");
  mkdirSync(source);
  await run("echo hello > /data/file", { mounts: [{ type: "bind", source, target: "/data" }] });
  assert.equal(readdirSync(source), ["file"]);
  const launched = await bench.launch(["sh", "-c", "echo x > /data/other"], {
    mounts: [{ type: "bind", source, target: "/data", readOnly: true }],
  });
  assert.is((await launched.exit())["code"], "1");
  assert.equal(readdirSync(source), ["file"]);
});

test("an image whose /dev, /proc or /sys is a link to the host reaches nothing outside", async () => {
  const outside = join(bench.folder, "outside");
  mkdirSync(outside);
  const layer = bench.layer("linked");
  for (const name of ["dev", "proc", "sys"]) symlinkSync(`../../../../../../..${outside}`, join(layer, name));
  const launched = await bench.launch(["true"], { layers: [layer] });
  if (launched.report.ok) await launched.exit();
  assert.equal(readdirSync(outside), []);
});

test("a mount target behind a link stays inside the root", async () => {
  const source = join(bench.folder, "inside-source");
  const outside = join(bench.folder, "link-target");
  mkdirSync(source);
  mkdirSync(outside);
  const layer = bench.layer("link-out");
  symlinkSync(outside, join(layer, "data"));
  const launched = await bench.launch(["true"], {
    layers: [layer],
    mounts: [{ type: "bind", source, target: "/data/deep" }],
  });
  if (launched.report.ok) await launched.exit();
  assert.equal(readdirSync(outside), []);
});

test("a device slot that an image fills with a link is refused", async () => {
  const layer = bench.layer("null-link");
  const outside = join(bench.folder, "victim");
  writeFileSync(outside, "untouched");
  mkdirSync(join(layer, "etc"));
  symlinkSync(outside, join(layer, "etc/hostname"));
  assert.is(await run("cat /etc/hostname", { layers: [layer], hostname: "real" }), "real\n");
  assert.ok(lstatSync(outside).size === "untouched".length);
});

test.run();
