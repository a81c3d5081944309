/** When a server that nobody needs may leave (`granule serve --idle-exit`). */
export interface IdleOptions {
  /** How long nobody may have been connected. */
  afterMs: number;
  /** Whether a container still needs watching; asked when the time is over, and again each `afterMs` while it is so. */
  busy: () => boolean | Promise<boolean>;
  /** Called once; the server still listens, so close it here. */
  onIdle: () => void;
}

/** Watches for a time without connections in which nothing needs the server. */
export class IdleWatch {
  #timer: NodeJS.Timeout | undefined;
  #connections = 0;
  #stopped = false;
  readonly #options: IdleOptions;

  constructor(options: IdleOptions) {
    this.#options = options;
    this.#arm();
  }

  /** So many connections are open now. */
  connections(open: number): void {
    this.#connections = open;
    if (open === 0) this.#arm();
    else clearTimeout(this.#timer);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #arm(): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#decide(), this.#options.afterMs);
    this.#timer.unref();
  }

  async #decide(): Promise<void> {
    // A runtime that cannot say what it watches is not left alone.
    const busy = await Promise.resolve()
      .then(this.#options.busy)
      .catch(() => true);
    if (this.#stopped || this.#connections > 0) return;
    if (busy) {
      this.#arm();
      return;
    }
    this.stop();
    this.#options.onIdle();
  }
}
