import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { LayerStore } from "../src/image/layers.js";
import { Semaphore } from "../src/image/semaphore.js";
import { ImageStore } from "../src/image/store.js";
import { DEFAULT_LIMITS } from "../src/image/unpack.js";
import { openDatabase } from "../src/state/database.js";
import type { Bench, Question } from "./harness/question.js";
import { seriesOf, takeTurns } from "./harness/rounds.js";

/** Files of the layer of small ones. */
const SMALL_FILES = 40_000;
/** What the installer unpacks at once. */
const PARALLEL = 2;

export const question: Question = {
  asks: "What does a pull from a registry on loopback add to unpacking alone?",
  ground: "host",
  async run(bench) {
    const image = makeImage(bench);
    const registry = await startRegistry(bench, image);
    let number = 0;
    const fresh = (): string => {
      const root = join(bench.folder, `root${number++}`);
      mkdirSync(root);
      return root;
    };
    const timed = async (count: number, work: (root: string) => Promise<void>): Promise<number[]> => {
      const values: number[] = [];
      for (let i = 0; i < count; i++) {
        const root = fresh();
        execFileSync("sync");
        const start = process.hrtime.bigint();
        await work(root);
        values.push(Number(process.hrtime.bigint() - start));
        rmSync(root, { recursive: true });
      }
      return values;
    };
    const subjects = [
      {
        key: "unpack",
        name: "unpacking alone",
        batch: (count: number) => timed(count, (root) => unpackAll(root, image)),
      },
      {
        key: "pull",
        name: "pull from docker-registry on loopback",
        does: "the same layers, unpacked by the same code, and their blobs fetched, verified and kept",
        batch: (count: number) =>
          timed(count, async (root) => {
            const { database } = openDatabase(join(root, "granule.db"));
            const environment = { HOME: root };
            await new ImageStore(root, database, undefined, { environment }).pull(`${registry}/bench:1`);
            database.close();
          }),
      },
    ];
    const measured = await takeTurns(bench, subjects, { count: bench.count(5, 3), batchSize: 1, warmUps: 1 });
    bench.note(
      `the image: ${image.layers.map(({ size }) => `${(size / 2 ** 20).toFixed(0)} MiB`).join(" and ")} of gzip`,
    );
    return [
      {
        key: "pull.whole",
        title: "from nothing to an unpacked image",
        unit: "ns",
        better: "lower",
        reference: "unpack",
        series: seriesOf(measured, (value) => value),
      },
    ];
  },
};

interface BenchImage {
  folder: string;
  layers: { path: string; digest: string; diffId: string; size: number }[];
}

/** A layer of programs and libraries of this host, and one of small files; as an OCI layout. */
function makeImage(bench: Bench): BenchImage {
  bench.progress("making the image");
  const folder = join(bench.folder, "layout");
  const blobs = join(folder, "blobs/sha256");
  mkdirSync(blobs, { recursive: true });
  const files = join(bench.folder, "files");
  for (let i = 0; i < SMALL_FILES; i++) {
    const place = join(files, String(i % 400));
    if (i < 400) mkdirSync(place, { recursive: true });
    writeFileSync(join(place, `file${i}`), randomBytes(256 + (i % 2048)).toString("hex"));
  }
  const layers = [
    layer(blobs, ["-C", "/", "usr/bin", "usr/lib/x86_64-linux-gnu"]),
    layer(blobs, ["-C", bench.folder, "files"]),
  ];
  rmSync(files, { recursive: true });
  const put = (document: unknown): { digest: string; size: number } => {
    const bytes = Buffer.from(JSON.stringify(document));
    const hex = createHash("sha256").update(bytes).digest("hex");
    writeFileSync(join(blobs, hex), bytes);
    return { digest: `sha256:${hex}`, size: bytes.length };
  };
  const architecture = process.arch === "x64" ? "amd64" : process.arch;
  const rootfs = { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) };
  const config = {
    mediaType: "application/vnd.oci.image.config.v1+json",
    ...put({ os: "linux", architecture, rootfs, config: {} }),
  };
  const mediaType = "application/vnd.oci.image.layer.v1.tar+gzip";
  const manifest = put({
    schemaVersion: 2,
    config,
    layers: layers.map(({ digest, size }) => ({ mediaType, digest, size })),
  });
  const entry = { mediaType: "application/vnd.oci.image.manifest.v1+json", ...manifest };
  writeFileSync(join(folder, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(join(folder, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [entry] }));
  return { folder, layers };
}

function layer(blobs: string, args: string[]): BenchImage["layers"][number] {
  const path = join(blobs, "layer");
  execFileSync("sh", ["-c", 'tar -c "$@" 2>/dev/null | tee layer.tar | gzip -6 > layer', "-", ...args], { cwd: blobs });
  const hex = (file: string): string => execFileSync("sha256sum", [file], { encoding: "utf8" }).slice(0, 64);
  const [digest, diffId] = [hex(path), hex(`${path}.tar`)];
  rmSync(`${path}.tar`);
  const target = join(blobs, digest);
  linkSync(path, target);
  rmSync(path);
  return { path: target, digest: `sha256:${digest}`, diffId: `sha256:${diffId}`, size: readFileSync(target).length };
}

async function unpackAll(root: string, image: BenchImage): Promise<void> {
  const store = new LayerStore(join(root, "layers"), DEFAULT_LIMITS);
  const turns = new Semaphore(PARALLEL);
  await Promise.all(
    image.layers.map(({ path, digest, size, diffId }) =>
      turns.run(() => store.ensure(diffId, { path, digest, size }, {})),
    ),
  );
}

/** Debian's docker-registry with the image in it; ends with the question. @returns its host */
async function startRegistry(bench: Bench, { folder }: BenchImage): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  await new Promise((resolve) => server.close(resolve));
  const place = mkdtempSync(join(bench.folder, "registry-"));
  const storage = `storage: {filesystem: {rootdirectory: ${join(place, "storage")}}}`;
  writeFileSync(
    join(place, "config.yml"),
    `version: 0.1\nlog: {level: info, accesslog: {disabled: true}}\n${storage}\nhttp: {addr: "${host}", secret: bench}\n`,
  );
  const child: ChildProcess = spawn("docker-registry", ["serve", join(place, "config.yml")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  bench.defer(async () => {
    child.kill("SIGKILL");
    await once(child, "exit");
  });
  await new Promise<void>((resolve, reject) => {
    child.stderr?.on("data", (piece) => String(piece).includes("listening on") && resolve());
    child.once("exit", () => reject(new Error("docker-registry ended before it listened")));
  });
  execFileSync("skopeo", ["copy", "-q", "--dest-tls-verify=false", `oci:${folder}`, `docker://${host}/bench:1`]);
  return host;
}
