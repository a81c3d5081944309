import { asDigest, asList, asObject, asText, corrupt, type JsonObject } from "./json.js";

/** A content descriptor (image-spec descriptor.md), checked. */
export interface Descriptor {
  mediaType: string;
  /** `sha256:` and 64 hexadecimal digits. */
  digest: string;
  /** Bytes of the blob. */
  size: number;
  annotations: JsonObject;
  platform?: DescriptorPlatform;
  /** Other places of the blob; foreign layers have them. */
  urls: string[];
}

/** What an index says an entry is for, as it stands there. */
export interface DescriptorPlatform {
  os: string;
  architecture: string;
  /** Empty where the entry names none. */
  variant: string;
}

const MAX_URLS = 16;

/**
 * Checks a descriptor of a document that came from outside.
 * @param what names it in errors
 * @throws GranuleError CORRUPT, or UNSUPPORTED for a digest that is not sha256
 */
export function parseDescriptor(value: unknown, what: string): Descriptor {
  const object = asObject(value, what);
  const size = object["size"];
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) throw corrupt(`${what}.size is no size`);
  const descriptor: Descriptor = {
    mediaType: asText(object["mediaType"], `${what}.mediaType`, 256),
    digest: asDigest(object["digest"], `${what}.digest`),
    size,
    annotations: asObject(object["annotations"] ?? {}, `${what}.annotations`),
    urls: asList(object["urls"], `${what}.urls`, MAX_URLS).map((url) => asText(url, `${what}.urls`)),
  };
  if (object["platform"] !== undefined && object["platform"] !== null) {
    const platform = asObject(object["platform"], `${what}.platform`);
    descriptor.platform = {
      os: asText(platform["os"], `${what}.platform.os`, 64),
      architecture: asText(platform["architecture"], `${what}.platform.architecture`, 64),
      variant: asText(platform["variant"], `${what}.platform.variant`, 64),
    };
  }
  return descriptor;
}
