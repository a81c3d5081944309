import { type Dispatcher, request } from "undici";
import { GranuleError } from "../../errors.js";
import { BackOff, cancelled, isPassingFailure, isPassingStatus } from "./back-off.js";
import type { Connections } from "./connections.js";
import { connectionFailure, proxyFailure } from "./failure.js";
import type { RegistrySettings } from "./settings.js";

export interface HttpRequest {
  method: "GET" | "HEAD" | "POST";
  headers: Record<string, string>;
  body?: string;
}

/** An answer whose body is still to come: it must be read or dumped, or its socket stays taken. */
export type HttpAnswer = Dispatcher.ResponseData;

/** Requests over the connections of one pull, made again where a failure may pass. */
export class Exchange {
  readonly connections: Connections;
  readonly settings: RegistrySettings;

  constructor(connections: Connections, settings: RegistrySettings) {
    this.connections = connections;
    this.settings = settings;
  }

  /**
   * One request and its answer, whatever its status. Redirects are the caller's to follow.
   * @param insecure do not ask who vouches for the host's certificate
   * @throws GranuleError UNAVAILABLE, FAILED_PRECONDITION for a certificate, CANCELLED
   */
  async send(url: URL, message: HttpRequest, insecure: boolean, signal: AbortSignal): Promise<HttpAnswer> {
    const backOff = new BackOff(this.settings);
    for (;;) {
      try {
        const answer = await this.once(url, message, insecure, signal);
        if (!isPassingStatus(answer.statusCode)) return answer;
        const retryAfter = answer.headers["retry-after"];
        if (!(await backOff.again(signal, typeof retryAfter === "string" ? retryAfter : undefined))) return answer;
        await answer.body.dump();
      } catch (thrown) {
        if (signal.aborted) throw cancelled(signal.reason);
        if (!isPassingFailure(thrown) || !(await backOff.again(signal))) throw connectionFailure(thrown, url.host);
      }
    }
  }

  /** As `send`, without a second attempt and with the failure as undici has it, or that of the proxy. */
  async once(
    url: URL,
    { method, headers, body }: HttpRequest,
    insecure: boolean,
    signal: AbortSignal,
  ): Promise<HttpAnswer> {
    try {
      return await request(url, {
        method,
        headers: { "user-agent": USER_AGENT, ...headers },
        dispatcher: this.connections.to(url, insecure),
        signal,
        ...(body === undefined ? {} : { body }),
      });
    } catch (thrown) {
      const proxy = this.connections.proxyOf(url);
      throw proxy === undefined ? thrown : proxyFailure(thrown, url.host, proxy);
    }
  }
}

const USER_AGENT = "granule";

/**
 * The whole body of an answer, in memory.
 * @param most bytes; one that is longer is cut off and told
 */
export async function readBody(answer: HttpAnswer, most: number, host: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > most) break;
      chunks.push(chunk);
    }
  } catch (thrown) {
    throw connectionFailure(thrown, host);
  }
  if (bytes > most) throw tooLong(host, most);
  return Buffer.concat(chunks);
}

function tooLong(host: string, most: number): GranuleError {
  return new GranuleError("CORRUPT", `an answer of ${host} is longer than ${most} bytes`);
}
