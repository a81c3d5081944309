import { GranuleError } from "../../errors.js";
import type { Exchange, HttpAnswer, HttpRequest } from "./exchange.js";

const MAX_REDIRECTS = 8;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

export interface Access {
  /** Header that stays with the scheme, host and port that it was made for. */
  authorization: string | undefined;
  /** Any certificate will do at the host that was named; not where it redirects to. */
  insecure: boolean;
}

/**
 * Sends a request, and again to wherever its answers redirect.
 * @throws GranuleError PERMISSION_DENIED where a redirect leads from TLS back to the clear
 */
export async function followed(
  exchange: Exchange,
  first: URL,
  message: HttpRequest,
  { authorization, insecure }: Access,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  let url = first;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const own = url.origin === first.origin && authorization !== undefined;
    const headers = own ? { ...message.headers, authorization } : message.headers;
    const answer = await exchange.send(url, { ...message, headers }, insecure && url.host === first.host, signal);
    const target = answer.headers["location"];
    if (!REDIRECTS.has(answer.statusCode) || typeof target !== "string") return answer;
    await answer.body.dump();
    url = redirected(url, target);
  }
  throw new GranuleError("UNAVAILABLE", `${first.host} redirects in circles`);
}

function redirected(from: URL, target: string): URL {
  const url = URL.canParse(target, from.href) ? new URL(target, from) : undefined;
  const allowed = url?.protocol === "https:" || (url?.protocol === "http:" && from.protocol === "http:");
  if (url && allowed) return url;
  throw new GranuleError(
    "PERMISSION_DENIED",
    `${from.host} redirects to ${url?.origin ?? "an address that is none"}, which is not safe`,
  );
}
