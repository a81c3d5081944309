import { createHash } from "node:crypto";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { monitorPath } from "../../src/native.js";
import { LaunchBench, type Launched, type LaunchOptions } from "./launched.js";

/** Attacks on runtimes that became known, each tried for real. What each is called stands in its test's name. */
const bench = new LaunchBench();
const test = suite("attacks");
test.after(() => bench.close());

const applets = ["sh", "cat", "echo", "ls", "readlink", "grep", "stat", "mkdir", "touch", "mount", "test"];

/** Runs a command to its end; a start that was refused is an end, too. */
async function attempt(command: string[], options: LaunchOptions = {}): Promise<Launched> {
  const launched = await bench.launch(command, options);
  if (launched.report.ok) await launched.exit();
  return launched;
}

const digest = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");

test("CVE-2019-5736: neither the monitor's file nor its copy in memory is written through /proc/self/exe", async () => {
  const before = digest(monitorPath);
  const layer = bench.layer("own-exe", applets);
  // An image may name the runtime as its own program: what runs is then the monitor's copy, inside the container.
  symlinkSync("/proc/self/exe", join(layer, "entry"));
  const launched = await attempt(["/entry"], { layers: [layer] });
  if (launched.report.ok) assert.is.not((await launched.exit())["code"], "0");
  const script = "for exe in /proc/[0-9]*/exe /proc/self/exe; do echo overwritten > $exe && echo wrote; done; true";
  const other = await attempt(["sh", "-c", script], { layers: [layer] });
  assert.is(other.output(), "");
  assert.is(digest(monitorPath), before);
  assert.is((await attempt(["echo", "still"], { layers: [layer] })).output(), "still\n");
});

test("CVE-2024-21626: no working directory leads out through a descriptor", async () => {
  const layer = bench.layer("cwd", applets);
  for (let descriptor = 0; descriptor < 24; descriptor++) {
    for (const path of [
      `/proc/self/fd/${descriptor}`,
      `/proc/self/fd/${descriptor}/../../..`,
      `/proc/1/fd/${descriptor}`,
    ]) {
      const script =
        "test -e /granule.db -o -e /proc/self/cwd/work && echo out; ls -d /proc/self/cwd/../../bin/busybox";
      const launched = await attempt(["sh", "-c", script], { layers: [layer], workingDir: path });
      if (!launched.report.ok) continue;
      assert.not.match(launched.output(), "out", path);
      // One that was taken is a folder of the container, which has its own name there.
      const where = await attempt(["sh", "-c", "readlink /proc/self/cwd"], { layers: [layer], workingDir: path });
      assert.not.match(where.output(), /unreachable|work|tmp/, path);
    }
  }
});

test("CVE-2024-21626: nothing above the standard streams is left open, whatever the host had open", async () => {
  const held = readdirSync("/proc/self/fd").length;
  assert.ok(held > 10);
  // The fourth is the listing's own.
  assert.is((await attempt(["ls", "/proc/self/fd"])).output(), "0\n1\n2\n3\n");
});

test("CVE-2025-31133 and -52565: /dev/null, /dev/ptmx and /dev/console as links reach nothing", async () => {
  const outside = mkdtempSync(join(tmpdir(), "granule-outside-"));
  const victim = join(outside, "victim");
  writeFileSync(victim, "untouched");
  try {
    const layer = bench.layer("device-links", applets);
    mkdirSync(join(layer, "dev"));
    for (const name of ["null", "console", "ptmx", "pts", "zero", "shm"]) symlinkSync(victim, join(layer, "dev", name));
    for (const tty of [false, true]) {
      const script =
        "echo x > /dev/null; stat -c %t:%T /dev/null; head -c 5 /proc/timer_list; test -L /dev/null || echo device";
      const launched = await attempt(["sh", "-c", script], { layers: [layer], tty });
      assert.ok(launched.report.ok);
      assert.match(launched.output(), /1:3\s+device/);
    }
    assert.is(readFileSync(victim, "utf8"), "untouched");
    assert.ok(lstatSync(victim).isFile());
  } finally {
    rmSync(outside, { recursive: true });
  }
});

test("CVE-2026-41579: an image whose /dev is a link makes nothing outside, and gets devices all the same", async () => {
  const outside = mkdtempSync(join(tmpdir(), "granule-outside-"));
  try {
    const layer = bench.layer("dev-link", applets);
    symlinkSync(outside, join(layer, "dev"));
    const launched = await attempt(["sh", "-c", "test -c /dev/null && echo device"], { layers: [layer] });
    if (launched.report.ok) assert.is(launched.output(), "device\n");
    assert.equal(readdirSync(outside), []);
  } finally {
    rmSync(outside, { recursive: true });
  }
});

