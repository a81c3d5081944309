import { arch } from "node:process";
import { GranuleError } from "../errors.js";
import type { Archive } from "./archive.js";
import { MAX_LAYERS, parseImageConfig } from "./config.js";
import { asDigest, asList, asObject, asText, corrupt, type JsonObject, parseObject } from "./json.js";
import type { LayerSource } from "./layers.js";
import { normalizeReference } from "./reference.js";
import { type ImageSource, sha256 } from "./source.js";

/** A content descriptor (image-spec descriptor.md), checked. */
interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  annotations: JsonObject;
  platform?: { os: string; architecture: string };
}

const INDEX_TYPES = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
];
const MANIFEST_TYPES = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];
const CONFIG_TYPES = ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];
const LAYER_TYPE =
  /^application\/vnd\.(?:oci\.image\.layer\.v1\.tar(?:\+gzip|\+zstd)?|docker\.image\.rootfs\.diff\.tar(?:\.gzip|\.zstd)?)$/;
const MAX_MANIFESTS = 1024;
const MAX_INDEX_DEPTH = 3;

/** GOARCH of this host, as platforms name it. */
export const hostArchitecture: string = { x64: "amd64", ia32: "386" }[arch as string] ?? arch;

/**
 * The images of an OCI image layout (image-spec image-layout.md) that fit this host. Every blob is checked against the
 * size and digest of its descriptor; layers when they are unpacked.
 * @throws GranuleError CORRUPT, or UNSUPPORTED where no image is for this platform
 */
export function readOciLayout(archive: Archive): ImageSource[] {
  const layout = archive.read("oci-layout");
  if (layout && parseObject(layout, "oci-layout")["imageLayoutVersion"] !== "1.0.0") {
    throw new GranuleError("UNSUPPORTED", "the OCI layout is not of version 1.0.0");
  }
  const bytes = archive.read("index.json");
  if (!bytes) throw corrupt("the OCI layout has no index.json");
  const platforms = new Set<string>();
  const images = new Map<string, ImageSource>();
  for (const found of manifestsOf(archive, parseObject(bytes, "index.json"), 1, platforms)) {
    const image = readManifest(archive, found.manifest, found.names);
    const known = images.get(image.id);
    if (known) known.names = [...new Set([...known.names, ...image.names])];
    else images.set(image.id, image);
  }
  if (images.size > 0) return [...images.values()];
  if (platforms.size === 0) throw corrupt("the OCI layout holds no image");
  throw new GranuleError(
    "UNSUPPORTED",
    `the archive has no image for linux/${hostArchitecture}, only ${[...platforms].join(", ")}`,
  );
}

function manifestsOf(
  archive: Archive,
  index: JsonObject,
  depth: number,
  platforms: Set<string>,
): { manifest: Descriptor; names: string[] }[] {
  if (depth > MAX_INDEX_DEPTH) throw corrupt(`indexes are nested deeper than ${MAX_INDEX_DEPTH}`);
  const found: { manifest: Descriptor; names: string[] }[] = [];
  for (const [position, value] of asList(index["manifests"], "manifests", MAX_MANIFESTS).entries()) {
    const descriptor = parseDescriptor(value, `manifests[${position}]`);
    const names = namesOf(descriptor);
    if (INDEX_TYPES.includes(descriptor.mediaType)) {
      const nested = manifestsOf(archive, parseObject(readBlob(archive, descriptor), "an index"), depth + 1, platforms);
      found.push(...nested.map((one) => ({ ...one, names: [...new Set([...names, ...one.names])] })));
    } else if (MANIFEST_TYPES.includes(descriptor.mediaType) && fits(descriptor, platforms)) {
      found.push({ manifest: descriptor, names });
    }
  }
  return found;
}

function fits({ platform }: Descriptor, platforms: Set<string>): boolean {
  if (!platform) return true;
  if (platform.os === "unknown") return false;
  platforms.add(`${platform.os}/${platform.architecture}`);
  return platform.os === "linux" && platform.architecture === hostArchitecture;
}

function readManifest(archive: Archive, descriptor: Descriptor, names: string[]): ImageSource {
  const manifest = parseObject(readBlob(archive, descriptor), "the image manifest");
  if (manifest["schemaVersion"] !== 2)
    throw new GranuleError("UNSUPPORTED", "the image manifest is not of schema version 2");
  const configDescriptor = parseDescriptor(manifest["config"], "config");
  if (!CONFIG_TYPES.includes(configDescriptor.mediaType)) {
    throw new GranuleError(
      "UNSUPPORTED",
      `the archive holds an artifact of type ${configDescriptor.mediaType}, not a container image`,
    );
  }
  const configBytes = readBlob(archive, configDescriptor);
  const config = parseImageConfig(configBytes);
  const layers = asList(manifest["layers"], "layers", MAX_LAYERS).map((value, index) =>
    readLayer(archive, value, `layers[${index}]`),
  );
  if (layers.length !== config.diffIds.length) {
    throw corrupt(`the manifest has ${layers.length} layers, the configuration ${config.diffIds.length}`);
  }
  return { names, id: configDescriptor.digest, configBytes, config, layers };
}

function readLayer(archive: Archive, value: unknown, what: string): LayerSource {
  const { mediaType, digest, size } = parseDescriptor(value, what);
  if (!LAYER_TYPE.test(mediaType))
    throw new GranuleError("UNSUPPORTED", `${what} is of the unsupported type ${mediaType}`);
  const path = archive.file(blobName(digest));
  if (path === undefined) throw corrupt(`the archive lacks the blob ${digest}`);
  return { path, digest, size };
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

function parseDescriptor(value: unknown, what: string): Descriptor {
  const object = asObject(value, what);
  const size = object["size"];
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) throw corrupt(`${what}.size is no size`);
  const descriptor: Descriptor = {
    mediaType: asText(object["mediaType"], `${what}.mediaType`, 256),
    digest: asDigest(object["digest"], `${what}.digest`),
    size,
    annotations: asObject(object["annotations"] ?? {}, `${what}.annotations`),
  };
  if (object["platform"] !== undefined && object["platform"] !== null) {
    const platform = asObject(object["platform"], `${what}.platform`);
    descriptor.platform = {
      os: asText(platform["os"], `${what}.platform.os`, 64),
      architecture: asText(platform["architecture"], `${what}.platform.architecture`, 64),
    };
  }
  return descriptor;
}
