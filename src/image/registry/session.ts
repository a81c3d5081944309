import type { RegistryCredentials } from "../../api.js";
import type { GranuleError } from "../../errors.js";
import { Authorizer } from "./authorizer.js";
import { failureCode } from "./back-off.js";
import type { Location } from "./configuration.js";
import { type Exchange, type HttpAnswer, type HttpRequest, readBody } from "./exchange.js";
import { connectionFailure, statusFailure } from "./failure.js";
import { isLoopback } from "./host.js";
import { followed } from "./redirects.js";

/** Challenge, renewed token, and no more. */
const MAX_CHALLENGES = 2;
const MAX_ERROR_BYTES = 64 * 1024;

/** One registry, spoken to about one repository: where it is, how it wants to be authenticated to, and its redirects. */
export class RegistrySession {
  readonly location: Location;
  readonly #exchange: Exchange;
  readonly #credentials: RegistryCredentials | undefined;
  #base: Promise<URL> | undefined;
  #authorizer: Authorizer | undefined;

  constructor(exchange: Exchange, location: Location, credentials: RegistryCredentials | undefined) {
    this.#exchange = exchange;
    this.location = location;
    this.#credentials = credentials;
  }

  get host(): string {
    return this.location.host;
  }

  /**
   * Asks for a path below the repository, such as `manifests/latest`; the answer has a status below 300.
   * @param name what is asked for, in errors
   * @throws GranuleError by what the registry answered
   */
  async ask(path: string, message: HttpRequest, name: string, signal: AbortSignal): Promise<HttpAnswer> {
    const { repository } = this.location;
    const base = await this.base(signal);
    const url = new URL(`/v2/${repository}/${path}`, base);
    const answer = await this.#authorized(url, message, `repository:${repository}:pull`, signal);
    if (answer.statusCode < 300) return answer;
    throw await this.#failure(answer, name);
  }

  /**
   * Whether the registry is one, and lets the credentials in (distribution-spec, "Determining Support"; docker's login).
   * @returns the credentials as they are to be stored
   * @throws GranuleError UNAUTHENTICATED
   */
  async login(signal: AbortSignal): Promise<RegistryCredentials | undefined> {
    const url = new URL("/v2/", await this.base(signal));
    const answer = await this.#authorized(url, { method: "GET", headers: {} }, "", signal);
    if (answer.statusCode >= 300) throw await this.#failure(answer, "it");
    await answer.body.dump();
    const identity = await this.#authorizer?.azureIdentity(signal);
    return identity === undefined ? this.#credentials : { identityToken: identity };
  }

  /** `https://host/`, or `http://host/` where that is allowed and what is spoken there. */
  base(signal: AbortSignal): Promise<URL> {
    this.#base ??= this.#findBase(signal).catch((thrown: unknown) => {
      this.#base = undefined;
      throw thrown;
    });
    return this.#base;
  }

  async #findBase(signal: AbortSignal): Promise<URL> {
    const { host, insecure } = this.location;
    const secure = new URL(`https://${host}/`);
    const clearAllowed = insecure || isLoopback(host);
    if (!clearAllowed || this.#exchange.connections.hasCertificates(host)) return secure;
    const ping = { method: "GET", headers: {} } as const;
    try {
      const answer = await this.#exchange.once(new URL("/v2/", secure), ping, insecure, signal);
      await answer.body.dump();
      return secure;
    } catch (thrown) {
      if (!speaksNoTls(thrown, host)) throw connectionFailure(thrown, host);
      return new URL(`http://${host}/`);
    }
  }

  async #authorized(url: URL, message: HttpRequest, scope: string, signal: AbortSignal): Promise<HttpAnswer> {
    this.#authorizer ??= new Authorizer(this.#exchange, new URL("/", url), this.location.insecure, this.#credentials);
    for (let challenges = 0; ; challenges++) {
      const authorization = await this.#authorizer.header(scope, signal);
      const { insecure } = this.location;
      const answer = await followed(this.#exchange, url, message, { authorization, insecure }, signal);
      if (answer.statusCode !== 401 || challenges >= MAX_CHALLENGES) return answer;
      if (!this.#authorizer.challenged(answer, scope, authorization)) return answer;
      await answer.body.dump();
    }
  }

  async #failure(answer: HttpAnswer, name: string): Promise<GranuleError> {
    const account = this.#authorizer?.account;
    const body = await readBody(answer, MAX_ERROR_BYTES, this.host).catch(() => Buffer.alloc(0));
    return statusFailure(answer.statusCode, body.toString("utf8"), {
      host: this.host,
      name,
      ...(account === undefined ? {} : { account }),
    });
  }
}

/** Whether a TLS handshake failed because the other side speaks plain http, or listens on port 80 alone. */
function speaksNoTls(thrown: unknown, host: string): boolean {
  const code = failureCode(thrown);
  const hasPort = /:\d+$/.test(host);
  if (code === "ECONNREFUSED") return !hasPort;
  return code === "EPROTO" || code === "ECONNRESET" || code === "UND_ERR_SOCKET" || code.startsWith("ERR_SSL_");
}
