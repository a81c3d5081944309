import { GranuleError } from "../../errors.js";
import { corrupt } from "../json.js";
import { BackOff, cancelled, isPassingFailure } from "./back-off.js";
import type { HttpAnswer } from "./exchange.js";
import { connectionFailure } from "./failure.js";
import { PartialFile, type Segment } from "./partial-file.js";
import type { RegistrySettings } from "./settings.js";
import { SlowGuard } from "./slow-guard.js";

/** Where a blob comes from: it answers with a status below 300, or throws. */
export interface BlobOrigin {
  host: string;
  open(headers: Record<string, string>, signal: AbortSignal): Promise<HttpAnswer>;
}

export interface WantedBlob {
  digest: string;
  size: number;
}

/** Bytes collected before they are written, and the longest time for which they wait. */
const BATCH_BYTES = 256 * 1024;
const BATCH_MS = 200;
/** Other bytes than were asked for, or no ranges: begun anew so often. */
const MAX_RESTARTS = 2;

/** The server gave the whole blob, or nothing, where a range of it was asked for (RFC 9110, 14.2: it may). */
class RangesRefused extends Error {}

/**
 * Fills a file with a blob, from where an earlier attempt stopped: several ranges at once where the blob is large, each
 * taken up again where its connection breaks, drips or ends early.
 * @throws GranuleError CORRUPT where the bytes are not those of the digest, UNAVAILABLE, RESOURCE_EXHAUSTED, CANCELLED
 */
export async function downloadBlob(
  origin: BlobOrigin,
  blob: WantedBlob,
  path: string,
  settings: RegistrySettings,
  signal: AbortSignal,
  onProgress: (doneBytes: number) => void,
): Promise<void> {
  const file = await PartialFile.open(path, blob.size);
  try {
    await file.resume();
    for (let restarts = 0; ; restarts++) {
      const refused = await fill(file, { origin, blob, settings, signal, onProgress });
      if (!refused) {
        const actual = await file.digest();
        if (actual === blob.digest) return;
        if (restarts >= MAX_RESTARTS) {
          throw corrupt(
            `${origin.host} sent other bytes than were asked for: they have the digest ${actual}, not ${blob.digest}`,
          );
        }
      } else if (restarts >= MAX_RESTARTS + settings.attempts) {
        throw new GranuleError(
          "UNAVAILABLE",
          `the connection to ${origin.host} breaks, and it does not let a download go on`,
          {
            retryable: true,
          },
        );
      }
      file.restart();
      onProgress(0);
    }
  } finally {
    await file.close();
  }
}

interface Job {
  origin: BlobOrigin;
  blob: WantedBlob;
  settings: RegistrySettings;
  signal: AbortSignal;
  onProgress: (doneBytes: number) => void;
}

/** Fetches every segment. @returns true where the server does not do ranges, and the file must be begun anew */
async function fill(file: PartialFile, job: Job): Promise<boolean> {
  const { settings } = job;
  if (file.size - file.doneBytes >= settings.splitFromBytes) file.split(settings.parallelRanges);
  const failure = new AbortController();
  const signal = AbortSignal.any([job.signal, failure.signal]);
  await Promise.all(
    file.segments.map(async (segment) => {
      try {
        await fetchSegment(file, segment, { ...job, signal });
      } catch (thrown) {
        // Only the first counts: it cancels the others, which then fail of that.
        failure.abort(thrown);
      }
    }),
  );
  if (!failure.signal.aborted) return false;
  if (job.signal.aborted) throw cancelled(job.signal.reason);
  if (failure.signal.reason instanceof RangesRefused) return true;
  throw failure.signal.reason;
}

async function fetchSegment(file: PartialFile, segment: Segment, job: Job): Promise<void> {
  const backOff = new BackOff(job.settings);
  while (segment.start + segment.done < segment.end) {
    const before = segment.done;
    const answer = await ask(file, segment, job);
    using guard = new SlowGuard(job.settings, answer.body);
    try {
      await take(answer, file, segment, job, guard);
    } catch (thrown) {
      if (job.signal.aborted) throw cancelled(job.signal.reason);
      const passing = guard.tripped || isPassingFailure(thrown) || (thrown instanceof GranuleError && thrown.retryable);
      if (segment.done > before) backOff.reset();
      if (!passing || !(await backOff.again(job.signal))) {
        throw guard.tripped ? guard.failure(job.origin.host) : connectionFailure(thrown, job.origin.host);
      }
    }
  }
}

async function ask(file: PartialFile, segment: Segment, job: Job): Promise<HttpAnswer> {
  const from = segment.start + segment.done;
  const ranged = from > 0 || segment.end < file.size;
  const headers: Record<string, string> = { "accept-encoding": "identity" };
  if (ranged) headers["range"] = `bytes=${from}-${segment.end - 1}`;
  let answer: HttpAnswer;
  try {
    answer = await job.origin.open(headers, job.signal);
  } catch (thrown) {
    if (ranged && thrown instanceof GranuleError && thrown.details?.["status"] === 416) throw new RangesRefused();
    throw thrown;
  }
  if (!ranged && answer.statusCode === 200) return answer;
  const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(String(answer.headers["content-range"] ?? ""));
  const fits = range && Number(range[1]) === from && (range[3] === "*" || Number(range[3]) === file.size);
  if (answer.statusCode === 206 && fits) return answer;
  discard(answer);
  if (ranged) throw new RangesRefused();
  throw new GranuleError("UNAVAILABLE", `${job.origin.host} answered ${answer.statusCode} where a blob was asked for`);
}

/** Writes the body of an answer to its segment; what has come before a failure is written as well. */
async function take(
  answer: HttpAnswer,
  file: PartialFile,
  segment: Segment,
  job: Job,
  guard: SlowGuard,
): Promise<void> {
  const room = segment.end - segment.start - segment.done;
  const before = segment.done;
  let received = 0;
  let batch: Buffer[] = [];
  let batchBytes = 0;
  let writtenAt = performance.now();
  let writing = Promise.resolve();
  const flush = async (): Promise<void> => {
    await writing;
    if (batchBytes === 0) return;
    writing = file.append(segment, batch);
    // Its failure is met at the next flush.
    writing.catch(() => undefined);
    batch = [];
    batchBytes = 0;
    writtenAt = performance.now();
  };
  try {
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      received += chunk.length;
      guard.received(chunk.length);
      if (received > room) {
        throw corrupt(`${job.origin.host} sends more than the ${file.size} bytes of the blob ${job.blob.digest}`);
      }
      batch.push(chunk);
      batchBytes += chunk.length;
      job.onProgress(file.doneBytes + received - (segment.done - before));
      if (batchBytes >= BATCH_BYTES || performance.now() - writtenAt > BATCH_MS) await flush();
    }
  } catch (thrown) {
    discard(answer);
    if (received <= room) await flush();
    await writing;
    throw thrown;
  }
  await flush();
  await writing;
  job.onProgress(file.doneBytes);
  if (received < room) {
    throw new GranuleError(
      "UNAVAILABLE",
      `${job.origin.host} ended the blob ${job.blob.digest} before its ${file.size} bytes`,
      {
        retryable: true,
      },
    );
  }
}

function discard({ body }: HttpAnswer): void {
  body.on("error", () => undefined);
  body.destroy();
}
