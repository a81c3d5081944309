import type { Series } from "./answer.js";
import type { Bench } from "./question.js";

/** Something that can be measured again and again. */
export interface Subject<Value> {
  key: string;
  name: string;
  does?: string;
  at?: number;
  /** Takes so many values, one after another. */
  batch(count: number): Promise<Value[]>;
}

/** What a subject shows of itself. */
export const labelOf = ({ key, name, does }: { key: string; name: string; does: string }) => ({ key, name, does });

export interface RoundsOptions {
  /** Values of each subject. */
  count: number;
  /** Values in a row of one subject before the next has its turn. */
  batchSize?: number;
  /** Values of each subject that are taken first and thrown away: caches fill, pools are made, code is compiled. */
  warmUps?: number;
}

/** The values of one subject, batch by batch. */
export interface Measured<Value> {
  subject: Subject<Value>;
  batches: Value[][];
}

/**
 * Measures subjects in turns (A B C, B C A, ...), so that a slow minute of the host meets all of them alike, and none is
 * always the one behind another. Nothing is dropped.
 */
export async function takeTurns<Value>(
  bench: Bench,
  subjects: Subject<Value>[],
  { count, batchSize = 10, warmUps = 3 }: RoundsOptions,
): Promise<Measured<Value>[]> {
  const measured = subjects.map((subject): Measured<Value> => ({ subject, batches: [] }));
  for (const subject of warmUps > 0 ? subjects : []) {
    bench.progress(`warming up ${subject.key}`);
    await subject.batch(warmUps);
  }
  for (let done = 0, round = 0; done < count; done += batchSize, round++) {
    bench.progress(`${done} of ${count} each`);
    const first = measured.length === 0 ? 0 : round % measured.length;
    for (const entry of [...measured.slice(first), ...measured.slice(0, first)]) {
      entry.batches.push(await entry.subject.batch(Math.min(batchSize, count - done)));
    }
  }
  return measured;
}

/** One number of each value, as the series of a measure. */
export function seriesOf<Value>(measured: Measured<Value>[], pick: (value: Value) => number): Series[] {
  return measured.map(({ subject: { key, name, does, at }, batches }) => ({
    subject: key,
    name,
    ...(does === undefined ? {} : { does }),
    ...(at === undefined ? {} : { at }),
    batches: batches.map((batch) => batch.map(pick)),
  }));
}
