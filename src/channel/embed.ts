import type { Server } from "node:http";
import type { Runtime } from "../api.js";
import { GranuleError } from "../errors.js";
import { Access } from "./auth/access.js";
import { type AccessRules, NO_RULES } from "./auth/rules.js";
import { type ServedRuntime, watchAccess } from "./auth/watch.js";
import { Channel, type ChannelOptions } from "./channel.js";

export type { AccessRules, CertificateRule, Grant, PeerRule } from "./auth/rules.js";
export { Channel, type ChannelOptions } from "./channel.js";
export type { ChannelLimits } from "./limits.js";
export type { AuditEntry, Principal } from "./principal.js";
export { type ChannelServer, type IdleOptions, type ServeOptions, serveChannel } from "./server.js";

export interface AttachChannelOptions extends Omit<ChannelOptions, "authenticate"> {
  /** Path of the upgrades to take over; all of them unless told. */
  path?: string;
  /** Client certificates and origins that may connect besides those who present a token of the runtime. */
  access?: Partial<Omit<AccessRules, "peers">>;
}

/**
 * Serves a runtime of this process on an HTTP or HTTPS server of one's own, to callers who present one of its tokens
 * (`runtime.tokens.create`), or a client certificate where the server asks for one. Close what comes back before the server.
 *
 * @throws INVALID_ARGUMENT for a runtime that is elsewhere: its tokens are, too
 */
export async function attachChannel(
  runtime: Runtime,
  server: Server,
  { path, access: rules, ...options }: AttachChannelOptions = {},
): Promise<{ close: Channel["close"] }> {
  if (!keepsTokens(runtime)) {
    throw new GranuleError("INVALID_ARGUMENT", "only a runtime of this process can be served", {
      hint: "open it by Runtime.open, or give Channel.open an authenticate of your own",
    });
  }
  const access = new Access({ ...NO_RULES, ...rules }, runtime.tokens);
  const channel = await Channel.open(runtime, { ...options, authenticate: (request) => access.principalOf(request) });
  const stopWatching = watchAccess(channel, access, runtime.tokens);
  channel.attach(server, path);
  return {
    close: async (closing) => {
      await channel.close(closing);
      stopWatching();
    },
  };
}

function keepsTokens(runtime: Runtime): runtime is ServedRuntime {
  return "verify" in runtime.tokens && "onRevoked" in runtime.tokens;
}
