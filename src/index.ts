import type { Runtime as RuntimeInterface } from "./api.js";
import { openRuntime, type RuntimeOptions } from "./runtime/runtime.js";

export type Runtime = RuntimeInterface;

/** The runtime of this host, in this process. */
export const Runtime: { open(options?: RuntimeOptions): Promise<RuntimeInterface> } = { open: openRuntime };

export type * from "./api.js";
export { type ConnectOptions, connect } from "./channel/connect.js";
export { type ErrorCode, type ErrorDetails, GranuleError } from "./errors.js";
export type { RuntimeOptions };
