import type { RegistryCredentials } from "../../api.js";
import { GranuleError } from "../../errors.js";
import type { BlobProgress, BlobStore } from "../blobs.js";
import type { Descriptor } from "../descriptor.js";
import type { GrowingBlob } from "../growing-blob.js";
import { FOREIGN_LAYER_TYPE } from "../media-types.js";
import type { Hold } from "../pins.js";
import type { Platform } from "../platform.js";
import type { Reference } from "../reference.js";
import { RegistryConfiguration } from "./configuration.js";
import { Connections } from "./connections.js";
import { findCredentials } from "./credentials.js";
import { type BlobOrigin, downloadBlob } from "./download.js";
import { Exchange } from "./exchange.js";
import { followed } from "./redirects.js";
import { ImageLookup, type RegistryImage } from "./registry-image.js";
import { RegistrySession } from "./session.js";
import type { RegistrySettings } from "./settings.js";

export interface PullTarget {
  reference: Reference;
  platform: Platform;
  /** Of the image's own registry; looked up in the owner's files where none are given. */
  credentials?: RegistryCredentials | undefined;
  insecure: boolean;
}

/** One pull's connections, and the registries that may serve it: the mirrors first, then the one that the name tells. */
export class Puller implements AsyncDisposable {
  readonly #connections: Connections;
  readonly #exchange: Exchange;
  readonly #settings: RegistrySettings;
  readonly #blobs: BlobStore;
  #sessions: RegistrySession[] = [];
  #downloads = 0;
  #closing = false;

  constructor(settings: RegistrySettings, blobs: BlobStore) {
    this.#settings = settings;
    this.#blobs = blobs;
    this.#connections = new Connections(settings);
    this.#exchange = new Exchange(this.#connections, settings);
  }

  /**
   * Looks the image up at the first registry that has it.
   * @param hold gets the documents that describe it
   * @throws GranuleError what the image's own registry said, where none has it
   */
  async find(
    { reference, platform, credentials, insecure }: PullTarget,
    hold: Hold,
    signal: AbortSignal,
  ): Promise<RegistryImage> {
    const configuration = RegistryConfiguration.read(this.#settings.configurationFile);
    const { environment } = this.#settings;
    const failures: GranuleError[] = [];
    const untried: RegistrySession[] = [];
    let found: RegistryImage | undefined;
    for (const location of configuration.locations(reference, insecure)) {
      const own = location.mirror
        ? undefined
        : (credentials ?? (await findCredentials(reference.domain, reference.path, environment)));
      const known = own ?? (await findCredentials(location.host, location.repository, environment));
      const session = new RegistrySession(this.#exchange, location, known);
      if (found) {
        untried.push(session);
        continue;
      }
      try {
        found = await new ImageLookup(session, this.#blobs, hold, signal).find(reference, platform);
        this.#sessions = [session];
      } catch (thrown) {
        const failure = GranuleError.from(thrown);
        if (failure.code === "CANCELLED") throw failure;
        failures.push(failure);
      }
    }
    // What one of them turns out not to have, the others may.
    this.#sessions.push(...untried);
    if (found) return found;
    throw failures.at(-1) ?? new GranuleError("INTERNAL", "no registry was asked");
  }

  /** Brings a layer's blob into the store, from the first place that gives it whole. */
  async fetch(layer: Descriptor, signal: AbortSignal, onProgress: BlobProgress): Promise<void> {
    await this.#blobs.fetch(
      layer,
      async (growing, jobSignal, tell) => {
        this.#downloads += 1;
        try {
          await this.#download(layer, growing, jobSignal, tell);
        } finally {
          this.#downloads -= 1;
          if (this.#closing && this.#downloads === 0) await this.#connections.close();
        }
      },
      signal,
      onProgress,
    );
  }

  async #download(
    layer: Descriptor,
    growing: GrowingBlob,
    signal: AbortSignal,
    onProgress: (doneBytes: number) => void,
  ): Promise<void> {
    let failure: unknown;
    for (const origin of this.#origins(layer)) {
      try {
        await downloadBlob(origin, layer, growing, this.#settings, signal, onProgress);
        return;
      } catch (thrown) {
        const { code } = GranuleError.from(thrown);
        if (code === "CANCELLED" || code === "RESOURCE_EXHAUSTED") throw thrown;
        failure = thrown;
      }
    }
    throw failure;
  }

  #origins(layer: Descriptor): BlobOrigin[] {
    const registries = this.#sessions.map((session) => ({
      host: session.host,
      open: (headers: Record<string, string>, signal: AbortSignal) =>
        session.ask(
          `blobs/${layer.digest}`,
          { method: "GET", headers },
          `${session.location.repository}@${layer.digest}`,
          signal,
        ),
    }));
    const foreign = FOREIGN_LAYER_TYPE.test(layer.mediaType) ? layer.urls : [];
    return [...registries, ...foreign.flatMap((url) => this.#foreignOrigin(url))];
  }

  /** A place outside any registry gets no credentials at all. */
  #foreignOrigin(text: string): BlobOrigin[] {
    if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) return [];
    const url = new URL(text);
    return [
      {
        host: url.host,
        open: async (headers, signal) => {
          const message = { method: "GET", headers } as const;
          const answer = await followed(
            this.#exchange,
            url,
            message,
            { authorization: undefined, insecure: false },
            signal,
          );
          if (answer.statusCode < 300) return answer;
          await answer.body.dump();
          throw new GranuleError("UNAVAILABLE", `${url.host} answered ${answer.statusCode} for a layer`, {
            details: { status: answer.statusCode },
          });
        },
      },
    ];
  }

  /** A pull that is given up may have begun a download that another waits for, too: its connections stay until then. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    if (this.#downloads > 0) return;
    await this.#connections.close();
  }
}
