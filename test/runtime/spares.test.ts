import { execFileSync, spawn } from "node:child_process";
import { existsSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Container, CreateOptions } from "../../src/api.js";
import { awaitEvent } from "../../src/cgroup/events.js";
import { detectCgroupHost } from "../../src/cgroup/host.js";
import type { GranuleError } from "../../src/errors.js";
import { LEAST_SPARES } from "../../src/runtime/spare-demand.js";
import { Fixture } from "./fixture.js";
import { childrenReady, pidsOf, stocked, subtree } from "./spare-state.js";

const spares = suite("spares");
let prepared: Fixture;
let plain: Fixture;

async function outputOf(container: Container): Promise<string> {
  const exit = await container.wait();
  let text = "";
  for await (const { data, partial } of container.logs()) text += Buffer.from(data).toString() + (partial ? "" : "\n");
  await container.remove();
  assert.is(exit.code, 0, text);
  return text;
}

spares.before(async () => {
  plain = await Fixture.open({ spares: 0 });
  prepared = await Fixture.open({ spares: LEAST_SPARES });
  await outputOf(await prepared.run("true"));
  await stocked();
});
spares.after(async () => {
  await (prepared as Fixture | undefined)?.close();
  await (plain as Fixture | undefined)?.close();
});

/** All that a program can see of what is made around it, without what differs from container to container. */
const look = `
  awk '{ $1 = ""; $2 = ""; $3 = ""; print }' /proc/self/mountinfo | sort
  ls -la /dev /proc/sys/kernel | awk '{ print $1, $3, $4, $NF }' | grep -v total
  grep -E '^(Cap|Seccomp:|NoNew|Uid|Gid|Groups)' /proc/self/status
  cat /etc/hosts /proc/self/cgroup; id; pwd; env | sort; echo $$; awk '{ print $1 }' /proc/net/dev
  unshare -U true 2>&1; echo $?; ls /proc/1/root/..`;

const shapes: [what: string, options: Partial<CreateOptions>][] = [
  ["as it comes", {}],
  ["read-only, as another user", { readOnly: true, user: "1000:1000", workingDir: "/work" }],
  [
    "with a tmpfs, a variable and a capability less",
    { mounts: [{ type: "tmpfs", target: "/scratch" }], env: ["A=b"], capDrop: ["CHOWN"] },
  ],
  ["without a system call filter", { seccomp: "unconfined" }],
];

for (const [what, options] of shapes) {
  spares(`a container from a spare is like any other: ${what}`, async () => {
    const ids = await stocked();
    const from = await prepared.run(look, { hostname: "same", ...options });
    assert.ok(ids.includes(from.id), "a spare was taken");
    const without = await plain.run(look, { hostname: "same", ...options });
    const own = new RegExp(`${from.id}|${without.id}|granule-rt-\\w+|[0-9a-f]{64}`, "g");
    const [one, other] = await Promise.all([outputOf(from), outputOf(without)]);
    assert.is(one.replace(own, "ID"), other.replace(own, "ID"));
    assert.match(one, /overlay/);
  });
}

/** Enters the mount namespace of a process, lists its root, takes the root off, and finds all that lies below. */
const dig = `
  use File::Find;
  my ($setns, $umount2, $detach) = (308, 166, 2);
  open(my $namespace, "<", "/proc/$ARGV[0]/ns/mnt") or die $!;
  syscall($setns, fileno($namespace), 0) == 0 or die $!;
  opendir(my $root, "/") or die $!;
  print join(" ", sort readdir $root), "\n";
  my $path = "/";
  syscall($umount2, $path, $detach) == 0 or die $!;
  syscall($setns, fileno($namespace), 0) == 0 or die $!;
  find(sub { print "$File::Find::name\n" }, "/");`;

spares("below the root of a container there is nothing", async () => {
  const ids = await stocked();
  const container = await prepared.run("sleep 100");
  assert.ok(ids.includes(container.id));
  const { pid } = await container.inspect();
  const [root = "", ...below] = execFileSync("perl", ["-e", dig, String(pid)], { encoding: "utf8" })
    .trim()
    .split("\n");
  assert.match(root, /bin dev etc proc sys tmp/);
  assert.equal(below.sort(), ["/", "/dev", "/proc", "/sys"]);
  await container.remove({ force: true });
});

spares("as many are kept as the largest burst took, and made when it is over", async () => {
  const fixture = await Fixture.open();
  const count = 2 * LEAST_SPARES;
  await Promise.all(Array.from({ length: count }, async () => outputOf(await fixture.run("true"))));
  // Beside those of the other runtime.
  await childrenReady(LEAST_SPARES + count);
  await fixture.close();
  await stocked();
});

spares("what is mounted over a staged folder is made without a spare", async () => {
  const ids = await stocked();
  const container = await prepared.run("grep -c /dev/shm/x /proc/mounts", {
    mounts: [{ type: "tmpfs", target: "/dev/shm/x" }],
  });
  assert.not.ok(ids.includes(container.id));
  assert.is(await outputOf(container), "1\n");
});

spares("a plan that is too long for a spare is launched without", async () => {
  await stocked();
  const value = "x".repeat(90_000);
  const container = await prepared.run('echo "$LONG" | wc -c', { env: [`LONG=${value}`] });
  assert.is((await outputOf(container)).trim(), String(value.length + 1));
});

spares("spares that died are passed over", async () => {
  const ids = await stocked();
  for (const id of ids) for (const pid of pidsOf(id)) process.kill(pid, "SIGKILL");
  await Promise.all(ids.map((id) => awaitEvent(`${subtree()}/${id}`, "populated", 0, 5000)));
  await awaitEvent(`${subtree()}/monitors`, "populated", 0, 5000);
  for (const word of ["one", "two"]) assert.is(await outputOf(await prepared.run(`echo ${word}`)), `${word}\n`);
});

spares("a command that is not there is told as such, and nothing of the spare is left", async () => {
  const ids = await stocked();
  try {
    await prepared.runtime.containers.run({ image: "busybox", command: ["nope"] });
    assert.unreachable();
  } catch (thrown) {
    assert.is((thrown as GranuleError).code, "COMMAND_NOT_FOUND");
  }
  const now = await stocked();
  const gone = ids.filter((id) => !now.includes(id));
  assert.is(gone.length, 1);
  assert.not.ok(existsSync(join(prepared.root, "containers", gone[0] ?? "")));
});

spares("those of a killed owner leave by themselves", async () => {
  const name = `${process.env["GRANULE_CGROUP"]}-owner`;
  const child = spawn(process.execPath, [fileURLToPath(new URL("spares-child.js", import.meta.url))], {
    env: { ...process.env, GRANULE_CGROUP: name },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const root = (await child.stdout.setEncoding("utf8").take(1).toArray()).join("").trim();
  const { base } = detectCgroupHost();
  assert.is(readdirSync(join(root, "containers")).length, LEAST_SPARES);
  child.kill("SIGKILL");
  await awaitEvent(`${base}/${name}`, "populated", 0, 5000);
  const left = (): string[] => readdirSync(`${base}/${name}`).filter((entry) => /^[0-9a-f]{32}$/.test(entry));
  const deadline = performance.now() + 5000;
  // Removed by the monitors just before they end.
  while (left().length > 0 && performance.now() < deadline) await setTimeout(5);
  assert.equal(left(), []);
  await awaitEvent(`${base}/${name}/monitors`, "populated", 0, 5000);
  for (const folder of [`${base}/${name}/monitors`, `${base}/${name}`]) rmdirSync(folder);
  rmSync(root, { recursive: true });
});

spares.run();
