import { openRuntime, type RuntimeOptions } from "./runtime/runtime.js";
import type { Runtime as RuntimeInterface } from "./api.js";

export type Runtime = RuntimeInterface;

/** The runtime of this host, in this process. */
export const Runtime: { open(options?: RuntimeOptions): Promise<RuntimeInterface> } = { open: openRuntime };

export type * from "./api.js";
export { connect, type ConnectOptions } from "./channel/connect.js";
export { GranuleError, type ErrorCode, type ErrorDetails } from "./errors.js";
export type { RuntimeOptions };
