import type { IncomingMessage, ServerResponse } from "node:http";
import { GranuleError } from "../errors.js";
import type { Access } from "./auth/access.js";
import type { Principal } from "./principal.js";
import { type Role, roleAllows } from "./roles.js";

/** A page beside the channel, such as /metrics. */
export interface HttpRoute {
  /** Least role of whoever asks, without a selector; everybody may unless told. */
  role?: Role;
  answer(request: IncomingMessage, response: ServerResponse, principal: Principal | undefined): void;
}

const STATUS: Partial<Record<GranuleError["code"], number>> = { UNAUTHENTICATED: 401, PERMISSION_DENIED: 403 };

/** Finds the route of a request by its path and lets it answer, where whoever asks may; false where there is none. */
export function answerRoute(
  routes: ReadonlyMap<string, HttpRoute>,
  access: Access,
  request: IncomingMessage,
  response: ServerResponse,
  failed: (thrown: unknown) => void,
): boolean {
  const route = routes.get(request.url?.split("?", 1)[0] ?? "");
  if (route === undefined) return false;
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.writeHead(405, { allow: "GET, HEAD", connection: "close" }).end();
    return true;
  }
  try {
    route.answer(request, response, route.role && admitted(route.role, access.principalOf(request)));
  } catch (thrown) {
    const error = GranuleError.from(thrown);
    const status = STATUS[error.code] ?? 500;
    const headers = { connection: "close", "content-type": "text/plain; charset=utf-8" };
    response.writeHead(status, status === 401 ? { ...headers, "www-authenticate": "Bearer" } : headers);
    response.end(status === 500 ? "the server failed\n" : `${error.message}\n`);
    if (status === 500) failed(thrown);
  }
  return true;
}

function admitted(least: Role, principal: Principal): Principal {
  if (!roleAllows(principal.role, least)) {
    throw new GranuleError("PERMISSION_DENIED", `this page needs the role ${least}`);
  }
  if (principal.selector !== undefined) {
    throw new GranuleError("PERMISSION_DENIED", "this page shows the whole host");
  }
  return principal;
}

/** Prometheus metrics of the whole host, for readers without a selector. */
export function metricsRoute(metrics: () => Promise<string>, failed: (thrown: unknown) => void): HttpRoute {
  return {
    role: "reader",
    answer: (_request, response) => {
      metrics().then(
        (text) => {
          const headers = { "content-type": "text/plain; version=0.0.4; charset=utf-8", "cache-control": "no-store" };
          response.writeHead(200, headers).end(text);
        },
        (thrown: unknown) => {
          failed(thrown);
          response.writeHead(500, { connection: "close" }).end("the server failed\n");
        },
      );
    },
  };
}

/** Whether the server takes calls, for whoever balances or restarts it; tells nothing else. */
export function healthRoute(draining: () => boolean): HttpRoute {
  return {
    answer: (_request, response) => {
      const status = draining() ? "draining" : "ok";
      const headers = { "content-type": "application/json", "cache-control": "no-store" };
      response.writeHead(draining() ? 503 : 200, headers).end(`${JSON.stringify({ status })}\n`);
    },
  };
}
