import { GranuleError } from "../../errors.js";
import type { BlobStore } from "../blobs.js";
import { type ParsedConfig, parseImageConfig } from "../config.js";
import type { Descriptor } from "../descriptor.js";
import { corrupt, MAX_JSON_BYTES } from "../json.js";
import { type Index, type Manifest, parseManifest } from "../manifest.js";
import { FOREIGN_LAYER_TYPE, INDEX_TYPES, MANIFEST_TYPES } from "../media-types.js";
import type { Hold } from "../pins.js";
import { choosePlatform, fitsPlatform, formatPlatform, type Platform } from "../platform.js";
import type { Reference } from "../reference.js";
import { sha256 } from "../source.js";
import { type HttpAnswer, readBody } from "./exchange.js";
import type { RegistrySession } from "./session.js";

/** An image as its registry describes it; documents are verified, layers are not fetched yet. */
export interface RegistryImage {
  /** Digests by which the repository knows it: of the index, where there is one, and of the manifest. */
  digests: string[];
  manifest: Manifest;
  manifestBytes: Uint8Array;
  id: string;
  config: ParsedConfig;
  configBytes: Uint8Array;
}

const ACCEPT = [...INDEX_TYPES, ...MANIFEST_TYPES].join(", ");
const MAX_INDEX_DEPTH = 3;

/** Looks an image up at one registry, for one platform. Documents that the store has already are not fetched again. */
export class ImageLookup {
  readonly #session: RegistrySession;
  readonly #blobs: BlobStore;
  readonly #hold: Hold;
  readonly #signal: AbortSignal;

  /** @param hold gets every document before it is in the store */
  constructor(session: RegistrySession, blobs: BlobStore, hold: Hold, signal: AbortSignal) {
    this.#session = session;
    this.#blobs = blobs;
    this.#hold = hold;
    this.#signal = signal;
  }

  /** @throws GranuleError NOT_FOUND, UNSUPPORTED where there is nothing for the platform, CORRUPT */
  async find(reference: Reference, wanted: Platform): Promise<RegistryImage> {
    const digests: string[] = [];
    let document = await this.#document(reference);
    for (let depth = 0; document.parsed.kind === "index"; depth++) {
      if (depth >= MAX_INDEX_DEPTH) throw corrupt(`indexes are nested deeper than ${MAX_INDEX_DEPTH}`);
      digests.push(document.digest);
      document = await this.#nested(document.parsed, wanted);
    }
    digests.push(document.digest);
    const manifest = document.parsed;
    const configBytes = await this.#config(manifest.config);
    const config = parseImageConfig(configBytes);
    if (
      config.os !== "linux" ||
      !fitsPlatform({ ...config, variant: config.variant ?? wanted.variant ?? "" }, wanted)
    ) {
      throw new GranuleError(
        "UNSUPPORTED",
        `the image is for ${formatPlatform(config)}, not for ${formatPlatform(wanted)}`,
        {
          hint: `to have it all the same, pull it with --platform ${formatPlatform(config)}`,
        },
      );
    }
    if (manifest.layers.length !== config.diffIds.length) {
      throw corrupt(`the manifest has ${manifest.layers.length} layers, the configuration ${config.diffIds.length}`);
    }
    this.#refuseForeign(manifest.layers);
    return { digests, manifest, manifestBytes: document.bytes, id: manifest.config.digest, config, configBytes };
  }

