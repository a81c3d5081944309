import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/** What was asked of the token server. */
export interface TokenAsk {
  method: string;
  path: string;
  parameters: Record<string, string>;
  authorization?: string;
}

export interface TokenServerOptions {
  /** The only user; without one, tokens are given to anybody. */
  user?: { username: string; password: string };
  /** The refresh token that is accepted. */
  refreshToken?: string;
  /** `expires_in` of the tokens. */
  termSeconds?: number;
}

/**
 * A token server as docker's token specification has it, and Azure's exchange beside it: GET and POST /oauth2/token,
 * POST /oauth2/exchange. It gives out a fresh token each time and knows which hold.
 */
export class TokenServer {
  readonly asked: TokenAsk[] = [];
  readonly valid = new Map<string, string>();
  host = "";
  readonly #server: Server;
  readonly #options: TokenServerOptions;
  #count = 0;

  private constructor(options: TokenServerOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async start(options: TokenServerOptions = {}): Promise<TokenServer> {
    const server = new TokenServer(options);
    server.#server.listen(0, "127.0.0.1");
    await once(server.#server, "listening");
    server.host = `127.0.0.1:${(server.#server.address() as AddressInfo).port}`;
    return server;
  }

  /** The challenge that a registry gives, for a scope. */
  challenge(scope: string): string {
    return `Bearer realm="http://${this.host}/oauth2/token",service="test, registry",scope="${scope}"`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", `http://${this.host}`);
    const form = request.method === "POST" ? new URLSearchParams(await text(request)) : url.searchParams;
    const parameters = Object.fromEntries(form);
    const { authorization } = request.headers;
    const { method = "" } = request;
    this.asked.push({ method, path: url.pathname, parameters, ...(authorization ? { authorization } : {}) });
    const answer = (status: number, body: unknown): void => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    };
    if (url.pathname === "/oauth2/exchange") {
      if (parameters["access_token"] !== "aad-token") return answer(401, { errors: [{ code: "UNAUTHORIZED" }] });
      return answer(200, { refresh_token: this.#options.refreshToken });
    }
    if (!this.#isKnown(method, parameters, authorization)) {
      return answer(401, { errors: [{ code: "UNAUTHORIZED", message: "who are you?" }] });
    }
    const token = `token-${++this.#count}`;
    this.valid.set(token, parameters["scope"] ?? "");
    const term = this.#options.termSeconds;
    answer(200, { token, access_token: token, ...(term === undefined ? {} : { expires_in: term }) });
  }

  #isKnown(method: string, parameters: Record<string, string>, authorization: string | undefined): boolean {
    const { user, refreshToken } = this.#options;
    if (method === "POST") return parameters["refresh_token"] === refreshToken && refreshToken !== undefined;
    if (user === undefined) return true;
    return authorization === `Basic ${Buffer.from(`${user.username}:${user.password}`).toString("base64")}`;
  }
}
