import type { Runtime } from "../../api.js";
import type { Channel } from "../channel.js";
import type { Principal } from "../principal.js";
import type { Access, TokenVerifier } from "./access.js";

/** A runtime that keeps tokens of its own, as the one in this process does. */
export interface ServedRuntime extends Runtime {
  readonly tokens: Runtime["tokens"] & TokenVerifier & { onRevoked(listener: (id: string) => void): () => void };
}

const LAPSE_CHECK_MS = 1000;

/** Ends connections whose token was revoked, or whose token or certificate has expired. Gives back how to stop that. */
export function watchAccess(
  channel: Channel,
  access: Access,
  tokens: ServedRuntime["tokens"],
  ended: (principal: Principal, why: string) => void = () => {},
): () => void {
  const expel = (why: (principal: Principal) => string | undefined): void => {
    channel.expel((principal) => {
      const reason = why(principal);
      if (reason !== undefined) ended(principal, reason);
      return reason;
    });
  };
  const lapses = setInterval(() => expel((principal) => access.lapsed(principal, false)), LAPSE_CHECK_MS);
  lapses.unref();
  const deaf = tokens.onRevoked((id) => {
    expel((principal) => (access.tokenOf(principal) === id ? "the token was revoked" : undefined));
  });
  return () => {
    clearInterval(lapses);
    deaf();
  };
}