  async #document(reference: Reference): Promise<Document> {
    const { tag = "", digest } = reference;
    if (digest !== undefined) return this.#manifest(digest, digest);
    // Registries count GETs and not HEADs; and where the tag has not moved, nothing more is needed.
    const head = await this.#head(tag);
    return this.#manifest(head ?? tag, head);
  }

  async #nested(index: Index, wanted: Platform): Promise<Document> {
    const chosen = choosePlatform(index.manifests, wanted);
    if (chosen === undefined) {
      const known = index.manifests.flatMap(({ platform }) =>
        platform && platform.os !== "unknown" ? [formatPlatform(platform)] : [],
      );
      throw new GranuleError("UNSUPPORTED", `there is no image for ${formatPlatform(wanted)}`, {
        hint: known.length > 0 ? `there is one for ${[...new Set(known)].join(", ")}` : "the index names no platform",
      });
    }
    return this.#manifest(chosen.digest, chosen.digest, chosen);
  }

  /** The digest that a tag stands for; undefined where the registry does not say. */
  async #head(tag: string): Promise<string | undefined> {
    const path = `manifests/${tag}`;
    let answer: HttpAnswer;
    try {
      const message = { method: "HEAD", headers: { accept: ACCEPT } } as const;
      answer = await this.#session.ask(path, message, this.#name(tag), this.#signal);
    } catch (thrown) {
      // An answer to HEAD has no body: the GET that follows tells the reason.
      if (thrown instanceof GranuleError && typeof thrown.details?.["status"] === "number") return undefined;
      throw thrown;
    }
    await answer.body.dump();
    const digest = answer.headers["docker-content-digest"];
    return typeof digest === "string" && /^sha256:[0-9a-f]{64}$/.test(digest) ? digest : undefined;
  }

  async #manifest(
    which: string,
    digest: string | undefined,
    descriptor?: Pick<Descriptor, "mediaType" | "size">,
  ): Promise<Document> {
    const kept = digest === undefined ? undefined : this.#kept(digest);
    if (kept && digest !== undefined)
      return { digest, bytes: kept, parsed: parseManifest(kept, descriptor?.mediaType) };
    const message = { method: "GET", headers: { accept: ACCEPT, "accept-encoding": "identity" } } as const;
    const answer = await this.#session.ask(`manifests/${which}`, message, this.#name(which), this.#signal);
    const bytes = await readBody(answer, MAX_JSON_BYTES, this.#session.host);
    const actual = sha256(bytes);
    if (digest !== undefined && actual !== digest) {
      throw corrupt(
        `${this.#session.host} sent another manifest than was asked for: its digest is ${actual}, not ${digest}`,
      );
    }
    const declared =
      descriptor?.mediaType ??
      String(answer.headers["content-type"] ?? "")
        .split(";")[0]
        ?.trim();
    const parsed = parseManifest(bytes, declared);
    this.#hold.add(actual);
    this.#blobs.put(bytes);
    return { digest: actual, bytes, parsed };
  }

  async #config({ digest, size }: Descriptor): Promise<Buffer> {
    const kept = this.#kept(digest);
    if (kept) return kept;
    if (size > MAX_JSON_BYTES) throw corrupt("the image configuration is larger than 4 MiB");
    const message = { method: "GET", headers: { "accept-encoding": "identity" } } as const;
    const answer = await this.#session.ask(`blobs/${digest}`, message, this.#name(digest), this.#signal);
    const bytes = await readBody(answer, MAX_JSON_BYTES, this.#session.host);
    const actual = sha256(bytes);
    if (bytes.length !== size || actual !== digest) {
      throw corrupt(
        `${this.#session.host} sent another configuration than was asked for: its digest is ${actual}, not ${digest}`,
      );
    }
    this.#blobs.put(bytes);
    return bytes;
  }

  /** Held first, so that it stays once it was found. */
  #kept(digest: string): Buffer | undefined {
    this.#hold.add(digest);
    return this.#blobs.read(digest);
  }

  #refuseForeign(layers: readonly Descriptor[]): void {
    const foreign = layers.find(({ mediaType, urls }) => FOREIGN_LAYER_TYPE.test(mediaType) && urls.length > 0);
    if (foreign === undefined || this.#session.location.foreignLayers) return;
    throw new GranuleError(
      "UNSUPPORTED",
      `layer ${foreign.digest} is not in the registry but at ${foreign.urls[0] ?? ""}`,
      {
        hint: `allow it with "foreignLayers": true for ${this.#session.host} in the configuration of registries`,
      },
    );
  }

  #name(which: string): string {
    return `${this.#session.location.repository}${which.startsWith("sha256:") ? "@" : ":"}${which}`;
  }
}

interface Document {
  digest: string;
  bytes: Uint8Array;
  parsed: Manifest | Index;
}
