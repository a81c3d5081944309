import { GranuleError } from "../errors.js";
import type { Archive } from "./archive.js";
import { parseImageConfig } from "./config.js";
import type { Descriptor } from "./descriptor.js";
import { asText, corrupt, parseObject } from "./json.js";
import { type Index, type Manifest, parseManifest } from "./manifest.js";
import { INDEX_TYPES, MANIFEST_TYPES, OCI_INDEX } from "./media-types.js";
import { choosePlatform, formatPlatform, hostPlatform } from "./platform.js";
import { normalizeReference } from "./reference.js";
import { type ImageSource, sha256 } from "./source.js";

const MAX_INDEX_DEPTH = 3;

/**
 * The images of an OCI image layout (image-spec image-layout.md) that fit this host. Every blob is checked against the
 * size and digest of its descriptor; layers when they are kept.
 * @throws GranuleError CORRUPT, or UNSUPPORTED where no image is for this platform
 */
export function readOciLayout(archive: Archive): ImageSource[] {
  const layout = archive.read("oci-layout");
  if (layout && parseObject(layout, "oci-layout")["imageLayoutVersion"] !== "1.0.0") {
    throw new GranuleError("UNSUPPORTED", "the OCI layout is not of version 1.0.0");
  }
  const bytes = archive.read("index.json");
  if (!bytes) throw corrupt("the OCI layout has no index.json");
  const index = parseManifest(bytes, OCI_INDEX) as Index;
  const platforms = new Set<string>();
  const images = new Map<string, ImageSource>();
  for (const entry of index.manifests) {
    const found = findManifest(archive, entry, 1, platforms);
    if (found === undefined) continue;
    const image = readImage(archive, found, namesOf(entry));
    const known = images.get(image.id);
    if (known) known.names = [...new Set([...known.names, ...image.names])];
    else images.set(image.id, image);
  }
  if (images.size > 0) return [...images.values()];
  if (platforms.size === 0) throw corrupt("the OCI layout holds no image");
  throw new GranuleError(
    "UNSUPPORTED",
    `the archive has no image for ${formatPlatform(hostPlatform())}, only ${[...platforms].join(", ")}`,
  );
}

/** The manifest that an entry leads to on this host; undefined where it is for other platforms, or no image at all. */
function findManifest(
  archive: Archive,
  entry: Descriptor,
  depth: number,
  platforms: Set<string>,
): Descriptor | undefined {
  if (depth > MAX_INDEX_DEPTH) throw corrupt(`indexes are nested deeper than ${MAX_INDEX_DEPTH}`);
  if (entry.platform && entry.platform.os !== "unknown") platforms.add(formatPlatform(entry.platform));
  if (MANIFEST_TYPES.includes(entry.mediaType)) return choosePlatform([entry], hostPlatform());
  if (!INDEX_TYPES.includes(entry.mediaType)) return undefined;
  const { manifests } = parseManifest(readBlob(archive, entry), entry.mediaType) as Index;
  const fitting: Descriptor[] = [];
  for (const nested of manifests) {
    const found = findManifest(archive, nested, depth + 1, platforms);
    if (found !== undefined) fitting.push(found);
  }
  return choosePlatform(fitting, hostPlatform());
}

function readImage(archive: Archive, descriptor: Descriptor, names: string[]): ImageSource {
  const manifestBytes = readBlob(archive, descriptor);
  const manifest = parseManifest(manifestBytes, descriptor.mediaType) as Manifest;
  const configBytes = readBlob(archive, manifest.config);
  const config = parseImageConfig(configBytes);
  if (manifest.layers.length !== config.diffIds.length) {
    throw corrupt(`the manifest has ${manifest.layers.length} layers, the configuration ${config.diffIds.length}`);
  }
  const layers = manifest.layers.map(({ digest, size }) => {
    const path = archive.file(blobName(digest));
    if (path === undefined) throw corrupt(`the archive lacks the blob ${digest}`);
    return { path, digest, size };
  });
  return { names, id: manifest.config.digest, configBytes, config, layers, manifestBytes };
}

function readBlob(archive: Archive, { digest, size }: Descriptor): Buffer {
  const bytes = archive.read(blobName(digest));
  if (!bytes) throw corrupt(`the archive lacks the blob ${digest}`);
  if (bytes.length !== size) throw corrupt(`blob ${digest} has ${bytes.length} bytes, not ${size}`);
  const actual = sha256(bytes);
  if (actual !== digest) throw corrupt(`a blob's digest is ${actual}, not ${digest}`);
  return bytes;
}

function blobName(digest: string): string {
  return `blobs/${digest.replace(":", "/")}`;
}

/** A bare tag in `ref.name` says nothing of the repository, so that it makes no name. */
function namesOf({ annotations }: Descriptor): string[] {
  const full = asText(annotations["io.containerd.image.name"], "an annotation");
  const ref = asText(annotations["org.opencontainers.image.ref.name"], "an annotation");
  const name = full || (/[/:]/.test(ref) ? ref : "");
  return name === "" ? [] : [normalizeReference(name)];
}
