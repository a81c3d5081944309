import type {
  ImageCheck,
  ImageConfig,
  ImageImportOptions,
  ImageInfo,
  ImagePruneResult,
  ImagePullOptions,
  Images,
} from "../api.js";
import { GranuleError } from "../errors.js";
import { openFeed } from "./client-feed.js";
import type { ClientLink } from "./client-link.js";
import type { LoadItem, Params } from "./protocol.js";

type Watching = { [K in "onProgress" | "signal"]?: ImageImportOptions[K] | undefined };

/** The images of the runtime at the other end. */
export class RemoteImages implements Images {
  readonly #link: ClientLink;

  constructor(link: ClientLink) {
    this.#link = link;
  }

  list(): Promise<ImageInfo[]> {
    return this.#link.call("images.list", {});
  }

  inspect(nameOrId: string): Promise<ImageInfo> {
    return this.#link.call("images.inspect", { id: nameOrId });
  }

  load(path: string, options: ImageImportOptions = {}): Promise<ImageInfo[]> {
    const { onProgress, signal, ...naming } = options;
    return this.#load("images.load", { path, ...naming }, { onProgress, signal });
  }

  async import(
    path: string,
    options: ImageImportOptions & { name: string; config?: Partial<ImageConfig> },
  ): Promise<ImageInfo> {
    const { onProgress, signal, ...naming } = options;
    const [image] = await this.#load("images.import", { path, ...naming }, { onProgress, signal });
    if (image === undefined) throw new GranuleError("INTERNAL", "the server named no image");
    return image;
  }

  async remove(nameOrId: string, options: { force?: boolean } = {}): Promise<void> {
    await this.#link.call("images.remove", { ...options, id: nameOrId });
  }

  async pull(reference: string, options: ImagePullOptions = {}): Promise<ImageInfo> {
    const { onProgress, signal, ...rest } = options;
    const [image] = await this.#load("images.pull", { reference, ...rest }, { onProgress, signal });
    if (image === undefined) throw new GranuleError("INTERNAL", "the server named no image");
    return image;
  }

  async save(names: string[], path: string, options: { signal?: AbortSignal } = {}): Promise<void> {
    await this.#link.call("images.save", { names, path }, { signal: options.signal });
  }

  tag(nameOrId: string, name: string): Promise<ImageInfo> {
    return this.#link.call("images.tag", { id: nameOrId, name });
  }

  prune(options: { all?: boolean } = {}): Promise<ImagePruneResult> {
    return this.#link.call("images.prune", options);
  }

  async verify(
    nameOrId?: string,
    options: Pick<ImageImportOptions, "onProgress" | "signal"> = {},
  ): Promise<ImageCheck[]> {
    const params = nameOrId === undefined ? {} : { id: nameOrId };
    return (await this.#watch("images.verify", params, options)).checks ?? [];
  }

  async #load<M extends "images.load" | "images.import" | "images.pull">(
    method: M,
    params: Params<M>,
    watching: Watching,
  ): Promise<ImageInfo[]> {
    return (await this.#watch(method, params, watching)).images ?? [];
  }

  /** Calls for the result alone, or, where progress is wanted, for a subscription whose last item has it. */
  async #watch<M extends "images.load" | "images.import" | "images.pull" | "images.verify">(
    method: M,
    params: Params<M>,
    { onProgress, signal }: Watching,
  ): Promise<Pick<LoadItem, "images" | "checks">> {
    if (onProgress === undefined) {
      const result = await this.#link.call(method, params, { signal });
      return "subscription" in result ? {} : result;
    }
    const idempotencyKey = crypto.randomUUID();
    for (;;) {
      const connection = await this.#link.connection();
      let outcome: Pick<LoadItem, "images" | "checks"> | undefined;
      try {
        const asked = { ...params, progress: true };
        const feed = await openFeed<M, LoadItem>(connection, method, asked, { signal, idempotencyKey }, (result) => {
          // Repeated after it was done: what came of it, at once.
          if (!("subscription" in result)) outcome = result;
        });
        for await (const item of feed) {
          if (item.progress !== undefined) onProgress(item.progress);
          if (item.images !== undefined || item.checks !== undefined) outcome = item;
        }
      } catch (error) {
        if (!this.#link.resumes(connection, error)) throw error;
        continue;
      }
      if (outcome !== undefined) return outcome;
      throw new GranuleError("CANCELLED", "it was cancelled", { cause: signal?.reason });
    }
  }
}
