import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FixtureImage, ociLayoutOf, writeFolder } from "../fixture.js";

export interface RegistryOptions {
  /** Ask for a name and a password. */
  login?: { username: string; password: string };
  /** Speak TLS with this certificate. */
  tls?: {
    certificate: string;
    key: string;
    /** Ask clients for a certificate of this authority. */
    clientAuthority?: string;
  };
}

/** Debian's docker-registry on a loopback port of its own, with a folder of its own. */
export class DebianRegistry {
  readonly host: string;
  readonly folder: string;
  readonly #child: ChildProcess;
  readonly #options: RegistryOptions;

  private constructor(host: string, folder: string, child: ChildProcess, options: RegistryOptions) {
    this.host = host;
    this.folder = folder;
    this.#child = child;
    this.#options = options;
  }

  static async start(options: RegistryOptions = {}): Promise<DebianRegistry> {
    const folder = mkdtempSync(join(tmpdir(), "granule-registry-"));
    const host = `127.0.0.1:${await freePort()}`;
    writeFileSync(join(folder, "config.yml"), configurationOf(host, folder, options));
    const child = spawn("docker-registry", ["serve", join(folder, "config.yml")], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const registry = new DebianRegistry(host, folder, child, options);
    try {
      await listening(child);
    } catch (thrown) {
      await registry.stop();
      throw thrown;
    }
    return registry;
  }

  /** Pushes an image by skopeo. @returns the digest of its manifest */
  push(image: FixtureImage, name: string, more: string[] = []): string {
    const layout = mkdtempSync(join(this.folder, "layout-"));
    writeFolder(layout, ociLayoutOf([image]));
    return this.pushFrom(`oci:${layout}`, name, more);
  }

  /** Pushes from any place that skopeo can read. */
  pushFrom(source: string, name: string, more: string[] = []): string {
    const { login } = this.#options;
    const credentials = login ? ["--dest-creds", `${login.username}:${login.password}`] : [];
    const digest = join(this.folder, "digest");
    const args = ["copy", "-q", "--dest-tls-verify=false", "--digestfile", digest, ...credentials, ...more];
    execFileSync("skopeo", [...args, source, `docker://${this.host}/${name}`], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    return execFileSync("cat", [digest], { encoding: "utf8" }).trim();
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exited = once(this.#child, "exit");
      this.#child.kill("SIGKILL");
      await exited;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function configurationOf(host: string, folder: string, { login, tls }: RegistryOptions): string {
  const lines = [
    "version: 0.1",
    "log: {level: info, accesslog: {disabled: true}}",
    `storage: {filesystem: {rootdirectory: ${join(folder, "storage")}}, delete: {enabled: true}}`,
    "http:",
    `  addr: ${host}`,
    "  secret: test",
  ];
  if (tls) {
    const clients = tls.clientAuthority === undefined ? "" : `, clientcas: [${tls.clientAuthority}]`;
    lines.push(`  tls: {certificate: ${tls.certificate}, key: ${tls.key}${clients}}`);
  }
  if (login) {
    const file = join(folder, "htpasswd");
    writeFileSync(file, execFileSync("htpasswd", ["-Bbn", login.username, login.password]));
    lines.push(`auth: {htpasswd: {realm: test, path: ${file}}}`);
  }
  return `${lines.join("\n")}\n`;
}

/** The registry says on stderr that it listens; what it says later is read and passed over, so that it never waits. */
function listening(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = "";
    child.stdout?.resume();
    child.stderr?.setEncoding("utf8").on("data", (piece: string) => {
      if (said.includes("listening on")) return;
      said += piece;
      if (said.includes("listening on")) resolve();
    });
    child.once("exit", () => reject(new Error(`docker-registry ended: ${said}`)));
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
