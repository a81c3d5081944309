import { finished } from "node:stream/promises";
import { GranuleError } from "../../errors.js";
import type { GrowingBlob } from "../growing-blob.js";
import { corrupt } from "../json.js";
import { BackOff, cancelled, isPassingFailure } from "./back-off.js";
import { Batches } from "./batches.js";
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
  growing: GrowingBlob,
  settings: RegistrySettings,
  signal: AbortSignal,
  onProgress: (doneBytes: number) => void,
): Promise<void> {
  const file = await PartialFile.open(growing);
  try {
    let parallelRanges = settings.parallelRanges;
    for (let restarts = 0; ; restarts++) {
      const refused = await fill(
        file,
        { origin, blob, settings, signal, onProgress, received: { bytes: 0 } },
        parallelRanges,
      );
      if (refused) parallelRanges = 1;
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
  /** Bytes that have come in, written or not. */
  received: { bytes: number };
}

/** Fetches all that is missing. @returns true where the server does not do ranges, and the file must be begun anew */
async function fill(file: PartialFile, job: Job, parallelRanges: number): Promise<boolean> {
  const { splitFromBytes, rangeBytes } = job.settings;
  const missing = file.size - file.doneBytes;
  const most = missing >= splitFromBytes ? parallelRanges : 1;
  const mostBytes = most > 1 ? Math.max(1, Math.min(rangeBytes, Math.floor(missing / most))) : file.size;
  const failure = new AbortController();
  const signal = AbortSignal.any([job.signal, failure.signal]);
  await withHelp(job, most, async () => {
    try {
      for (let segment = file.claim(mostBytes); segment; segment = file.claim(mostBytes)) {
        await fetchSegment(file, segment, { ...job, signal }).finally(() => file.release(segment));
      }
    } catch (thrown) {
      // Only the first counts: it cancels the others, which then fail of that.
      failure.abort(thrown);
    }
  });
  if (!failure.signal.aborted) return false;
  if (job.signal.aborted) throw cancelled(job.signal.reason);
  if (failure.signal.reason instanceof RangesRefused) return true;
  throw failure.signal.reason;
}

/**
 * Runs `work` until all who began it are done: once, and once more each time that what comes in is less than a connection
 * can bring. Ranges that come out of order are read back to be hashed, and where one connection does, so are more requests.
 */
function withHelp({ settings, received }: Job, most: number, work: () => Promise<void>): Promise<void> {
  const { rangeAfterMs, fastBytesPerSecond } = settings;
  return new Promise<void>((resolve) => {
    let begun = 0;
    let running = 0;
    let before = received.bytes;
    const begin = (): void => {
      begun += 1;
      running += 1;
      void work().finally(() => {
        running -= 1;
        if (running > 0) return;
        clearInterval(timer);
        resolve();
      });
    };
    const look = (): void => {
      const bytes = received.bytes - before;
      before = received.bytes;
      if (begun < most && bytes * 1000 < fastBytesPerSecond * rangeAfterMs) begin();
    };
    const timer = rangeAfterMs > 0 ? setInterval(look, rangeAfterMs) : undefined;
    begin();
    while (rangeAfterMs === 0 && begun < most) begin();
  });
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
  { body }: HttpAnswer,
  file: PartialFile,
  segment: Segment,
  job: Job,
  guard: SlowGuard,
): Promise<void> {
  const room = segment.end - segment.start - segment.done;
  const batches = new Batches(file, segment, body, () => job.onProgress(file.doneBytes));
  let received = 0;
  // An iterator would take half as long again as all else that is done to a chunk here.
  body.on("data", (chunk: Buffer) => {
    received += chunk.length;
    guard.received(chunk.length);
    job.received.bytes += chunk.length;
    if (received <= room) batches.add(chunk);
    else
      body.destroy(corrupt(`${job.origin.host} sends more than the ${file.size} bytes of the blob ${job.blob.digest}`));
  });
  try {
    await finished(body);
  } finally {
    await batches.drain();
  }
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
