import type {
  Attachment,
  Container,
  ContainerInfo,
  CreateOptions,
  ExecOptions,
  ExitStatus,
  HostInfo,
  ImageInfo,
  LogLine,
  LogOptions,
  Runtime,
  RuntimeEvent,
  Sample,
} from "../../src/api.js";
import { GranuleError } from "../../src/errors.js";
import { Deferred } from "../../src/runtime/deferred.js";

const EXIT: ExitStatus = { code: 0, oomKilled: false };

/** An async queue that a test fills by hand. */
export class Source<T> implements AsyncIterable<T> {
  readonly items: T[] = [];
  /** How often somebody stopped reading before the end. */
  left = 0;
  #ended = false;
  #wake: () => void = () => {};

  push(...items: T[]): void {
    this.items.push(...items);
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async *read(signal?: AbortSignal): AsyncGenerator<T> {
    signal?.addEventListener("abort", () => {
      this.left++;
      this.#wake();
    });
    for (let index = 0; !signal?.aborted; ) {
      if (index < this.items.length) yield this.items[index++] as T;
      else if (this.#ended) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  [Symbol.asyncIterator](): AsyncGenerator<T> {
    return this.read();
  }
}

/** `cat` with a terminal's manners: what is written comes back on stdout; `chunks` come first. */
export class FakeAttachment implements Attachment {
  readonly resizes: [number, number][] = [];
  detached = false;
  /** Chunks that the reader has taken. */
  taken = 0;
  readonly #echo = new Source<Uint8Array>();
  readonly #chunks: { stream: "stdout" | "stderr"; data: Uint8Array }[];
  readonly #finished = new Deferred<ExitStatus>();

  constructor(chunks: { stream: "stdout" | "stderr"; data: Uint8Array }[], interactive: boolean) {
    this.#chunks = chunks;
    if (!interactive) this.#echo.end();
  }

  get output(): AsyncIterable<{ stream: "stdout" | "stderr"; data: Uint8Array }> {
    return this.#output();
  }

  async *#output(): AsyncGenerator<{ stream: "stdout" | "stderr"; data: Uint8Array }> {
    for (const chunk of this.#chunks) {
      if (this.detached) return;
      this.taken++;
      yield chunk;
    }
    for await (const data of this.#echo) yield { stream: "stdout", data };
    this.#finished.resolve({ ...EXIT, code: 7 });
  }

  async write(data: Uint8Array): Promise<void> {
    this.#echo.push(data.slice());
  }

  async closeInput(): Promise<void> {
    this.#echo.end();
  }

  async resize(rows: number, columns: number): Promise<void> {
    this.resizes.push([rows, columns]);
  }

  wait(): Promise<ExitStatus> {
    return this.#finished.promise;
  }

  async detach(): Promise<void> {
    this.detached = true;
    this.#echo.end();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.detach();
  }
}

export class FakeContainer implements Container {
  readonly id: string;
  readonly options: CreateOptions;
  readonly calls: unknown[][] = [];
  readonly attachments: FakeAttachment[] = [];
  readonly lines = new Source<LogLine>();
  readonly sampled = new Source<Sample>();
  readonly stopped = new Deferred<ExitStatus>();
  waiting = 0;
  /** What the next exec or attach writes. */
  chunks: { stream: "stdout" | "stderr"; data: Uint8Array }[] = [];

  constructor(id: string, options: CreateOptions) {
    this.id = id;
    this.options = options;
  }

  info(): ContainerInfo {
    return {
      id: this.id,
      name: this.options.name ?? this.id,
      image: this.options.image,
      imageId: "sha256:00",
      state: "running",
      tags: this.options.tags ?? {},
      command: this.options.command ?? [],
      ...(this.options.memory !== undefined && { memoryBytes: this.options.memory }),
      restarts: 0,
      createdAt: "2026-01-01T00:00:00.000Z",
      options: this.options,
    };
  }

  async inspect(): Promise<ContainerInfo> {
    return this.info();
  }
  async start(): Promise<void> {
    this.calls.push(["start"]);
  }
  async kill(signal?: string | number): Promise<void> {
    this.calls.push(["kill", signal]);
  }
  async stop(options?: { timeoutSeconds?: number }): Promise<ExitStatus> {
    this.calls.push(["stop", options]);
    return EXIT;
  }
  async restart(options?: { timeoutSeconds?: number }): Promise<void> {
    this.calls.push(["restart", options]);
  }
  async pause(): Promise<void> {
    this.calls.push(["pause"]);
  }
  async resume(): Promise<void> {
    this.calls.push(["resume"]);
  }
  async update(limits: object): Promise<ContainerInfo> {
    this.calls.push(["update", limits]);
    return this.info();
  }
  async exec(options: ExecOptions): Promise<Attachment> {
    this.calls.push(["exec", options]);
    if (options.command[0] === "missing") {
      throw new GranuleError("COMMAND_NOT_FOUND", "no such command: missing", {
        hint: "look at PATH",
        errno: "ENOENT",
        syscall: "execve",
        path: "/bin/missing",
        details: { step: "exec", pathBytes: 8589934592 },
      });
    }
    return this.#attachment(options.stdin === true);
  }
  async attach(options?: { stdin?: boolean }): Promise<Attachment> {
    return this.#attachment(options?.stdin !== false);
  }
  #attachment(stdin: boolean): FakeAttachment {
    const attachment = new FakeAttachment(this.chunks, stdin);
    this.attachments.push(attachment);
    return attachment;
  }
  async resize(rows: number, columns: number): Promise<void> {
    this.calls.push(["resize", rows, columns]);
  }
  logs(options?: LogOptions): AsyncIterable<LogLine> {
    const { signal, ...rest } = options ?? {};
    this.calls.push(["logs", rest]);
    return this.lines.read(signal);
  }
  samples(options?: { signal?: AbortSignal }): AsyncIterable<Sample> {
    return this.sampled.read(options?.signal);
  }
  async wait(options?: { signal?: AbortSignal }): Promise<ExitStatus> {
    this.waiting++;
    options?.signal?.addEventListener("abort", () => this.waiting--);
    return this.stopped.promise;
  }
  async export(path: string): Promise<void> {
    this.calls.push(["export", path]);
  }
  async remove(options?: { force?: boolean }): Promise<void> {
    this.calls.push(["remove", options]);
  }
}

/** A runtime in memory, for what the channel does with any runtime. */
export class FakeRuntime implements Runtime {
  readonly tokens: Runtime["tokens"] = {
    create: async () => Promise.reject(new GranuleError("UNSUPPORTED", "no tokens here")),
    list: async () => [],
    revoke: async (id) => Promise.reject(new GranuleError("NOT_FOUND", `no token ${id}`)),
  };
  readonly all = new Map<string, FakeContainer>();
  readonly happened = new Source<RuntimeEvent>();
  readonly sampled = new Source<Sample>();
  readonly image: ImageInfo = {
    id: "sha256:11",
    names: ["app:1"],
    digests: [],
    size: 5 * 2 ** 32,
    createdAt: "2026-01-01T00:00:00.000Z",
    architecture: "amd64",
    os: "linux",
    layers: ["sha256:22"],
    config: { entrypoint: [], cmd: [], env: [], workingDir: "/", user: "", volumes: [], labels: {} },
  };

  readonly containers: Runtime["containers"] = {
    create: async (options) => this.add(options),
    run: async (options) => this.add(options),
    get: async (id) => this.find(id),
    list: async () => [...this.all.values()].map((container) => container.info()),
    prune: async () => ["gone"],
  };
  readonly images: Runtime["images"] = {
    list: async () => [this.image],
    inspect: async (id) => {
      if (id !== this.image.id) throw new GranuleError("NOT_FOUND", `no image ${id}`);
      return this.image;
    },
    load: async (path, options) => {
      options?.onProgress?.({ stage: "read", doneBytes: 1, totalBytes: 2 });
      options?.onProgress?.({ stage: "done" });
      if (path === "/broken") throw new GranuleError("CORRUPT", "not an archive", { path });
      return [this.image];
    },
    import: async () => this.image,
    pull: async (reference, options) => {
      options?.onProgress?.({ stage: "resolve" });
      if (reference === "broken") throw new GranuleError("UNAVAILABLE", "no registry", { retryable: true });
      if (reference === "endless") {
        await new Promise((_, reject) =>
          options?.signal?.addEventListener("abort", () => reject(options.signal?.reason)),
        );
      }
      return this.image;
    },
    save: async () => {},
    tag: async () => this.image,
    prune: async () => ({ images: [this.image.id], names: [], freedBytes: 2 ** 33 }),
    verify: async () => [{ id: this.image.id, names: ["app:1"], ok: true, problems: [] }],
    remove: async () => {},
  };
  readonly usage: Runtime["usage"] = {
    query: async () => [],
    summarize: async () => [],
    curves: async () => [],
    verify: async () => ({ intact: true, records: 0, head: { record: 0, hash: "0".repeat(64) } }),
    prices: async () => [],
    setPrices: async (sheet) => sheet,
    budgets: async () => [],
    setBudget: async (budget) => [budget],
    setRetention: async (retention) => ({ recordDays: 0, hourDays: 0, minuteDays: 0, ...retention }),
    status: async () => ({
      ticks: 0,
      missedTicks: 0,
      jitterMs: { last: 0, max: 0 },
      containers: 0,
      records: 0,
      pendingWrites: 0,
      path: "/ledger",
      retention: { recordDays: 0, hourDays: 0, minuteDays: 0 },
    }),
    metrics: async () => "",
  };

  add(options: CreateOptions): FakeContainer {
    const container = new FakeContainer(`c${this.all.size + 1}`, options);
    this.all.set(container.id, container);
    return container;
  }

  find(id: string): FakeContainer {
    const container = this.all.get(id);
    if (container === undefined) throw new GranuleError("NOT_FOUND", `no container ${id}`);
    return container;
  }

  async warm(): Promise<void> {}

  async info(): Promise<HostInfo> {
    return {
      version: "0.0.0-fake",
      kernel: "6",
      architecture: "x64",
      cpus: 2,
      memoryBytes: 2 ** 34,
      cgroup: { mode: "unified", controllers: { cpu: "v2" } },
      features: [],
      root: "/r",
      state: "/s",
      pid: process.pid,
    };
  }
  events(options?: { signal?: AbortSignal }): AsyncIterable<RuntimeEvent> {
    return this.happened.read(options?.signal);
  }
  samples(options?: { signal?: AbortSignal }): AsyncIterable<Sample> {
    return this.sampled.read(options?.signal);
  }
  async close(): Promise<void> {}
  async [Symbol.asyncDispose](): Promise<void> {}
}
