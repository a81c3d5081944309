import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, copyFileSync, lstatSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { connect as connectTls } from "node:tls";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Authority } from "../channel/certificates.js";
import { CliHome, mainPath, result, until } from "./cli-home.js";

const folder = mkdtempSync(join(tmpdir(), "granule-serve-"));
const authority = new Authority(join(folder, "ca"));
const server = authority.issue("server", "/CN=server");

const test = suite("granule serve for callers elsewhere");
test.after(() => rmSync(folder, { recursive: true }));

/** Runs `granule serve` with flags in a home of its own, and tells the urls of its log. */
async function serving(
  flags: string[],
  body: (home: CliHome, urls: string[], owner: ReturnType<CliHome["start"]>) => Promise<void>,
): Promise<void> {
  const home = await CliHome.open();
  try {
    await home.stopOwner();
    const owner = home.start(["serve", "--log-level", "info", ...flags]);
    try {
      const log = await until(owner.stderr as Readable, '"msg":"listening"');
      const line = log.split("\n").find((text) => text.includes('"listening"')) ?? "";
      await body(home, (JSON.parse(line) as { urls: string[] }).urls, owner);
    } finally {
      owner.kill("SIGTERM");
      if (owner.exitCode === null && owner.signalCode === null) await once(owner, "exit");
    }
  } finally {
    await home.close();
  }
}

test("a remote host is driven with the same command line, by a token of a file", async () => {
  await serving(
    ["--listen", "wss://127.0.0.1:0", "--tls-cert", server.cert, "--tls-key", server.key],
    async (home, urls) => {
      const url = urls.find((text) => text.startsWith("wss:")) ?? "";
      const tokenFile = join(folder, "token");
      const made = await home.run([
        "token",
        "create",
        "--role",
        "operator",
        "--name",
        "ci",
        "--selector",
        "team=a",
        "--expires",
        "30d",
      ]);
      assert.match(made.stdout, /^granule_[0-9a-f]{12}_[A-Za-z0-9_-]{43}\n$/);
      writeFileSync(tokenFile, made.stdout, { mode: 0o600 });
      const remote = ["--host", url, "--token-file", tokenFile, "--tls-ca", authority.ca];
      const run = await home.run([...remote, "run", "-d", "--name", "web", "granule/base:latest", "sleep", "60"]);
      assert.is(run.code, 0, run.stderr);
      const listed = JSON.parse((await home.run([...remote, "ps", "--json"])).stdout) as {
        name: string;
        tags: object;
      }[];
      assert.equal(
        listed.map(({ name, tags }) => [name, tags]),
        [["web", { team: "a" }]],
      );
      const tokens = await home.run(["token", "list"]);
      assert.match(
        tokens.stdout,
        /^ID +NAME +ROLE +SELECTOR +CREATED +EXPIRES +LAST USED\n[0-9a-f]{12} +ci +operator +team=a /,
      );
      const without = await home.run(["--host", url, "--tls-ca", authority.ca, "ps"]);
      assert.is(without.code, 1);
      assert.match(
        without.stderr,
        /a token is needed \(HTTP 401\)\nhint: give a token by --token-file FILE or GRANULE_TOKEN/,
      );
      const untrusted = await home.run(["--host", url, "--token-file", tokenFile, "ps"]);
      assert.match(untrusted.stderr, /authority that is not known here.*\nhint: name it by --tls-ca FILE/);
      assert.match((await home.run([...remote, "token", "list"])).stderr, "needs the role admin");
      assert.is((await home.run(["token", "revoke", "ci"])).stdout, "ci\n");
      assert.match((await home.run([...remote, "ps"])).stderr, /unknown, revoked or expired \(HTTP 401\)/);
      await home.run(["rm", "-f", "web"]);
    },
  );
});

