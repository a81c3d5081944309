interface Job<Progress, Result> {
  result: Promise<Result>;
  abort: AbortController;
  /** Where each of those who wait is told of progress. */
  listeners: Set<(progress: Progress) => void>;
  last: Progress | undefined;
}

/** Work that several may want at once and that is done once, by key. It is given up when the last who waits has left. */
export class SharedJobs<Progress, Result> {
  readonly #jobs = new Map<string, Job<Progress, Result>>();

  has(key: string): boolean {
    return this.#jobs.has(key);
  }

  /**
   * Joins the job of a key, or begins it.
   * @param signal ends this caller's wait
   * @throws what the job throws, or the signal's reason
   */
  async join(
    key: string,
    run: (signal: AbortSignal, tell: (progress: Progress) => void) => Promise<Result>,
    signal: AbortSignal,
    onProgress: (progress: Progress) => void,
  ): Promise<Result> {
    signal.throwIfAborted();
    let job = this.#jobs.get(key);
    // One that is being given up is no help; its successor begins where it stopped.
    while (job?.abort.signal.aborted) {
      await job.result.catch(() => undefined);
      signal.throwIfAborted();
      job = this.#jobs.get(key);
    }
    job ??= this.#begin(key, run);
    const { listeners } = job;
    const listener = (progress: Progress): void => onProgress(progress);
    listeners.add(listener);
    if (job.last !== undefined) listener(job.last);
    try {
      return await untilAborted(job.result, signal);
    } finally {
      listeners.delete(listener);
      if (listeners.size === 0) job.abort.abort();
      // Whoever leaves last waits until nothing is written any more.
      if (listeners.size === 0) await job.result.catch(() => undefined);
    }
  }

  #begin(
    key: string,
    run: (signal: AbortSignal, tell: (progress: Progress) => void) => Promise<Result>,
  ): Job<Progress, Result> {
    const abort = new AbortController();
    const listeners: Job<Progress, Result>["listeners"] = new Set();
    const tell = (progress: Progress): void => {
      job.last = progress;
      for (const listener of listeners) listener(progress);
    };
    const result = run(abort.signal, tell).finally(() => this.#jobs.delete(key));
    result.catch(() => undefined);
    const job: Job<Progress, Result> = { result, abort, listeners, last: undefined };
    this.#jobs.set(key, job);
    return job;
  }
}

function untilAborted<Result>(result: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener("abort", abort, { once: true });
    result.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
