import type { RegistryCredentials } from "../../api.js";
import { GranuleError } from "../../errors.js";
import type { Challenge } from "./challenge.js";
import { TOKEN_USER } from "./credential-file.js";
import { type Exchange, readBody } from "./exchange.js";
import { statusFailure } from "./failure.js";

/** A bearer token and until when it holds, in milliseconds since 1970. */
export interface BearerToken {
  token: string;
  expiresAt: number;
}

/** What the token server of a registry is asked for. */
export interface TokenRequest {
  challenge: Challenge;
  /** Such as `repository:library/debian:pull`; empty for a login alone. */
  scope: string;
  credentials?: RegistryCredentials;
  /** The registry at which the challenge was met. */
  registry: URL;
  insecure: boolean;
}

const MAX_ANSWER_BYTES = 1024 * 1024;
/** A token without a term holds for a minute (docker's token specification, "expires_in"). */
const DEFAULT_TERM_SECONDS = 60;
const CLIENT_ID = "granule";

/**
 * Gets a bearer token by docker's token flow: by GET with basic credentials or none, by POST (OAuth 2) with an identity
 * token. Azure's tokens are exchanged for an identity token first.
 * @throws GranuleError UNAUTHENTICATED where the server does not accept the credentials
 */
export async function fetchToken(exchange: Exchange, asked: TokenRequest, signal: AbortSignal): Promise<BearerToken> {
  const { challenge, credentials } = asked;
  const realm = realmOf(asked);
  const service = challenge.parameters["service"] ?? asked.registry.host;
  const scope = asked.scope || challenge.parameters["scope"] || "";
  if (credentials === undefined || "username" in credentials) {
    const query = new URLSearchParams({ service });
    if (scope !== "") query.set("scope", scope);
    if (credentials !== undefined) query.set("account", credentials.username);
    for (const [name, value] of query) realm.searchParams.set(name, value);
    const authorization = credentials && { authorization: basic(credentials) };
    return read(exchange, realm, { method: "GET", headers: { ...authorization } }, asked, signal);
  }
  const identity =
    "azureToken" in credentials
      ? await exchangeAzureToken(exchange, asked, service, credentials, signal)
      : "identityToken" in credentials
        ? credentials.identityToken
        : "";
  const form = new URLSearchParams({ grant_type: "refresh_token", service, refresh_token: identity });
  form.set("client_id", CLIENT_ID);
  if (scope !== "") form.set("scope", scope);
  return read(exchange, realm, post(form), asked, signal);
}

/**
 * Trades an Azure AD access token for a refresh token of the registry (POST /oauth2/exchange beside the token realm).
 * @throws GranuleError UNAUTHENTICATED
 */
export async function exchangeAzureToken(
  exchange: Exchange,
  asked: TokenRequest,
  service: string,
  { azureToken, tenant }: { azureToken: string; tenant?: string },
  signal: AbortSignal,
): Promise<string> {
  // Azure's token belongs to the registry alone: it goes to the host that was named, not to one that a challenge names.
  const url = new URL("/oauth2/exchange", asked.registry);
  const form = new URLSearchParams({ grant_type: "access_token", service, access_token: azureToken });
  if (tenant !== undefined) form.set("tenant", tenant);
  const answer = await exchange.send(url, post(form), asked.insecure, signal);
  const body = (await readBody(answer, MAX_ANSWER_BYTES, url.host)).toString("utf8");
  if (answer.statusCode !== 200) throw refused(answer.statusCode, body, asked);
  const { refresh_token: token } = parse(body, url.host);
  if (typeof token !== "string" || token === "") throw unusable(url.host);
  return token;
}

/** The value of an Authorization header with a name and a password. */
export function basic({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

/** Who credentials are of, as an error may say it. */
export function accountOf(credentials: RegistryCredentials | undefined): string | undefined {
  if (credentials === undefined) return undefined;
  return "username" in credentials && credentials.username !== TOKEN_USER ? credentials.username : "this token";
}

/** A registry that is reached by TLS must not have secrets sent in the clear elsewhere. */
function realmOf({ challenge, registry }: TokenRequest): URL {
  const text = challenge.parameters["realm"] ?? "";
  const realm = URL.canParse(text, registry.href) ? new URL(text, registry) : undefined;
  const clear = realm?.protocol === "http:" && registry.protocol === "http:";
  if (realm === undefined || !(realm.protocol === "https:" || clear) || realm.username || realm.password) {
    throw new GranuleError(
      "PERMISSION_DENIED",
      `${registry.host} wants its tokens to be fetched from ${text}, which is not safe`,
    );
  }
  return realm;
}

function post(form: URLSearchParams): { method: "POST"; headers: Record<string, string>; body: string } {
  return { method: "POST", headers: { "content-type": "application/x-www-form-urlencoded" }, body: form.toString() };
}

async function read(
  exchange: Exchange,
  url: URL,
  message: Parameters<Exchange["send"]>[1],
  asked: TokenRequest,
  signal: AbortSignal,
): Promise<BearerToken> {
  const fetchedAt = Date.now();
  const answer = await exchange.send(url, message, asked.insecure, signal);
  const body = (await readBody(answer, MAX_ANSWER_BYTES, url.host)).toString("utf8");
  if (answer.statusCode !== 200) throw refused(answer.statusCode, body, asked);
  const { token, access_token: accessToken, expires_in: term } = parse(body, url.host);
  const value = typeof token === "string" && token !== "" ? token : accessToken;
  if (typeof value !== "string" || !/^[\x21-\x7e]+$/.test(value)) throw unusable(url.host);
  const seconds = typeof term === "number" && term > 0 ? Math.max(term, DEFAULT_TERM_SECONDS) : DEFAULT_TERM_SECONDS;
  return { token: value, expiresAt: fetchedAt + seconds * 1000 };
}

function refused(status: number, body: string, asked: TokenRequest): GranuleError {
  const account = accountOf(asked.credentials);
  const name = asked.scope.split(":")[1] ?? "it";
  // Token servers answer 400 to a refresh token that has run out.
  const meaning = status === 400 && account !== undefined ? 401 : status;
  return statusFailure(meaning, body, {
    host: asked.registry.host,
    name,
    ...(account === undefined ? {} : { account }),
  });
}

function parse(body: string, host: string): Record<string, unknown> {
  try {
    return JSON.parse(body) as Record<string, unknown>;
  } catch {
    throw unusable(host);
  }
}

function unusable(host: string): GranuleError {
  return new GranuleError("UNAVAILABLE", `the token server ${host} gave no token`, { retryable: true });
}
