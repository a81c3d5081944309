import type { ImageInfo } from "../api.js";
import { GranuleError } from "../errors.js";
import { type ParsedConfig, parseImageConfig } from "./config.js";
import type { ImageRecords, ImageRow } from "./records.js";
import { isDigestReference, normalizeReference, shortReference } from "./reference.js";
import type { SavedImage } from "./save.js";

/** Finds images by what people call them, and shows what is recorded of them. */
export class ImageCatalog {
  readonly #records: ImageRecords;
  /** Parsed once: a configuration never changes under its id. */
  readonly #parsed = new Map<string, ParsedConfig>();

  constructor(records: ImageRecords) {
    this.#records = records;
  }

  /**
   * By name, id or unique prefix of an id.
   * @returns the name that was asked for in full, where it was one
   * @throws GranuleError NOT_FOUND, INVALID_ARGUMENT
   */
  find(nameOrId: string): { row: ImageRow; name?: string } {
    const byDigest = /^sha256:[0-9a-f]{64}$/.test(nameOrId) ? this.#records.get(nameOrId) : undefined;
    if (byDigest) return { row: byDigest };
    const name = tryNormalize(nameOrId);
    const byName = name === undefined ? undefined : this.#records.idOfName(name);
    const named = byName === undefined ? undefined : this.#records.get(byName);
    if (named && name !== undefined) return { row: named, name };
    const prefix = /^(?:sha256:)?([0-9a-f]{4,64})$/.exec(nameOrId)?.[1];
    const ids = prefix === undefined ? [] : this.#records.idsByPrefix(prefix);
    if (ids.length > 1) {
      throw new GranuleError("INVALID_ARGUMENT", `more than one image begins with ${nameOrId}`, {
        hint: "give more digits",
      });
    }
    const row = ids[0] === undefined ? undefined : this.#records.get(ids[0]);
    if (row) return { row };
    if (name === undefined && prefix === undefined) normalizeReference(nameOrId);
    throw new GranuleError("NOT_FOUND", `no such image: ${nameOrId}`, {
      hint: "`granule pull` fetches it from its registry; `granule images` lists what is there",
    });
  }

  info(row: ImageRow | undefined): ImageInfo {
    if (row === undefined) throw new GranuleError("INTERNAL", "there is no image to show");
    let parsed = this.#parsed.get(row.id);
    if (!parsed) {
      parsed = parseImageConfig(Buffer.from(row.config));
      this.#parsed.set(row.id, parsed);
    }
    const names = this.#records.namesOf(row.id);
    return {
      id: row.id,
      names: names.filter((name) => !isDigestReference(name)).map(shortReference),
      digests: names.filter(isDigestReference).map(shortReference),
      size: row.size,
      createdAt: row.created_at,
      architecture: parsed.architecture,
      os: parsed.os,
      ...(parsed.variant === undefined ? {} : { variant: parsed.variant }),
      layers: JSON.parse(row.layers) as string[],
      config: structuredClone(parsed.config),
    };
  }

  /** Images to be saved, each once, with the names that were asked for. */
  select(namesOrIds: readonly string[]): SavedImage[] {
    const chosen = new Map<string, SavedImage>();
    for (const text of namesOrIds) {
      const { row, name } = this.find(text);
      const all = this.#records.namesOf(row.id).filter((one) => !isDigestReference(one));
      const wanted = name === undefined ? all : isDigestReference(name) ? [] : [name];
      const known = chosen.get(row.id)?.names ?? [];
      chosen.set(row.id, { row, names: [...new Set([...known, ...wanted])] });
    }
    if (chosen.size === 0) throw new GranuleError("INVALID_ARGUMENT", "no image was named");
    return [...chosen.values()];
  }
}

function tryNormalize(name: string): string | undefined {
  try {
    return normalizeReference(name);
  } catch {
    // Not a name: it may still be an id.
    return undefined;
  }
}
