import type { Sample } from "../api.js";

/** Samples of one tick come together; a pause this long ends it. */
const settleMilliseconds = 60;

/** Gathers single samples into ticks: all that come within a moment of each other, by container id. */
export async function* sampleTicks(samples: AsyncIterable<Sample>): AsyncGenerator<Map<string, Sample>> {
  const iterator = samples[Symbol.asyncIterator]();
  let next = iterator.next();
  try {
    for (let result = await next; !result.done; result = await next) {
      const tick = new Map([[result.value.id, result.value]]);
      next = iterator.next();
      for (let more = await settled(next); more && !more.done; more = await settled(next)) {
        tick.set(more.value.id, more.value);
        next = iterator.next();
      }
      yield tick;
    }
  } finally {
    // Not awaited: a source may be held in a read that only its own signal ends.
    void iterator.return?.().catch(() => undefined);
  }
}

/** The result of a read where it is there in time; the read goes on otherwise. */
async function settled<T>(reading: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), settleMilliseconds);
  });
  try {
    return await Promise.race([reading, late]);
  } finally {
    clearTimeout(timer);
  }
}
