/** A promise with its two ends, as Promise.withResolvers of newer engines gives it. */
export class Deferred<T> {
  readonly promise: Promise<T>;
  resolve!: (value: T) => void;
  reject!: (reason: unknown) => void;
  /** Whether either end was called. */
  isSettled = false;

  constructor() {
    this.promise = new Promise<T>((resolve, reject) => {
      this.resolve = (value) => {
        this.isSettled = true;
        resolve(value);
      };
      this.reject = (reason) => {
        this.isSettled = true;
        reject(reason);
      };
    });
    this.promise.catch(() => undefined);
  }
}
