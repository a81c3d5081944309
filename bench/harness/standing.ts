import type { Container, CreateOptions, Runtime } from "../../src/api.js";
import { payload } from "../peers/peer.js";
import type { Bench } from "./question.js";

/** Starts, or removals, under way at once. */
const lanes = 8;

/** Calls so many times, a few at once; what each threw, where it did. */
export async function inLanes(count: number, act: (index: number) => Promise<void>): Promise<unknown[]> {
  const thrown: unknown[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++)
      await act(index).catch((each: unknown) => thrown.push(each));
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return thrown;
}

/** Idle containers that stand while something else is measured. */
export class Standing {
  readonly containers: Container[] = [];
  readonly #bench: Bench;
  readonly #runtime: Runtime;
  readonly #options: CreateOptions;

  constructor(bench: Bench, runtime: Runtime, options: CreateOptions) {
    this.#bench = bench;
    this.#runtime = runtime;
    this.#options = { ...options, command: [payload, "pause"] };
    bench.defer(() => this.shrinkTo(0));
  }

  /** Starts as many as are missing to a number; what failed. */
  async growTo(count: number): Promise<unknown[]> {
    return inLanes(count - this.containers.length, async () => {
      this.containers.push(await this.#runtime.containers.run(this.#options));
      this.#bench.progress(`${this.containers.length} of ${count} containers stand`);
    });
  }

  /** Stops and removes the newest, until so many are left; what failed. */
  async shrinkTo(count: number): Promise<unknown[]> {
    const going = this.containers.splice(count);
    return inLanes(going.length, async (index) => {
      this.#bench.progress(`${index} of ${going.length} containers removed`);
      await going[index]?.remove({ force: true });
    });
  }
}
