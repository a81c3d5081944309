import type { Runtime } from "../api.js";
import { openRuntime } from "./connect.js";
import type { GlobalOptions } from "./global-options.js";

/** What one command line shares: its global options, its connection to the runtime and its exit code. */
export class CliContext {
  globals: GlobalOptions = {};
  exitCode = 0;
  #runtime: Promise<Runtime> | undefined;

  /** The runtime, connected to at first use. */
  runtime(): Promise<Runtime> {
    this.#runtime ??= openRuntime(this.globals);
    return this.#runtime;
  }

  async close(): Promise<void> {
    const runtime = await this.#runtime?.catch(() => undefined);
    await runtime?.close();
  }
}