test("what a connection fails by is said so that it can be mended", async () => {
  const home = await CliHome.open();
  try {
    const cases: [string[], RegExp][] = [
      [["--host", "wss://127.0.0.1:1", "ps"], /nobody listens there/],
      [["--host", "unix:/no/such.sock", "ps"], /there is no such socket/],
      [["--host", "unix:/a", "--token-file", "/no/token", "ps"], /--token-file: \/no\/token cannot be read \(ENOENT\)/],
      [["--host", "wss://a", "--tls-cert", "x", "ps"], /give both --tls-cert and --tls-key/],
      [["--host", "ws://192.0.2.7:1", "--token-file", server.cert, "ps"], /not one: it has spaces/],
      [["--host", "ftp://a", "ps"], /not a channel address/],
    ];
    for (const [args, message] of cases) {
      const { code, stderr } = await home.run(args);
      assert.is(code, 1);
      assert.match(stderr, message);
    }
  } finally {
    await home.close();
  }
});

test("--check names every fault with its place, and 1 is the exit code", async () => {
  const home = await CliHome.open();
  try {
    const file = join(folder, "granule.yaml");
    writeFileSync(file, "log: { level: loud }\nlisten:\n  - ws://10.0.0.1:80\nfoo: 1\n");
    const faulty = await home.run(["serve", "--check", "--config", file]);
    assert.is(faulty.code, 1);
    assert.equal(
      faulty.stdout.split("\n").map((line) => line.replace(/ \(.*/, "")),
      [
        `${file}:1:15: unknown log level loud`,
        `${file}:3:5: ws://10.0.0.1:80 would show tokens to the network`,
        `${file}:4:1: foo: unknown key`,
        "3 faults",
        "",
      ],
    );
    const refused = await home.run(["serve", "--config", file]);
    assert.is(refused.code, 1);
    assert.match(refused.stderr, /unknown log level loud \(and 2 more\)\nhint: `granule serve --check`/);
    writeFileSync(file, "listen: [unix:/run/elsewhere.sock]\n");
    const sound = await home.run(["serve", "--check", "--config", file]);
    assert.is(sound.code, 0);
    assert.match(sound.stdout, /nothing wrong\nlistens at unix:\/run\/elsewhere\.sock\n/);
  } finally {
    await home.close();
  }
});

test("SIGHUP takes renewed certificates, and faulty ones change nothing", async () => {
  const cert = join(folder, "live.pem");
  const key = join(folder, "live.key");
  const place = (from: { cert: string; key: string }): void => {
    copyFileSync(from.cert, cert);
    copyFileSync(from.key, key);
  };
  place(server);
  const flags = ["--listen", "wss://127.0.0.1:0", "--tls-cert", cert, "--tls-key", key];
  await serving(flags, async (_home, urls, owner) => {
    const port = Number(new URL(urls.find((text) => text.startsWith("wss:")) ?? "").port);
    const serial = async (): Promise<string> => {
      const socket = connectTls({ host: "127.0.0.1", port, ca: readFileSync(authority.ca) });
      await once(socket, "secureConnect");
      const { serialNumber } = socket.getPeerCertificate();
      socket.destroy();
      return serialNumber;
    };
    const log = owner.stderr as Readable;
    const before = await serial();
    place(authority.issue("renewed", "/CN=server"));
    owner.kill("SIGHUP");
    await until(log, '"msg":"reloaded"');
    const after = await serial();
    assert.is.not(after, before);
    chmodSync(key, 0o644);
    owner.kill("SIGHUP");
    assert.match(await until(log, "not reloaded"), "read by everybody");
    assert.is(await serial(), after);
  });
});

/** Listens as a service manager does, at argv[1] and on a port that it prints, then becomes the rest of its command line. */
const manager = `import os, socket, sys
unix = socket.socket(socket.AF_UNIX)
unix.bind(sys.argv[1].replace("@", chr(0)))
unix.listen()
tcp = socket.create_server(("127.0.0.1", 0))
print(tcp.getsockname()[1], flush=True)
fds = [os.dup(listening.fileno()) for listening in (unix, tcp)]
for place, fd in enumerate(fds):
    os.dup2(fd, 3 + place, inheritable=True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="2", LISTEN_FDNAMES="control:net")
os.execv(sys.argv[2], sys.argv[2:])`;

test("sockets of a service manager are served on, and their file is left to it", async () => {
  const home = await CliHome.open();
  try {
    await home.stopOwner();
    const path = join(folder, "activated.sock");
    const flags = ["serve", "--insecure", "--log-level", "info"];
    const owner = spawn("python3", ["-c", manager, path, process.execPath, mainPath, ...flags], {
      env: home.env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    try {
      const port = Number(await until(owner.stdout, "\n"));
      await until(owner.stderr, '"msg":"listening"');
      const { stdout } = await home.run(["--host", `unix:${path}`, "info", "--json"]);
      assert.is((JSON.parse(stdout) as { pid: number }).pid, owner.pid);
      const made = await home.run(["token", "create", "--role", "reader", "--json"]);
      const tokenFile = join(folder, "activated.token");
      writeFileSync(tokenFile, (JSON.parse(made.stdout) as { token: string }).token);
      const remote = ["--host", `ws://127.0.0.1:${port}`, "--token-file", tokenFile];
      assert.is((await home.run([...remote, "ps"])).code, 0);
    } finally {
      owner.kill("SIGTERM");
      await once(owner, "exit");
    }
    assert.ok(lstatSync(path).isSocket());
  } finally {
    await home.close();
  }
});

test("an abstract socket, which anybody in the network namespace could connect to, is refused", async () => {
  const home = await CliHome.open();
  try {
    await home.stopOwner();
    const name = `@granule-test-${process.pid}`;
    const owner = spawn("python3", ["-c", manager, name, process.execPath, mainPath, "serve", "--insecure"], {
      env: home.env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const { code, stderr } = await result(owner);
    assert.is(code, 1);
    assert.match(stderr, "has no file, so anybody may connect to it");
  } finally {
    await home.close();
  }
});

test("sockets meant for another process, or that are none, are not taken", async () => {
  const home = await CliHome.open();
  try {
    await home.stopOwner();
    const other = spawn(
      "sh",
      ["-c", 'LISTEN_PID=1 LISTEN_FDS=1 exec "$0" "$1" serve --idle-exit 1ms', process.execPath, mainPath],
      {
        env: home.env,
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    assert.is((await result(other)).code, 0);
    const wrong = spawn(
      "sh",
      ["-c", 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$1" serve 3</dev/null', process.execPath, mainPath],
      {
        env: home.env,
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    const { code, stderr } = await result(wrong);
    assert.is(code, 1);
    assert.match(stderr, "descriptor 3 is no socket");
  } finally {
    await home.close();
  }
});

test("a service manager is told when it listens and when it leaves", async () => {
  const path = join(folder, "notify.sock");
  const python = `import socket\ns = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\ns.bind(${JSON.stringify(path)})\nprint("bound", flush=True)\nfor _ in range(4):\n    print(s.recv(4096).decode().replace(chr(10), " "), flush=True)`;
  const listener = spawn("python3", ["-c", python], { stdio: ["ignore", "pipe", "inherit"] });
  await until(listener.stdout, "bound");
  const home = await CliHome.open();
  try {
    await home.stopOwner();
    home.env["NOTIFY_SOCKET"] = path;
    const owner = home.start(["serve"]);
    owner.stderr?.resume();
    try {
      await until(listener.stdout, "READY=1");
      owner.kill("SIGHUP");
      const reloaded = await until(listener.stdout, "READY=1");
      assert.match(reloaded, /^\s*RELOADING=1 MONOTONIC_USEC=\d+\s+READY=1/);
      owner.kill("SIGTERM");
      await until(listener.stdout, "STOPPING=1");
    } finally {
      owner.kill("SIGTERM");
      await once(owner, "exit");
    }
  } finally {
    delete home.env["NOTIFY_SOCKET"];
    listener.kill();
    await home.close();
  }
});

test("the unit leaves containers alone, and gives the server time to drain", async () => {
  const unit = readFileSync(new URL("../../../src/channel/systemd/granule.service", import.meta.url), "utf8");
  for (const line of ["Delegate=yes", "KillMode=process", "Type=notify", "ExecReload=/bin/kill -HUP $MAINPID"]) {
    assert.ok(unit.split("\n").includes(line), line);
  }
  assert.ok(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1]) > 10);
  const socket = readFileSync(new URL("../../../src/channel/systemd/granule.socket", import.meta.url), "utf8");
  for (const line of ["ListenStream=/run/granule/granule.sock", "SocketMode=0660"])
    assert.ok(socket.split("\n").includes(line));
});

test.run();
