import type { RegistryCredentials } from "../../api.js";
import { GranuleError } from "../../errors.js";
import { parseChallenges } from "./challenge.js";
import type { Exchange, HttpAnswer } from "./exchange.js";
import { accountOf, type BearerToken, basic, exchangeAzureToken, fetchToken, type TokenRequest } from "./token.js";

/** A token is renewed so long before it ends. */
const MARGIN_MS = 10_000;

/** What one registry lets this pull in by: it answers challenges, and keeps the tokens by their scope. */
export class Authorizer {
  readonly #exchange: Exchange;
  readonly #registry: URL;
  readonly #insecure: boolean;
  readonly #credentials: RegistryCredentials | undefined;
  readonly #tokens = new Map<string, BearerToken>();
  readonly #pending = new Map<string, Promise<BearerToken>>();
  #scheme: "none" | "basic" | "bearer" = "none";
  #bearer: Omit<TokenRequest, "scope"> | undefined;

  constructor(exchange: Exchange, registry: URL, insecure: boolean, credentials: RegistryCredentials | undefined) {
    this.#exchange = exchange;
    this.#registry = registry;
    this.#insecure = insecure;
    this.#credentials = credentials;
    if (credentials && "registryToken" in credentials) this.#scheme = "bearer";
  }

  /** The account that is used, for errors. */
  get account(): string | undefined {
    return accountOf(this.#credentials);
  }

  /** The Authorization header for a scope, as far as it is known what the registry wants. */
  async header(scope: string, signal: AbortSignal): Promise<string | undefined> {
    const credentials = this.#credentials;
    if (this.#scheme === "basic" && credentials && "username" in credentials) return basic(credentials);
    if (this.#scheme !== "bearer") return undefined;
    if (credentials && "registryToken" in credentials) return `Bearer ${credentials.registryToken}`;
    const known = this.#tokens.get(scope);
    if (known && known.expiresAt - MARGIN_MS > Date.now()) return `Bearer ${known.token}`;
    return `Bearer ${(await this.#renew(scope, signal)).token}`;
  }

  /**
   * Takes up the challenge of a 401.
   * @param sent the Authorization header that was refused
   * @returns whether a further attempt may succeed
   */
  challenged(answer: HttpAnswer, scope: string, sent: string | undefined): boolean {
    const challenges = parseChallenges(answer.headers["www-authenticate"]);
    const bearer = challenges.find((challenge) => challenge.scheme === "bearer");
    const credentials = this.#credentials;
    if (bearer) {
      if (credentials && "registryToken" in credentials) return false;
      this.#scheme = "bearer";
      this.#bearer = {
        challenge: bearer,
        registry: this.#registry,
        insecure: this.#insecure,
        ...(credentials ? { credentials } : {}),
      };
      // One that was refused may have been revoked before its time; a fresh one tells.
      const used = this.#tokens.get(scope);
      if (used !== undefined && sent === `Bearer ${used.token}`) this.#tokens.delete(scope);
      return true;
    }
    if (challenges.some((challenge) => challenge.scheme === "basic") && sent === undefined) {
      this.#scheme = "basic";
      return credentials !== undefined && "username" in credentials;
    }
    return false;
  }

  /** An identity token in place of an Azure token, to be stored; undefined where the registry wants no bearer tokens. */
  async azureIdentity(signal: AbortSignal): Promise<string | undefined> {
    const credentials = this.#credentials;
    if (this.#bearer === undefined || credentials === undefined || !("azureToken" in credentials)) return undefined;
    const service = this.#bearer.challenge.parameters["service"] ?? this.#registry.host;
    return exchangeAzureToken(this.#exchange, { ...this.#bearer, scope: "" }, service, credentials, signal);
  }

  /** Several requests of one scope share one token, and one request for it. */
  #renew(scope: string, signal: AbortSignal): Promise<BearerToken> {
    const asked = this.#bearer;
    if (asked === undefined) throw new GranuleError("INTERNAL", "a token was wanted before any challenge");
    let pending = this.#pending.get(scope);
    if (pending === undefined) {
      pending = fetchToken(this.#exchange, { ...asked, scope }, signal)
        .then((token) => {
          this.#tokens.set(scope, token);
          return token;
        })
        .finally(() => this.#pending.delete(scope));
      this.#pending.set(scope, pending);
    }
    return pending;
  }
}
