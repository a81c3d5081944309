import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "tar";
import { payloadPath } from "../../bench/harness/paths.js";
import type { Container, CreateOptions, Runtime } from "../../src/api.js";
import { connect } from "../../src/channel/connect.js";
import { serveChannel } from "../../src/channel/server.js";
import { openRuntime, type RuntimeOptions } from "../../src/runtime/runtime.js";

process.env["GRANULE_CGROUP"] ??= `granule-test-${process.pid}`;

const applets = [
  "sh",
  "cat",
  "echo",
  "sleep",
  "true",
  "false",
  "head",
  "tail",
  "seq",
  "yes",
  "kill",
  "id",
  "ls",
  "mkdir",
  "touch",
  "wc",
  "dd",
  "env",
  "hostname",
  "stty",
  "tr",
  "printf",
  "test",
  "mount",
  "ps",
  "awk",
  "unshare",
];

/** A root of its own with the image `busybox`, and the runtime opened on it. */
export class Fixture {
  readonly root: string;
  runtime: Runtime;

  private constructor(root: string, runtime: Runtime) {
    this.root = root;
    this.runtime = runtime;
  }

  static async open(options: Omit<RuntimeOptions, "root" | "state"> = {}): Promise<Fixture> {
    const root = mkdtempSync(join(tmpdir(), "granule-rt-"));
    const runtime = await openForTest(root, options);
    const fixture = new Fixture(root, runtime);
    const tar = join(root, "busybox.tar");
    await writeImage(tar);
    await runtime.images.import(tar, { name: "busybox", config: { env: ["PATH=/bin"], cmd: ["sh"] } });
    return fixture;
  }

  /** A runtime on the same root, as after a restart of the process. */
  async reopen(): Promise<void> {
    await this.runtime.close();
    await this.openAgain();
  }

  /** Takes up a root that nobody owns now. */
  async openAgain(): Promise<void> {
    this.runtime = await openForTest(this.root);
  }

  run(script: string, options: Partial<CreateOptions> = {}): Promise<Container> {
    return this.runtime.containers.run({ image: "busybox", command: ["sh", "-c", script], ...options });
  }

  create(script: string, options: Partial<CreateOptions> = {}): Promise<Container> {
    return this.runtime.containers.create({ image: "busybox", command: ["sh", "-c", script], ...options });
  }

  /** Removes every container, closes, and deletes the root. */
  async close(): Promise<void> {
    for (const { id } of await this.runtime.containers.list({ all: true })) {
      const container = await this.runtime.containers.get(id).catch(() => undefined);
      await container?.remove({ force: true });
    }
    await this.runtime.close();
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** The runtime in this process, or the same one through a channel where `over-channel.ts` was imported. */
async function openForTest(root: string, options: Omit<RuntimeOptions, "root" | "state"> = {}): Promise<Runtime> {
  const local = await openRuntime({ root, ...options });
  if (process.env["GRANULE_TEST_OVER"] !== "channel") return local;
  const server = await serveChannel(local, { path: join(root, "test.sock") });
  const client = await connect(`unix:${server.path}`, { reconnect: false });
  const close = async (): Promise<void> => {
    // What was asked before has arrived, then. The runtime goes first: whoever waits hears of that over the channel.
    await client.info();
    await local.close();
    await server.close();
    await client.close();
  };
  const { containers, images, usage, tokens } = client;
  return {
    containers,
    images,
    usage,
    tokens,
    info: () => client.info(),
    events: (options) => client.events(options),
    samples: (options) => client.samples(options),
    warm: (options) => client.warm(options),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** A root file system of busybox, and of the program that does work by measure (bench/payload/payload.c). */
async function writeImage(path: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "granule-image-"));
  try {
    for (const name of ["bin", "etc", "tmp", "proc", "sys", "dev"]) mkdirSync(join(folder, name));
    copyFileSync("/bin/busybox", join(folder, "bin/busybox"));
    chmodSync(join(folder, "bin/busybox"), 0o755);
    copyFileSync(payloadPath, join(folder, "bin/payload"));
    for (const applet of applets) symlinkSync("busybox", join(folder, "bin", applet));
    writeFileSync(join(folder, "etc/passwd"), "root:x:0:0::/:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n");
    writeFileSync(join(folder, "etc/group"), "root:x:0:\nuser:x:1000:\n");
    writeFileSync(join(folder, "etc/plain"), "not a program\n", { mode: 0o644 });
    chmodSync(join(folder, "tmp"), 0o1777);
    await create({ cwd: folder, file: path, portable: true }, ["."]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export function text(data: Uint8Array): string {
  return Buffer.from(data).toString("utf8");
}

/** All lines of a container's log, without their newlines. */
export async function logText(container: Container, stream?: "stdout" | "stderr"): Promise<string> {
  let all = "";
  for await (const line of container.logs()) {
    if (stream === undefined || line.stream === stream) all += text(line.data) + (line.partial ? "" : "\n");
  }
  return all;
}
