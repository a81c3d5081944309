import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ImageStore } from "../../src/image/store.js";
import type { UnpackLimits } from "../../src/image/unpack.js";
import { openDatabase } from "../../src/state/database.js";
import { tarOf } from "../unpack/tar-fixture.js";

export interface TestStore extends Disposable {
  folder: string;
  root: string;
  store: ImageStore;
  /** Opens the same root once more, as after a crash. */
  reopen(): ImageStore;
}

export function openTestStore(limits?: UnpackLimits): TestStore {
  const folder = mkdtempSync(join(tmpdir(), "granule-image-"));
  const root = join(folder, "root");
  mkdirSync(root);
  const { database } = openDatabase(join(root, "granule.db"));
  return {
    folder,
    root,
    store: new ImageStore(root, database, limits),
    reopen: () => new ImageStore(root, database, limits),
    [Symbol.dispose]: () => {
      database.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export function sha256(bytes: Uint8Array | string): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

export interface FixtureLayer {
  tar: Buffer;
  /** The blob as it is stored; the tar itself unless told. */
  blob?: Buffer;
  mediaType?: string;
}

/** An image in the making; every field that a test wants wrong can be told. */
export interface FixtureImage {
  layers: FixtureLayer[];
  config?: Record<string, unknown>;
  diffIds?: string[];
  architecture?: string;
  names?: string[];
}

export function layerOf(...files: [name: string, body: string][]): FixtureLayer {
  return { tar: tarOf(files.map(([name, body]) => ({ name, body }))) };
}

export function configOf(image: FixtureImage): Buffer {
  return Buffer.from(
    JSON.stringify({
      created: "2024-01-02T03:04:05Z",
      architecture: image.architecture ?? (process.arch === "x64" ? "amd64" : process.arch),
      os: "linux",
      config: image.config ?? { Cmd: ["/bin/sh"] },
      rootfs: { type: "layers", diff_ids: image.diffIds ?? image.layers.map(({ tar }) => sha256(tar)) },
    }),
  );
}

/** The files of an OCI image layout; `change` may damage a document before it is hashed. */
export function ociLayoutOf(
  images: readonly FixtureImage[],
  change: (document: Record<string, unknown>) => void = () => {},
): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  const blob = (bytes: Buffer, mediaType: string) => {
    const digest = sha256(bytes);
    files.set(`blobs/${digest.replace(":", "/")}`, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const manifests = images.map((image) => {
    const manifest: Record<string, unknown> = {
      schemaVersion: 2,
      config: blob(configOf(image), "application/vnd.oci.image.config.v1+json"),
      layers: image.layers.map((layer) =>
        blob(layer.blob ?? layer.tar, layer.mediaType ?? "application/vnd.oci.image.layer.v1.tar"),
      ),
    };
    change(manifest);
    const descriptor = blob(Buffer.from(JSON.stringify(manifest)), "application/vnd.oci.image.manifest.v1+json");
    return {
      ...descriptor,
      annotations: image.names ? { "org.opencontainers.image.ref.name": image.names[0] } : undefined,
    };
  });
  files.set("oci-layout", Buffer.from('{"imageLayoutVersion":"1.0.0"}'));
  files.set("index.json", Buffer.from(JSON.stringify({ schemaVersion: 2, manifests })));
  return files;
}

/** The files of a `docker save` archive. */
export function dockerArchiveOf(images: readonly FixtureImage[]): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  const manifest = images.map((image) => {
    const config = configOf(image);
    const Config = `${sha256(config).slice(7)}.json`;
    files.set(Config, config);
    const Layers = image.layers.map((layer) => {
      const name = `${sha256(layer.tar).slice(7)}/layer.tar`;
      files.set(name, layer.blob ?? layer.tar);
      return name;
    });
    return { Config, RepoTags: image.names ?? null, Layers };
  });
  files.set("manifest.json", Buffer.from(JSON.stringify(manifest)));
  return files;
}

export function writeFolder(folder: string, files: Map<string, Buffer>): string {
  for (const [name, bytes] of files) {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), bytes);
  }
  return folder;
}

export function writeArchive(path: string, files: Map<string, Buffer>): string {
  const entries = [...files].map(([name, body]) =>
    name.length > 99 ? { name: "x", body, pax: { path: name } } : { name, body },
  );
  writeFileSync(path, tarOf(entries));
  return path;
}

/** The error that a promise is rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<Error & { code?: string; hint?: string }> {
  return await promise.then(
    () => {
      throw new Error("nothing was refused");
    },
    (thrown: Error) => thrown,
  );
}
