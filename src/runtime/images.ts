import type {
  ImageCheck,
  ImageImportOptions,
  ImageInfo,
  ImagePruneResult,
  ImagePullOptions,
  Images,
  RuntimeEvent,
} from "../api.js";
import { addBaseImage, baseImageName } from "../image/base-image.js";
import type { ImageStore, ImportOptions } from "../image/store.js";
import type { VerifyOptions } from "../image/verify.js";
import type { EventLog } from "./events.js";
import { PlanTemplates } from "./plan-templates.js";
import type { LaunchImage } from "./services.js";

/** Who is asked and told of images that go. */
export interface ImageUsers {
  /** Names of the containers made from an image. */
  usedBy: (imageId: string) => string[];
  gone: (imageId: string) => void;
}

/** The image store as the runtime shows it: with events, and with care for the images that containers use. */
export class RuntimeImages implements Images {
  readonly #store: ImageStore;
  readonly #events: EventLog;
  readonly #usedBy: ImageUsers["usedBy"];
  readonly #gone: ImageUsers["gone"];
  readonly #resolved = new Map<string, LaunchImage>();

  constructor(store: ImageStore, events: EventLog, users: ImageUsers) {
    this.#store = store;
    this.#events = events;
    this.#usedBy = users.usedBy;
    this.#gone = users.gone;
  }

  /** Makes sure that the default image is there. */
  addBase(): Promise<void> {
    return addBaseImage(this.#store);
  }

  async list(): Promise<ImageInfo[]> {
    return this.#store.list();
  }

  async inspect(nameOrId: string): Promise<ImageInfo> {
    return this.#store.inspect(nameOrId);
  }

  /** The event tells how long it took: the time of a pull is recorded and not billed. */
  async pull(reference: string, options?: ImagePullOptions): Promise<ImageInfo> {
    const startedAt = performance.now();
    const image = await this.#store.pull(reference, options);
    this.#resolved.clear();
    const durationMs = Math.round(performance.now() - startedAt);
    this.#publish("pull", image.id, image.names[0] ?? image.digests[0], { reference, durationMs });
    return image;
  }

  async save(namesOrIds: string[], path: string, options: { signal?: AbortSignal } = {}): Promise<void> {
    await this.#store.save(namesOrIds, path, options.signal);
  }

  async tag(nameOrId: string, name: string): Promise<ImageInfo> {
    const image = this.#store.tag(nameOrId, name);
    this.#resolved.clear();
    this.#publish("tag", image.id, name);
    return image;
  }

  async prune(options: { all?: boolean } = {}): Promise<ImagePruneResult> {
    this.#resolved.clear();
    const result = await this.#store.prune({ ...options, usedBy: this.#usedBy, keep: baseImageName });
    for (const id of result.images) this.#publish("delete", id);
    return result;
  }

  async verify(nameOrId?: string, options?: VerifyOptions): Promise<ImageCheck[]> {
    return this.#store.verify(nameOrId, options);
  }

  async load(path: string, options?: ImageImportOptions): Promise<ImageInfo[]> {
    const images = await this.#store.load(path, options);
    this.#resolved.clear();
    for (const image of images) this.#publish("load", image.id, image.names[0]);
    return images;
  }

  async import(path: string, options: ImportOptions): Promise<ImageInfo> {
    const image = await this.#store.import(path, options);
    this.#resolved.clear();
    this.#publish("import", image.id, image.names[0]);
    return image;
  }

  async remove(nameOrId: string, options: { force?: boolean } = {}): Promise<void> {
    this.#resolved.clear();
    const removal = await this.#store.remove(nameOrId, { ...options, usedBy: this.#usedBy });
    for (const name of removal.untagged) this.#publish("untag", removal.id, name);
    if (removal.deleted) this.#publish("delete", removal.id);
  }

  /** Held in memory, since every launch asks; forgotten when an image changes. */
  resolve(nameOrId: string): LaunchImage {
    const known = this.#resolved.get(nameOrId);
    if (known) return known;
    const info = this.#store.inspect(nameOrId);
    const image: LaunchImage = {
      id: info.id,
      config: info.config,
      layers: this.#store.layersOf(info),
      users: new Map(),
      plans: new PlanTemplates(),
    };
    this.#resolved.set(nameOrId, image);
    return image;
  }

  #publish(action: RuntimeEvent["action"], id: string, name?: string, details?: Record<string, unknown>): void {
    if (action === "delete") this.#gone(id);
    const more = { ...(name === undefined ? {} : { name }), ...(details === undefined ? {} : { details }) };
    this.#events.publish({ type: "image", action, id, ...more });
  }
}
