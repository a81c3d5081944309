import { mkdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import type Database from "libsql";
import type {
  ImageCheck,
  ImageConfig,
  ImageImportOptions,
  ImageInfo,
  ImagePruneResult,
  ImagePullOptions,
} from "../api.js";
import { GranuleError } from "../errors.js";
import { openArchive } from "./archive.js";
import { adoptLayer, installOfArchive } from "./archive-layers.js";
import { BlobStore } from "./blobs.js";
import { ImageCatalog } from "./catalog.js";
import { makeImageConfig, parseImageConfig } from "./config.js";
import { readDockerArchive } from "./docker-archive.js";
import { Garbage } from "./garbage.js";
import { type ImageInstall, Installer } from "./installer.js";
import { corrupt } from "./json.js";
import { LayerStore } from "./layers.js";
import { readOciLayout } from "./oci-layout.js";
import { hostArchitecture } from "./platform.js";
import { pullImage } from "./pull.js";
import { ImageRecords } from "./records.js";
import { isDigestReference, normalizeReference, shortReference } from "./reference.js";
import { defaultSettings, type RegistrySettings } from "./registry/settings.js";
import { saveImages } from "./save.js";
import { sha256 } from "./source.js";
import { DEFAULT_LIMITS, type UnpackLimits } from "./unpack.js";
import { Verifier, type VerifyOptions } from "./verify.js";

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

/** Archives are read from one disk. */
const PARALLEL_COPIES = 2;

/** The images of one granule root: names and configurations in the database, blobs and unpacked layers on disk. */
export class ImageStore {
  readonly #root: string;
  readonly #limits: UnpackLimits;
  readonly #settings: RegistrySettings;
  readonly #records: ImageRecords;
  readonly #catalog: ImageCatalog;
  readonly #layers: LayerStore;
  readonly #blobs: BlobStore;
  readonly #installer: Installer;
  readonly #garbage: Garbage;

  /**
   * Opens the store below `root`, and clears what a crash left there.
   * @param root granule's root folder
   * @param database with the tables `images` and `image_names`
   */
  constructor(
    root: string,
    database: Database.Database,
    limits: UnpackLimits = DEFAULT_LIMITS,
    settings: Partial<RegistrySettings> = {},
  ) {
    mkdirSync(root, { recursive: true, mode: 0o700 });
    this.#root = resolve(root);
    this.#limits = limits;
    this.#settings = { ...defaultSettings(), ...settings };
    this.#records = new ImageRecords(database);
    this.#catalog = new ImageCatalog(this.#records);
    this.#layers = new LayerStore(join(this.#root, "layers"), limits);
    this.#blobs = new BlobStore(join(this.#root, "blobs/sha256"));
    this.#installer = new Installer(this.#blobs, this.#layers, this.#records);
    this.#garbage = new Garbage(this.#blobs, this.#layers, this.#records);
  }

  /** Every image, newest first. */
  list(): ImageInfo[] {
    return this.#records.all().map((row) => this.#catalog.info(row));
  }

  /**
   * By name, id or unique prefix of an id (4 digits or more).
   * @throws GranuleError NOT_FOUND, or INVALID_ARGUMENT where a prefix is ambiguous
   */
  inspect(nameOrId: string): ImageInfo {
    return this.#catalog.info(this.#catalog.find(nameOrId).row);
  }

  /** Whether a name or id is there. */
  has(nameOrId: string): boolean {
    try {
      this.#catalog.find(nameOrId);
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
   * Fetches an image from its registry; see pull.ts.
   * @throws GranuleError whose code tells whether the name, the credentials, the registry or this host is at fault
   */
  async pull(reference: string, options: ImagePullOptions = {}): Promise<ImageInfo> {
    const place = { blobs: this.#blobs, installer: this.#installer, settings: this.#settings, folder: this.#root };
    using hold = this.#blobs.hold();
    try {
      return this.#catalog.info(await pullImage(reference, options, place, hold));
    } catch (thrown) {
      const failure = GranuleError.from(thrown);
      if (failure.code === "RESOURCE_EXHAUSTED") {
        // What was fetched would be of use to the next pull; free space is of more use to everybody.
        hold[Symbol.dispose]();
        await this.#garbage.collect();
        this.#blobs.removePartials();
      }
      throw failure;
    }
  }

  /**
   * Loads every image of an OCI layout (folder or tar) or `docker save` tar that fits this host: all or none.
   * @throws GranuleError CORRUPT where a digest or the archive is wrong, CANCELLED
   */
  async load(path: string, options: ImageImportOptions = {}): Promise<ImageInfo[]> {
    const name = options.name === undefined ? undefined : newName(options.name);
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
      for (const { config } of sources) {
        if (config.os !== "linux") {
          throw new GranuleError("UNSUPPORTED", `the image is for ${config.os}, not for linux`);
        }
      }
      const installs = sources.map((source) => installOfArchive(source, this.#blobs));
      const images = await this.#install(installs, options);
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
    const name = newName(options.name);
    const created = options.createdAt ?? new Date().toISOString();
    using hold = this.#blobs.hold();
    try {
      const blob = await adoptLayer(this.#blobs, { path }, hold, options.signal);
      const { diffId, release } = await this.#layers.add({ path: this.#blobs.path(blob.digest) }, options);
      try {
        const bytes = makeImageConfig(options.config ?? {}, { diffId, created, architecture: hostArchitecture });
        const config = parseImageConfig(bytes);
        const layer = { diffId, label: diffId, provide: async () => blob };
        const install = { names: [name], id: sha256(bytes), config, configBytes: bytes, kept: [], layers: [layer] };
        const { signal } = options;
        const rows = await this.#installer.install([install], hold, { signal }, PARALLEL_COPIES);
        options.onProgress?.({ stage: "done" });
        return this.#catalog.info(rows[0]);
      } finally {
        release();
      }
    } catch (thrown) {
      hold[Symbol.dispose]();
      await this.#garbage.collect();
      throw thrown;
    }
  }

  /** @throws GranuleError NOT_FOUND, INVALID_ARGUMENT */
  tag(nameOrId: string, name: string): ImageInfo {
    const { row } = this.#catalog.find(nameOrId);
    this.#records.put([{ row, names: [newName(name)] }]);
    return this.#catalog.info(row);
  }

  /**
   * Writes images to a tar. One that is told by a name has that name in the archive, one that is told by its id all it has.
   * @throws GranuleError NOT_FOUND, FAILED_PRECONDITION where a blob is missing, CANCELLED
   */
  async save(namesOrIds: readonly string[], path: string, signal?: AbortSignal): Promise<void> {
    using hold = this.#blobs.hold();
    const images = this.#catalog.select(namesOrIds);
    for (const { row } of images) hold.add(...(JSON.parse(row.blobs) as string[]));
    const scratch = this.#layers.scratch();
    try {
      await saveImages(images, path, this.#blobs, scratch, signal);
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }

  /**
   * Removes a name, and with its last name the image and the layers that no other image has.
   * @throws GranuleError FAILED_PRECONDITION where containers use it, or an id has several names and `force` is not set
   */
  async remove(nameOrId: string, options: RemoveOptions = {}): Promise<Removal> {
    const { row, name } = this.#catalog.find(nameOrId);
    const names = this.#records.namesOf(row.id);
    const tags = names.filter((one) => !isDigestReference(one));
    if (name !== undefined && tags.some((tag) => tag !== name)) {
      this.#records.unname(name);
      return { id: row.id, untagged: [shortReference(name)], deleted: false };
    }
    if (name === undefined && tags.length > 1 && !options.force) {
      throw new GranuleError("FAILED_PRECONDITION", `image ${row.id} has ${tags.length} names`, {
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
    await this.#garbage.collect();
    return { id: row.id, untagged: names.map(shortReference), deleted: true };
  }

  /** Removes images without a tag, or with `all` any, that no container uses, and what interrupted pulls left. */
  async prune(options: {
    all?: boolean;
    usedBy: (imageId: string) => string[];
    keep: string;
  }): Promise<ImagePruneResult> {
    const result: ImagePruneResult = { images: [], names: [], freedBytes: 0 };
    for (const row of this.#records.all()) {
      const names = this.#records.namesOf(row.id);
      const tags = names.filter((name) => !isDigestReference(name));
      if (tags.includes(normalizeReference(options.keep)) || options.usedBy(row.id).length > 0) continue;
      if (tags.length > 0 && !options.all) continue;
      this.#records.delete(row.id);
      result.images.push(row.id);
      result.names.push(...names.map(shortReference));
    }
    result.freedBytes = (await this.#garbage.collect()) + this.#blobs.removePartials();
    return result;
  }

  /** Checks one image, or every one; see verify.ts. */
  async verify(nameOrId?: string, options: VerifyOptions = {}): Promise<ImageCheck[]> {
    using hold = this.#blobs.hold();
    const rows = nameOrId === undefined ? this.#records.all() : [this.#catalog.find(nameOrId).row];
    for (const row of rows) hold.add(...(JSON.parse(row.blobs) as string[]));
    const verifier = new Verifier(this.#blobs, this.#layers, this.#limits, options);
    const checks: ImageCheck[] = [];
    for (const row of rows) checks.push(await verifier.check(row, this.#catalog.info(row).names));
    return checks;
  }

  async #install(installs: ImageInstall[], options: ImageImportOptions): Promise<ImageInfo[]> {
    using hold = this.#blobs.hold();
    try {
      const rows = await this.#installer.install(installs, hold, options, PARALLEL_COPIES);
      return rows.map((row) => this.#catalog.info(row));
    } catch (thrown) {
      // The archive is still there to load it from again.
      hold[Symbol.dispose]();
      await this.#garbage.collect();
      throw thrown;
    }
  }
}

/** A digest tells what an image is, and so cannot be given to another. */
function newName(text: string): string {
  const name = normalizeReference(text);
  if (!isDigestReference(name)) return name;
  throw new GranuleError("INVALID_ARGUMENT", `an image cannot be named by a digest: ${text}`, {
    hint: "leave out what begins with @",
  });
}
