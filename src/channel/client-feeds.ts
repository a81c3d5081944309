import type { LogLine, LogOptions, RuntimeEvent, Sample } from "../api.js";
import type { GranuleError } from "../errors.js";
import type { ClientConnection } from "./client-connection.js";
import { openFeed } from "./client-feed.js";
import type { ClientLink } from "./client-link.js";
import type { SamplesItem } from "./items.js";
import { LogLineParser } from "./log-format.js";
import type { Params } from "./methods.js";
import type { Cursor } from "./params.js";

/** Reads one connection's feed; what the next connection's one needs is kept by the generator around it. */
type Attempt<T> = (connection: ClientConnection) => AsyncIterable<T>;

/** Goes on with another connection where one is lost, until a feed ends by itself or the signal aborts. */
async function* acrossConnections<T>(
  link: ClientLink,
  signal: AbortSignal | undefined,
  attempt: Attempt<T>,
  first: Promise<ClientConnection> = link.connection(),
): AsyncGenerator<T> {
  for (let next = first; ; next = link.connection()) {
    const connection = await next;
    try {
      yield* attempt(connection);
      return;
    } catch (error) {
      if (signal?.aborted) return;
      if (!link.resumes(connection, error)) throw error;
    }
  }
}

/** Events from now on or behind a cursor. Subscribes at once, so that what happens before the first read is not missed. */
export function remoteEvents(
  link: ClientLink,
  options: { after?: Cursor; signal?: AbortSignal },
): AsyncIterable<RuntimeEvent> {
  const { signal } = options;
  let after = options.after;
  const open = (connection: ClientConnection) =>
    openFeed<"events.subscribe", RuntimeEvent>(
      connection,
      "events.subscribe",
      after ? { after } : {},
      { signal },
      (result) => {
        after ??= result.cursor;
      },
    );
  const connected = link.connection();
  let opened: ReturnType<typeof open> | undefined = connected.then(open);
  opened.catch(() => {});
  return acrossConnections(
    link,
    signal,
    async function* (connection) {
      const feed = opened ?? open(connection);
      opened = undefined;
      for await (const event of await feed) {
        after = { epoch: event.epoch, seq: event.seq };
        yield event;
      }
    },
    connected,
  );
}

/** The samples of one container, or of all. Those that the server no longer holds show as a gap in their times. */
export function remoteSamples(
  link: ClientLink,
  target: { id?: string },
  signal: AbortSignal | undefined,
): AsyncIterable<Sample> {
  let after: Cursor | undefined;
  const open = async (connection: ClientConnection): Promise<AsyncIterable<SamplesItem>> => {
    const params: Params<"samples.subscribe"> = { ...target, ...(after && { after }) };
    try {
      return await openFeed<"samples.subscribe", SamplesItem>(connection, "samples.subscribe", params, { signal });
    } catch (error) {
      if (after === undefined || (error as GranuleError).code !== "CURSOR_EXPIRED") throw error;
      return await openFeed<"samples.subscribe", SamplesItem>(connection, "samples.subscribe", target, { signal });
    }
  };
  return acrossConnections(link, signal, async function* (connection) {
    for await (const { epoch, seq, samples } of await open(connection)) {
      after = { epoch, seq };
      yield* samples;
    }
  });
}

/** Log lines. After a lost connection it goes on behind the last one that was read, by its time. */
export function remoteLogs(link: ClientLink, id: string, options: LogOptions): AsyncIterable<LogLine> {
  const { signal, ...rest } = options;
  let params: Params<"containers.logs"> = { ...rest, id };
  let lastTime = "";
  let readAtLastTime = 0;
  return acrossConnections(link, signal, async function* (connection) {
    let again = readAtLastTime;
    const resumedAt = lastTime;
    const feed = await openFeed<"containers.logs", Uint8Array>(connection, "containers.logs", params, { signal });
    const parser = new LogLineParser();
    for await (const bytes of feed) {
      for (const line of parser.push(bytes)) {
        if (line.time === resumedAt && again-- > 0) continue;
        readAtLastTime = line.time === lastTime ? readAtLastTime + 1 : 1;
        if (line.time !== lastTime) {
          lastTime = line.time;
          const { tail: _, ...untailed } = params;
          params = { ...untailed, since: lastTime };
        }
        yield line;
      }
    }
  });
}
