import { mkdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import type Database from "libsql";
import type { ImageConfig, ImageImportOptions, ImageInfo } from "../api.js";
import { GranuleError } from "../errors.js";
import { openArchive } from "./archive.js";
import { makeImageConfig, type ParsedConfig, parseImageConfig } from "./config.js";
import { readDockerArchive } from "./docker-archive.js";
import { corrupt } from "./json.js";
import { LayerStore } from "./layers.js";
import { hostArchitecture, readOciLayout } from "./oci-layout.js";
import { ImageRecords, type ImageRow } from "./records.js";
import { normalizeReference, shortReference } from "./reference.js";
import { type ImageSource, sha256 } from "./source.js";
import { DEFAULT_LIMITS, type UnpackLimits } from "./unpack.js";

export interface ImportOptions extends ImageImportOptions {
  name: string;
  config?: Partial<ImageConfig>;
  /** ISO 8601; the time of the import unless told. */
  createdAt?: string;
}

export interface RemoveOptions {
  /** By id: also where the image has several names. */
  force?: boolean;
  /** Ids of the containers that use an image. */
  usedBy?: (imageId: string) => string[];
}

/** What a removal did. */
export interface Removal {
  id: string;
  /** Names that went, as people write them. */
  untagged: string[];
  /** Whether the image itself went. */
  deleted: boolean;
}

const PARALLEL_LAYERS = 2;

/** The images of one granule root: names and configurations in the database, layers unpacked on disk. */
export class ImageStore {
  readonly #records: ImageRecords;
  readonly #layers: LayerStore;
  readonly #parsed = new Map<string, ParsedConfig>();

  /**
   * Opens the store below `root`, and clears what a crash left there.
   * @param root granule's root folder
   * @param database with the tables `images` and `image_names`
   */
  constructor(root: string, database: Database.Database, limits: UnpackLimits = DEFAULT_LIMITS) {
    mkdirSync(root, { recursive: true, mode: 0o700 });
    this.#records = new ImageRecords(database);
    this.#layers = new LayerStore(join(resolve(root), "layers"), limits);
  }

  /** Every image, newest first. */
  list(): ImageInfo[] {
    return this.#records.all().map((row) => this.#info(row));
  }

  /**
   * By name, id or unique prefix of an id (4 digits or more).
   * @throws GranuleError NOT_FOUND, or INVALID_ARGUMENT where a prefix is ambiguous
   */
  inspect(nameOrId: string): ImageInfo {
    return this.#info(this.#find(nameOrId).row);
  }

  /** Whether a name or id is there. */
  has(nameOrId: string): boolean {
    try {
      this.#find(nameOrId);
      return true;
    } catch (thrown) {
      if (thrown instanceof GranuleError && thrown.code === "NOT_FOUND") return false;
      throw thrown;
    }
  }

  /** Folders of the unpacked layers, topmost first, as overlayfs wants them; those below an opaque root are left out. */
  layersOf(image: ImageInfo): string[] {
    const folders: string[] = [];
    for (const diffId of [...image.layers].reverse()) {
      const record = this.#layers.record(diffId);
      if (!record) throw corrupt(`layer ${diffId} of ${image.id} is missing`, this.#layers.path(diffId));
      folders.push(this.#layers.path(diffId));
      if (record.opaque) break;
    }
    return folders;
  }

  /**
   * Loads every image of an OCI layout (folder or tar) or `docker save` tar that fits this host: all or none.
   * @throws GranuleError CORRUPT where a digest or the archive is wrong, CANCELLED
   */
  async load(path: string, options: ImageImportOptions = {}): Promise<ImageInfo[]> {
    const name = options.name === undefined ? undefined : normalizeReference(options.name);
    const scratch = this.#layers.scratch();
    try {
      options.onProgress?.({ stage: "read" });
      const archive = await openArchive(path, scratch, options.signal);
      const sources = archive.read("index.json") ? readOciLayout(archive) : readDockerArchive(archive);
      if (name !== undefined) {
        if (sources.length !== 1) {
          throw new GranuleError(
            "INVALID_ARGUMENT",
            `the archive holds ${sources.length} images; a name fits only one`,
          );
        }
        for (const source of sources) source.names = [name];
      }
      const images = await this.#addAll(sources, options);
      options.onProgress?.({ stage: "done" });
      return images;
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }

  /**
   * Makes an image of one layer from a root file system tar (gzip, zstd or not).
   * @throws GranuleError CORRUPT where the tar is broken, NOT_FOUND, CANCELLED
   */
  async import(path: string, options: ImportOptions): Promise<ImageInfo> {
    const name = normalizeReference(options.name);
    const created = options.createdAt ?? new Date().toISOString();
    const { diffId, record, release } = await this.#layers.add({ path }, options);
    try {
      const layer = { diffId, created, architecture: hostArchitecture };
      const bytes = makeImageConfig(options.config ?? {}, layer);
      const config = parseImageConfig(bytes);
      const row = toRow({ id: sha256(bytes), configBytes: bytes, config }, record.bytes);
      this.#records.put([{ row, names: [name] }]);
      options.onProgress?.({ stage: "done" });
      return this.#info(row);
    } finally {
      release();
    }
  }

  /**
   * Removes a name, and with its last name the image and the layers that no other image has.
   * @throws GranuleError FAILED_PRECONDITION where containers use it, or an id has several names and `force` is not set
   */
  async remove(nameOrId: string, options: RemoveOptions = {}): Promise<Removal> {
    const { row, name } = this.#find(nameOrId);
    const names = this.#records.namesOf(row.id);
    if (name !== undefined && names.length > 1) {
      this.#records.unname(name);
      return { id: row.id, untagged: [shortReference(name)], deleted: false };
    }
    if (name === undefined && names.length > 1 && !options.force) {
      throw new GranuleError("FAILED_PRECONDITION", `image ${row.id} has ${names.length} names`, {
        hint: "remove it by each name, or with force",
      });
    }
    const users = options.usedBy?.(row.id) ?? [];
    if (users.length > 0) {
      throw new GranuleError(
        "FAILED_PRECONDITION",
        `image ${nameOrId} is used by ${users.length} containers: ${users.slice(0, 5).join(", ")}`,
        {
          hint: "remove these containers first",
        },
      );
    }
    this.#records.delete(row.id);
    this.#parsed.delete(row.id);
    await this.#layers.remove(this.#unreferenced());
    return { id: row.id, untagged: names.map(shortReference), deleted: true };
  }

  async #addAll(sources: ImageSource[], options: ImageImportOptions): Promise<ImageInfo[]> {
    const diffIds = sources.flatMap((source) => source.config.diffIds);
    const release = this.#layers.pin(diffIds);
    try {
      for (const { config } of sources) {
        if (config.os !== "linux")
          throw new GranuleError("UNSUPPORTED", `the image is for ${config.os}, not for linux`);
      }
      for (const source of sources) await this.#ensureLayers(source, options);
      const rows = sources.map((source) => ({ row: toRow(source, this.#sizeOf(source.config)), names: source.names }));
      this.#records.put(rows);
      return rows.map(({ row }) => this.#info(row));
    } catch (thrown) {
      release();
      await this.#layers.remove(this.#unreferenced());
      throw thrown;
    } finally {
      release();
    }
  }

  async #ensureLayers({ config, layers }: ImageSource, options: ImageImportOptions): Promise<void> {
    const pending = layers.map((source, index) => ({ source, diffId: config.diffIds[index] ?? "" }));
    const failure = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, failure.signal]) : failure.signal;
    const work = async (): Promise<void> => {
      for (let next = pending.shift(); next; next = pending.shift()) {
        try {
          await this.#layers.ensure(next.diffId, next.source, { ...options, signal });
        } catch (thrown) {
          pending.length = 0;
          failure.abort();
          throw thrown;
        }
      }
    };
    const outcomes = await Promise.allSettled(Array.from({ length: PARALLEL_LAYERS }, work));
    const reasons = outcomes.filter((one) => one.status === "rejected").map((one) => one.reason as GranuleError);
    // The worker that failed first cancelled the other: its reason is the one to tell.
    if (reasons.length > 0) throw reasons.find((reason) => reason.code !== "CANCELLED") ?? reasons[0];
  }

  #sizeOf(config: ParsedConfig): number {
    return config.diffIds.reduce((sum, diffId) => sum + (this.#layers.record(diffId)?.bytes ?? 0), 0);
  }

  /** Layers on disk that no image has, also those that an interrupted load left. */
  #unreferenced(): string[] {
    const referenced = new Set(this.#records.all().flatMap(parseLayers));
    return this.#layers.list().filter((diffId) => !referenced.has(diffId));
  }

  #find(nameOrId: string): { row: ImageRow; name?: string } {
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
      hint: "load it from an archive first: `granule load` or `granule import`; `granule images` lists what is there",
    });
  }

  #info(row: ImageRow): ImageInfo {
    let parsed = this.#parsed.get(row.id);
    if (!parsed) {
      parsed = parseImageConfig(Buffer.from(row.config));
      this.#parsed.set(row.id, parsed);
    }
    return {
      id: row.id,
      names: this.#records.namesOf(row.id).map(shortReference),
      size: row.size,
      createdAt: row.created_at,
      architecture: parsed.architecture,
      os: parsed.os,
      layers: parseLayers(row),
      config: structuredClone(parsed.config),
    };
  }
}

function toRow(source: { id: string; configBytes: Uint8Array; config: ParsedConfig }, size: number): ImageRow {
  return {
    id: source.id,
    config: Buffer.from(source.configBytes).toString("utf8"),
    layers: JSON.stringify(source.config.diffIds),
    size,
    created_at: source.config.created ?? new Date().toISOString(),
  };
}

function parseLayers(row: ImageRow): string[] {
  return JSON.parse(row.layers) as string[];
}

function tryNormalize(name: string): string | undefined {
  try {
    return normalizeReference(name);
  } catch {
    // Not a name: it may still be an id.
    return undefined;
  }
}
