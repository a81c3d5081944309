import type { Container, LoadProgress, Runtime } from "../api.js";
import { GranuleError } from "../errors.js";
import { Deferred } from "../runtime/deferred.js";
import { ByteSender } from "./byte-sender.js";
import type { Call } from "./call.js";
import { ItemSender } from "./item-sender.js";
import type { LoadItem, Opened, Subscribed } from "./items.js";
import { DATA_FRAME_BYTES } from "./limits.js";
import { encodeLogLine } from "./log-format.js";
import type { Cursor } from "./params.js";

/** Events as items, with the cursor that they bring. A subscriber that falls too far behind is told to resume. */
export function openEvents(call: Call, after: Cursor | undefined): Subscribed {
  const abort = new AbortController();
  const sender = new ItemSender(call.host, "fail", () => abort.abort());
  // Asked for before the response, so that nothing that happens after the response is missed.
  const cursor = after ?? latestCursor(call.runtime);
  const events = call.runtime.events({ ...(after && { after }), signal: abort.signal })[Symbol.asyncIterator]();
  let first = events.next();
  first.catch(() => {});
  call.onAnswered(() => {
    void feed(sender, async () => {
      for (let next = await first; next.done !== true; next = await first) {
        sender.offer(next.value);
        first = events.next();
      }
    });
  });
  return { subscription: sender.id, ...(cursor && { cursor }) };
}

/** The cursor of the last event, which a runtime tells where it refuses one that it never gave. */
function latestCursor(runtime: Runtime): Cursor | undefined {
  try {
    runtime.events({ after: { epoch: "", seq: 0 } });
    return undefined;
  } catch (thrown) {
    const { code, details } = GranuleError.from(thrown);
    if (code !== "CURSOR_EXPIRED") throw thrown;
    const { epoch, latest } = details ?? {};
    return typeof epoch === "string" && typeof latest === "number" ? { epoch, seq: latest } : undefined;
  }
}

/** Samples as items, one a reading; `key` names the source among those of this runtime. */
export function openSamples(
  call: Call,
  key: string,
  source: Pick<Runtime, "samples">,
  after: Cursor | undefined,
): Subscribed {
  let leave = (): void => {};
  const sender = new ItemSender(call.host, "drop-oldest", () => leave());
  const early: (() => void)[] = [];
  let answered = false;
  // Nothing of the subscription may overtake the response that names it.
  const later = (step: () => void): void => void (answered ? step() : early.push(step));
  const { cursor, leave: stop } = call.samples.subscribe(
    key,
    source,
    {
      take: (item) => later(() => sender.offer(item)),
      end: (error) => later(() => (error === undefined ? sender.end() : sender.fail(error))),
    },
    after,
  );
  leave = stop;
  call.onAnswered(() => {
    answered = true;
    for (const step of early.splice(0)) step();
  });
  return { subscription: sender.id, cursor };
}

/** A load, pull or check as items of progress, its result in the last one. */
export function openLoad(
  call: Call,
  load: (
    signal: AbortSignal,
    onProgress: (progress: LoadProgress) => void,
  ) => Promise<Pick<LoadItem, "images" | "checks">>,
): Opened {
  const abort = new AbortController();
  const left = new Deferred<never>();
  const sender = new ItemSender(call.host, "drop-oldest", () => {
    abort.abort();
    left.reject(new GranuleError("CANCELLED", "the subscriber left"));
  });
  let seq = 0;
  call.remembered = new Promise((resolve, reject) => {
    left.promise.catch(reject);
    call.onAnswered(() => {
      const loading = load(abort.signal, (progress) => {
        sender.offer({ seq: ++seq, progress } satisfies LoadItem);
      });
      loading.then(resolve, reject);
      void feed(sender, async () => {
        sender.offer({ seq: ++seq, ...(await loading) } satisfies LoadItem);
      });
    });
  });
  // Where the call has no key, nobody but the subscription hears of a failure.
  call.remembered.catch(() => {});
  return { subscription: sender.id };
}

/** Log entries as a stream of bytes in the CRI log format. */
export function openLogs(
  call: Call,
  container: Container,
  options: { follow?: boolean; since?: string; tail?: number },
): { logs: number } {
  const abort = new AbortController();
  const sender = new ByteSender(call.host, () => abort.abort());
  call.onAnswered(() => {
    void feed(sender, () => sendLogs(sender, container.logs({ ...options, signal: abort.signal })));
  });
  return { logs: sender.id };
}

/** Many short entries go out together; none waits longer than until the event loop turns. */
async function sendLogs(sender: ByteSender, lines: ReturnType<Container["logs"]>): Promise<void> {
  let batch: Uint8Array[] = [];
  let batchBytes = 0;
  let sending: Promise<void> = Promise.resolve();
  const flush = (): Promise<void> => {
    if (batchBytes > 0) {
      const bytes = Buffer.concat(batch, batchBytes);
      batch = [];
      batchBytes = 0;
      sending = sending.then(() => sender.send(bytes));
    }
    return sending;
  };
  for await (const line of lines) {
    const entry = encodeLogLine(line);
    batchBytes += entry.length;
    if (batch.push(entry) === 1) setImmediate(() => void flush());
    if (batchBytes >= DATA_FRAME_BYTES) await flush();
  }
  await flush();
}

async function feed(sender: { end(): void; fail(error: GranuleError): void }, run: () => Promise<void>): Promise<void> {
  try {
    await run();
    sender.end();
  } catch (thrown) {
    sender.fail(GranuleError.from(thrown));
  }
}