test("CVE-2025-52881 and 2019-16884: an image's /proc cannot stand in for the kernel's", async () => {
  const layer = bench.layer("proc-file", applets);
  mkdirSync(join(layer, "proc/self/attr"), { recursive: true });
  mkdirSync(join(layer, "proc/sys/kernel"), { recursive: true });
  writeFileSync(join(layer, "proc/self/status"), "forged\n");
  symlinkSync("/etc/leak", join(layer, "proc/timer_list"));
  const script =
    "grep -c forged /proc/self/status; grep NoNewPrivs /proc/self/status; cat /proc/timer_list; stat -f -c %T /proc";
  const launched = await attempt(["sh", "-c", script], { layers: [layer] });
  assert.ok(launched.report.ok);
  assert.match(launched.output(), /^0\nNoNewPrivs:\s+1\n.*proc\n$/s);
});

test("CVE-2021-30465: a mount target that is exchanged for a link all the while stays inside the root", async () => {
  const shared = join(bench.folder, "shared");
  const source = join(bench.folder, "mounted");
  const outside = join(bench.folder, "exchanged-for");
  for (const folder of [shared, source, outside, join(shared, "a")]) mkdirSync(folder);
  writeFileSync(join(source, "mark"), "");
  const away = `../../../../../../../../..${outside}`;
  symlinkSync(away, join(shared, "b"));
  const layer = bench.layer("exchange", applets);
  let stop = false;
  let exchanged = 0;
  const names = ["a", "b", "c"].map((name) => join(shared, name)) as [string, string, string];
  const [a, b, c] = names;
  const exchange = async (): Promise<void> => {
    while (!stop) {
      try {
        renameSync(a, c);
        renameSync(b, a);
        renameSync(c, b);
      } catch {
        // The start made the folder in the moment it was away.
        for (const name of names) rmSync(name, { recursive: true, force: true });
        mkdirSync(a);
        symlinkSync(away, b);
      }
      if (++exchanged % 8 === 0) await new Promise(setImmediate);
    }
  };
  const exchanging = exchange();
  for (let count = 0; count < 40; count++) {
    await attempt(["sh", "-c", "test -e /vol/a/target/mark && touch /vol/a/target/through; true"], {
      layers: [layer],
      mounts: [
        { type: "bind", source: shared, target: "/vol" },
        { type: "bind", source, target: "/vol/a/target", readOnly: true },
      ],
    });
  }
  stop = true;
  await exchanging;
  assert.ok(exchanged > 100, `${exchanged} exchanges`);
  assert.equal(readdirSync(outside), []);
  assert.equal(readdirSync(source), ["mark"]);
});

test("CVE-2018-15664 and 2022-23648: a volume of the image's cannot name a path outside", async () => {
  const outside = mkdtempSync(join(tmpdir(), "granule-outside-"));
  writeFileSync(join(outside, "secret"), "secret");
  try {
    const layer = bench.layer("volume-out", applets);
    symlinkSync(outside, join(layer, "data"));
    for (const volume of ["/data", `/../../../../..${outside}`, "/data/.."]) {
      const launched = await attempt(["sh", "-c", `ls -A ${volume}; touch ${volume}/made; true`], {
        layers: [layer],
        volumes: [volume],
      });
      if (launched.report.ok) assert.not.match(launched.output(), "secret", volume);
    }
    assert.equal(readdirSync(outside), ["secret"]);
  } finally {
    rmSync(outside, { recursive: true });
  }
});

test("CVE-2022-29162: no capability is inheritable or ambient", async () => {
  for (const capAdd of [[], ["NET_ADMIN"]]) {
    const status = (await attempt(["cat", "/proc/self/status"], { capAdd })).output();
    assert.match(status, /CapInh:\s+0{16}\n/);
    assert.match(status, /CapAmb:\s+0{16}\n/);
  }
});

test("CVE-2016-9962: the host's mounts, processes and cgroups are not there to be entered", async () => {
  const script =
    "ls /proc | grep -c '^[0-9]'; cat /proc/1/cgroup; mount -o remount,rw /proc/sys 2>/dev/null && echo remounted; true";
  const output = (await attempt(["sh", "-c", script])).output();
  assert.not.match(output, "remounted");
  assert.match(output, /^0::\/$/m);
  assert.ok(Number(output.split("\n")[0]) <= 4, output);
});

test.run();
