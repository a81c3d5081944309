import { GranuleError } from "../errors.js";
import { MAX_LAYERS } from "./config.js";
import { type Descriptor, parseDescriptor } from "./descriptor.js";
import { asList, asText, corrupt, type JsonObject, parseObject } from "./json.js";
import {
  CONFIG_TYPES,
  INDEX_TYPES,
  LAYER_TYPE,
  MANIFEST_TYPES,
  OCI_INDEX,
  OCI_MANIFEST,
  SCHEMA1_TYPE,
} from "./media-types.js";

/** One image: its configuration and its layers, lowest first. */
export interface Manifest {
  kind: "manifest";
  mediaType: string;
  config: Descriptor;
  layers: Descriptor[];
}

/** Several images, one a platform. */
export interface Index {
  kind: "index";
  mediaType: string;
  manifests: Descriptor[];
}

const MAX_MANIFESTS = 1024;

/**
 * Parses an image manifest or index, OCI's or docker's.
 * @param declared media type that a registry or descriptor gave it; the document must not say otherwise
 * @throws GranuleError CORRUPT, or UNSUPPORTED for what is no container image
 */
export function parseManifest(bytes: Uint8Array, declared?: string): Manifest | Index {
  const document = parseObject(bytes, "the manifest");
  const mediaType = typeOf(document, declared);
  if (SCHEMA1_TYPE.test(mediaType) || document["schemaVersion"] === 1) {
    throw new GranuleError(
      "UNSUPPORTED",
      "the image has a manifest of schema version 1, which docker gave up in 2016",
      {
        hint: "push the image again with a current tool",
      },
    );
  }
  if (document["schemaVersion"] !== 2) {
    throw new GranuleError("UNSUPPORTED", "the image manifest is not of schema version 2");
  }
  if (INDEX_TYPES.includes(mediaType)) {
    const manifests = asList(document["manifests"], "manifests", MAX_MANIFESTS).map((value, position) =>
      parseDescriptor(value, `manifests[${position}]`),
    );
    return { kind: "index", mediaType, manifests };
  }
  if (!MANIFEST_TYPES.includes(mediaType)) {
    throw new GranuleError("UNSUPPORTED", `${mediaType} is no image manifest`);
  }
  return { kind: "manifest", mediaType, ...parseImage(document) };
}

function parseImage(document: JsonObject): { config: Descriptor; layers: Descriptor[] } {
  const config = parseDescriptor(document["config"], "config");
  if (!CONFIG_TYPES.includes(config.mediaType)) {
    throw new GranuleError("UNSUPPORTED", `this is an artifact of type ${config.mediaType}, not a container image`);
  }
  const layers = asList(document["layers"], "layers", MAX_LAYERS).map((value, index) => {
    const layer = parseDescriptor(value, `layers[${index}]`);
    if (!LAYER_TYPE.test(layer.mediaType)) {
      throw new GranuleError("UNSUPPORTED", `layers[${index}] is of the unsupported type ${layer.mediaType}`);
    }
    return layer;
  });
  return { config, layers };
}

/** A document that could be read as either kind is refused: two readers would see two images (CVE-2021-41190). */
function typeOf(document: JsonObject, declared: string | undefined): string {
  const isIndex = document["manifests"] !== undefined;
  const isImage = document["config"] !== undefined || document["layers"] !== undefined;
  if (isIndex && isImage) throw corrupt("the manifest is an index and an image at once");
  const own = asText(document["mediaType"], "mediaType", 256);
  const known = declared !== undefined && [...INDEX_TYPES, ...MANIFEST_TYPES].includes(declared);
  if (known && own !== "" && own !== declared) {
    throw corrupt(`the manifest was declared as ${declared}, and says that it is ${own}`);
  }
  const mediaType = known ? declared : own || (isIndex ? OCI_INDEX : OCI_MANIFEST);
  if (INDEX_TYPES.includes(mediaType) && isImage) throw corrupt("an index holds the fields of an image");
  if (MANIFEST_TYPES.includes(mediaType) && isIndex) throw corrupt("an image manifest holds the fields of an index");
  return mediaType;
}
