import { GranuleError } from "../errors.js";
import type { ClientConnection } from "./client-connection.js";
import { ReceiveCredit } from "./credit.js";
import { FlowQueue } from "./flow-queue.js";
import type { MethodName, Params, Result } from "./methods.js";

/** Methods whose result names one stream or subscription. */
export type FeedMethod =
  | "events.subscribe"
  | "samples.subscribe"
  | "containers.logs"
  | "images.load"
  | "images.import"
  | "images.pull"
  | "images.verify";

/**
 * Opens a subscription (items) or a stream (bytes) and gives what comes, read at the caller's pace. Ends quietly when
 * the signal aborts.
 */
export async function openFeed<M extends MethodName & FeedMethod, T>(
  connection: ClientConnection,
  method: M,
  params: Params<M>,
  options: { signal?: AbortSignal | undefined; idempotencyKey?: string } = {},
  onResult: (result: Result<M>) => void = () => {},
): Promise<AsyncIterableIterator<T>> {
  const { signal } = options;
  let queue: FlowQueue<T> | undefined;
  try {
    await connection.call(method, params, {
      ...options,
      onResult: (result) => {
        onResult(result);
        if (!("images" in result || "checks" in result)) queue = receiveFeed(connection, result, signal);
      },
    });
  } catch (error) {
    if (!signal?.aborted) throw error;
  }
  if (queue !== undefined) return queue;
  const empty = new FlowQueue<T>({ consumed: () => {}, cancelled: () => {} });
  empty.end();
  return empty;
}

function receiveFeed<T>(
  connection: ClientConnection,
  result: Result<FeedMethod>,
  signal: AbortSignal | undefined,
): FlowQueue<T> {
  const bytes = "logs" in result;
  const id = bytes ? result.logs : "subscription" in result ? result.subscription : undefined;
  if (id === undefined) throw new GranuleError("INVALID_ARGUMENT", "the server's answer names no subscription");
  const { streamWindowBytes, subscriptionWindowItems } = connection.hello.limits;
  const credit = new ReceiveCredit(bytes ? streamWindowBytes : subscriptionWindowItems, (amount) =>
    connection.sendCredit(id, amount),
  );
  const abort = (): void => queue.cancel();
  const settle = (): void => signal?.removeEventListener("abort", abort);
  const queue = new FlowQueue<T>({
    consumed: (item) => credit.consumed(item instanceof Uint8Array ? item.length : 1),
    cancelled: () => {
      settle();
      connection.cancelStream(id);
    },
  });
  signal?.addEventListener("abort", abort, { once: true });
  const push = (item: unknown): void => queue.push(item as T);
  connection.openStream(id, {
    ...(bytes ? { onData: push } : { onItem: push }),
    onEnd: () => {
      settle();
      queue.end();
    },
    onReset: (error) => {
      settle();
      queue.fail(error);
    },
  });
  return queue;
}
