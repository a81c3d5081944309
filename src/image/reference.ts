import { GranuleError } from "../errors.js";

/** A parsed image name: `domain/path:tag`, `domain/path@digest` or both. */
export interface Reference {
  /** Registry host with its port, such as `docker.io`. */
  domain: string;
  /** Repository below the domain, such as `library/busybox`. */
  path: string;
  /** Absent where the name had a digest and no tag. */
  tag?: string;
  /** `sha256:` and 64 hexadecimal digits, where the name had one. */
  digest?: string;
}

const DEFAULT_DOMAIN = "docker.io";
const DEFAULT_TAG = "latest";
const MAX_NAME_LENGTH = 255;

const DOMAIN =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?$/;
const PATH_COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

/**
 * Parses an image name as docker reads it: no domain means docker.io, a single word there means `library/`, no tag
 * means `latest` (distribution-spec, "Pulling manifests"; docker's short names).
 * @throws GranuleError INVALID_ARGUMENT that names the faulty part.
 */
export function parseReference(text: string): Reference {
  if (text === "") throw invalid(text, "it is empty");
  const at = text.indexOf("@");
  const digest = at < 0 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !DIGEST.test(digest)) {
    throw invalid(text, "the digest must be `sha256:` and 64 lower-case hexadecimal digits");
  }
  const [name, tag] = splitTag(at < 0 ? text : text.slice(0, at));
  if (tag !== undefined && !TAG.test(tag)) {
    throw invalid(text, "the tag must be 1 to 128 letters, digits, `_`, `.` or `-`, and not start with `.` or `-`");
  }
  const { domain, path } = splitDomain(name);
  if (!DOMAIN.test(domain)) throw invalid(text, `\`${domain}\` is no registry host`);
  for (const component of path.split("/")) checkComponent(text, component);
  if (domain.length + 1 + path.length > MAX_NAME_LENGTH) {
    throw invalid(text, `it is longer than ${MAX_NAME_LENGTH} characters`);
  }
  const reference: Reference = { domain, path };
  if (tag !== undefined || digest === undefined) reference.tag = tag ?? DEFAULT_TAG;
  if (digest !== undefined) reference.digest = digest;
  return reference;
}

/**
 * The full name under which an image is kept: `docker.io/library/busybox:latest`, or `docker.io/library/busybox@sha256:...`.
 * Where a name has a tag and a digest, the digest tells the image.
 */
export function normalizeReference(text: string): string {
  return formatReference(parseReference(text));
}

/** As normalizeReference, of a name that is parsed already. */
export function formatReference({ domain, path, tag, digest }: Reference): string {
  return digest === undefined ? `${domain}/${path}:${tag ?? DEFAULT_TAG}` : `${domain}/${path}@${digest}`;
}

/** Whether a full name tells an image by its digest. */
export function isDigestReference(normalized: string): boolean {
  return normalized.includes("@");
}

/** The name as people write it: `docker.io/library/busybox:latest` is `busybox:latest`. */
export function shortReference(normalized: string): string {
  const official = `${DEFAULT_DOMAIN}/library/`;
  if (normalized.startsWith(official)) return normalized.slice(official.length);
  const hub = `${DEFAULT_DOMAIN}/`;
  return normalized.startsWith(hub) ? normalized.slice(hub.length) : normalized;
}

function splitTag(name: string): [name: string, tag: string | undefined] {
  const colon = name.lastIndexOf(":");
  if (colon < 0 || name.indexOf("/", colon) >= 0) return [name, undefined];
  return [name.slice(0, colon), name.slice(colon + 1)];
}

function splitDomain(name: string): { domain: string; path: string } {
  const slash = name.indexOf("/");
  const first = slash < 0 ? "" : name.slice(0, slash);
  const isDomain = /[.:A-Z]/.test(first) || first === "localhost";
  const domain = isDomain ? first : DEFAULT_DOMAIN;
  const path = isDomain ? name.slice(slash + 1) : name;
  if (domain === "index.docker.io") return { domain: DEFAULT_DOMAIN, path };
  return { domain, path: domain === DEFAULT_DOMAIN && !path.includes("/") ? `library/${path}` : path };
}

function checkComponent(text: string, component: string): void {
  if (component === "") throw invalid(text, "a part of its path is empty");
  if (/[A-Z]/.test(component)) throw invalid(text, "the repository must be lower case");
  if (!PATH_COMPONENT.test(component)) {
    throw invalid(
      text,
      `\`${component}\` must be lower-case letters and digits, separated by \`.\`, \`_\`, \`__\` or \`-\``,
    );
  }
}

function invalid(text: string, why: string): GranuleError {
  const shown = text.length > 80 ? `${text.slice(0, 77)}...` : text;
  return new GranuleError("INVALID_ARGUMENT", `invalid image name ${JSON.stringify(shown)}: ${why}`, {
    hint: "write it as [registry[:port]/]repository[:tag][@digest], such as busybox:latest",
  });
}
