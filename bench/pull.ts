import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { LayerStore } from "../src/image/layers.js";
import { Semaphore } from "../src/image/semaphore.js";
import { ImageStore } from "../src/image/store.js";
import { DEFAULT_LIMITS } from "../src/image/unpack.js";
import { openDatabase } from "../src/state/database.js";
import type { Bench, Question } from "./harness/question.js";
import { seriesOf, takeTurns } from "./harness/rounds.js";
import { inFreshFolder } from "./unpack/fresh-folder.js";
import { type BenchImage, benchImage } from "./unpack/image.js";

/** What the installer unpacks at once. */
const PARALLEL_UNPACKS = 2;

export const question: Question = {
  asks: "What does a pull from a registry on loopback add to unpacking alone?",
  ground: "private",
  async run(bench) {
    const image = benchImage((text) => bench.progress(text)).gzip;
    const host = await startRegistry(bench, image);
    let number = 0;
    const timed = (work: (root: string) => Promise<void>) => async (count: number) => {
      const values: number[] = [];
      for (let i = 0; i < count; i++) {
        await inFreshFolder(bench.folder, async (root) => {
          const start = process.hrtime.bigint();
          await work(root);
          values.push(Number(process.hrtime.bigint() - start));
        });
      }
      return values;
    };
    const subjects = [
      { key: "unpack", name: "unpacking alone", batch: timed((root) => unpackAll(root, image)) },
      {
        key: "pull",
        name: "pull from docker-registry",
        does: "the same layers, unpacked by the same code; their blobs fetched, verified and kept",
        batch: timed((root) => pull(root, join(bench.folder, `${number++}.db`), `${host}/bench:1`)),
      },
    ];
    const measured = await takeTurns(bench, subjects, { count: bench.count(5, 3), batchSize: 1, warmUps: 1 });
    const sizes = image.layers.map((layer) => `${(statSync(join(image.layout, layer)).size / 2 ** 20).toFixed(0)} MiB`);
    bench.note(`The layers are ${sizes.join(" and ")} of gzip; registry, puller and unpacker share the processors.`);
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

/** The database lies elsewhere: it keeps its files open for a while after it is closed, and the folder is unmounted. */
async function pull(root: string, databasePath: string, name: string): Promise<void> {
  const { database } = openDatabase(databasePath);
  try {
    await new ImageStore(root, database, undefined, { environment: { HOME: root } }).pull(name);
  } finally {
    database.close();
  }
}

async function unpackAll(root: string, image: BenchImage): Promise<void> {
  const { diffIds, layers } = describe(image);
  const store = new LayerStore(join(root, "layers"), DEFAULT_LIMITS);
  const turns = new Semaphore(PARALLEL_UNPACKS);
  await Promise.all(
    layers.map(({ digest, size }, index) => {
      const path = join(image.layout, "blobs", digest.replace(":", "/"));
      return turns.run(() => store.ensure(diffIds[index] ?? "", { path, digest, size }, {}));
    }),
  );
}

interface Described {
  layers: { digest: string; size: number }[];
  diffIds: string[];
}

/** What the image's documents say of its layers. */
function describe({ layout }: BenchImage): Described {
  const read = (digest: string): unknown =>
    JSON.parse(readFileSync(join(layout, "blobs", digest.replace(":", "/")), "utf8"));
  const index = JSON.parse(readFileSync(join(layout, "index.json"), "utf8")) as { manifests: { digest: string }[] };
  const manifest = read(index.manifests[0]?.digest ?? "") as Described & { config: { digest: string } };
  const config = read(manifest.config.digest) as { rootfs: { diff_ids: string[] } };
  return { layers: manifest.layers, diffIds: config.rootfs.diff_ids };
}

/** Debian's docker-registry with the image in it; ends with the question. @returns its host */
async function startRegistry(bench: Bench, { layout }: BenchImage): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  await new Promise((resolve) => server.close(resolve));
  const place = mkdtempSync(join(bench.folder, "registry-"));
  mkdirSync(join(place, "storage"));
  const configuration = {
    version: "0.1",
    log: { level: "info", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(place, "storage") } },
    http: { addr: host, secret: "bench" },
  };
  writeFileSync(join(place, "config.yml"), JSON.stringify(configuration));
  const child: ChildProcess = spawn("docker-registry", ["serve", join(place, "config.yml")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  bench.defer(async () => {
    if (child.exitCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  });
  await new Promise<void>((resolve, reject) => {
    child.stderr?.on("data", (piece) => String(piece).includes("listening on") && resolve());
    child.once("error", reject);
    child.once("exit", () => reject(new Error("docker-registry ended before it listened")));
  });
  const target = `docker://${host}/bench:1`;
  execFileSync("skopeo", ["copy", "-q", "--dest-tls-verify=false", `oci:${layout}:bench`, target], {
    stdio: "inherit",
  });
  return host;
}
