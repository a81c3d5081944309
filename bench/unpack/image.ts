import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageRoot } from "../harness/paths.js";
import { writeSmallFiles } from "./small-files.js";

export type Compression = "gzip" | "zstd";

/** The image that all unpack: Debian, and an application of many small files above it. */
export interface BenchImage {
  /** OCI layout, with the one tag `bench`. */
  layout: string;
  /** Compressed layers, lowest first. */
  layers: string[];
}

const mediaType = "application/vnd.oci.image";

/** Makes the image, or takes the one made before: debootstrap's downloads and the compressors take minutes. */
export function benchImage(progress: (text: string) => void): Record<Compression, BenchImage> {
  const cache = join(packageRoot.pathname, "build/bench-image");
  if (!existsSync(cache)) {
    mkdirSync(join(cache, ".."), { recursive: true });
    const work = mkdtempSync(`${cache}.`);
    try {
      make(work, progress);
      renameSync(work, cache);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }
  const at = (compression: Compression): BenchImage => ({
    layout: join(cache, compression),
    layers: JSON.parse(readFileSync(join(cache, compression, "layers.json"), "utf8")) as string[],
  });
  const image = { gzip: at("gzip"), zstd: at("zstd") };
  // All find the layers in the page cache.
  for (const { layout, layers } of Object.values(image)) for (const layer of layers) readFileSync(join(layout, layer));
  return image;
}

function make(work: string, progress: (text: string) => void): void {
  const scratch = mkdtempSync(join(tmpdir(), "granule-bench-image-"));
  const run = (command: string, args: string[]): void =>
    void execFileSync(command, args, { stdio: ["ignore", "ignore", "inherit"] });
  try {
    progress("fetching Debian by debootstrap");
    run("debootstrap", ["--variant=minbase", "bookworm", join(scratch, "base")]);
    progress("making an application of small files");
    writeSmallFiles(join(scratch, "app"));
    const tars = ["base", "app"].map((name) => {
      const tar = join(scratch, `${name}.tar`);
      run("tar", ["--numeric-owner", "--xattrs", "--sort=name", "-C", join(scratch, name), "-cf", tar, "."]);
      return tar;
    });
    progress("compressing");
    for (const compression of ["gzip", "zstd"] as const) writeLayout(join(work, compression), tars, compression);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** An OCI image layout of these layers (image-spec, image-layout.md). */
function writeLayout(layout: string, tars: string[], compression: Compression): void {
  const blobs = join(layout, "blobs/sha256");
  mkdirSync(blobs, { recursive: true });
  const blob = (bytes: Buffer) => {
    const digest = sha256(bytes);
    writeFileSync(join(blobs, digest), bytes);
    return { digest: `sha256:${digest}`, size: bytes.length };
  };
  const json = (value: unknown) => blob(Buffer.from(JSON.stringify(value)));
  const layers = tars.map((tar) => {
    const packed = `${tar}.${compression}`;
    const command = compression === "gzip" ? "gzip -6" : "zstd -q -3";
    execFileSync("sh", ["-c", `${command} -c "$1" >"$2"`, "sh", tar, packed]);
    const file = readFileSync(packed);
    rmSync(packed);
    return { mediaType: `${mediaType}.layer.v1.tar+${compression}`, ...blob(file) };
  });
  const config = json({
    architecture: process.arch === "arm64" ? "arm64" : "amd64",
    os: "linux",
    config: {},
    rootfs: { type: "layers", diff_ids: tars.map((tar) => `sha256:${sha256(readFileSync(tar))}`) },
  });
  const manifest = json({
    schemaVersion: 2,
    mediaType: `${mediaType}.manifest.v1+json`,
    config: { mediaType: `${mediaType}.config.v1+json`, ...config },
    layers,
  });
  const descriptor = {
    mediaType: `${mediaType}.manifest.v1+json`,
    ...manifest,
    annotations: { "org.opencontainers.image.ref.name": "bench" },
  };
  writeFileSync(join(layout, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  writeFileSync(join(layout, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [descriptor] }));
  const names = layers.map(({ digest }) => join("blobs/sha256", digest.slice("sha256:".length)));
  writeFileSync(join(layout, "layers.json"), JSON.stringify(names));
}

const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

export const layerPaths = ({ layout, layers }: BenchImage): string[] => layers.map((layer) => join(layout, layer));
