import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AccessRules, NO_RULES } from "../../src/channel/auth/rules.js";
import type { ServiceConfig } from "../../src/channel/config/config.js";
import { parseListenAddress } from "../../src/channel/listen/address.js";
import type { TlsFiles } from "../../src/channel/listen/tls.js";
import { createLogger, type LogLevel } from "../../src/channel/log.js";
import { Service, type ServiceOptions } from "../../src/channel/service.js";
import { GranuleError } from "../../src/errors.js";
import { LocalTokens } from "../../src/runtime/tokens.js";
import { type Database, openDatabase } from "../../src/state/database.js";
import { FakeRuntime } from "./fake-runtime.js";

class TokenedRuntime extends FakeRuntime {
  override readonly tokens: LocalTokens;

  constructor(database: Database) {
    super();
    this.tokens = new LocalTokens(database);
  }
}

export interface ServicedOptions extends Omit<Partial<ServiceConfig>, "listen" | "access"> {
  listen?: string[];
  access?: Partial<AccessRules>;
  more?: Partial<ServiceOptions>;
}

/** A service on a fake runtime with real tokens and listeners. */
export class Serviced implements AsyncDisposable {
  readonly folder: string;
  readonly runtime: TokenedRuntime;
  readonly tokens: LocalTokens;
  /** Lines of the log. */
  readonly lines: Record<string, unknown>[] = [];
  service!: Service;
  readonly #database: Database;

  private constructor() {
    this.folder = mkdtempSync(join(tmpdir(), "granule-service-"));
    this.#database = openDatabase(join(this.folder, "granule.db")).database;
    this.runtime = new TokenedRuntime(this.#database);
    this.tokens = this.runtime.tokens;
  }

  static async open(options: ServicedOptions | ((folder: string) => ServicedOptions) = {}): Promise<Serviced> {
    const serviced = new Serviced();
    const { more, ...config } = typeof options === "function" ? options(serviced.folder) : options;
    const write = (line: string): void => void serviced.lines.push(JSON.parse(line) as Record<string, unknown>);
    try {
      serviced.service = await Service.start(serviced.runtime, {
        controlSocket: join(serviced.folder, "s.sock"),
        config: serviceConfig(config),
        log: createLogger("trace", { write }),
        ...more,
      });
    } catch (thrown) {
      serviced.#leave();
      throw thrown;
    }
    return serviced;
  }

  /** The url that begins so. */
  url(scheme: string): string {
    const found = this.service.urls.find((url) => url.startsWith(scheme));
    if (found === undefined) throw new Error(`it does not listen at ${scheme}`);
    return found;
  }

  /** Takes a token away behind the service's back. */
  forget(id: string): void {
    this.#database.prepare("DELETE FROM tokens WHERE id = ?").run(id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.service.close(0);
    this.#leave();
  }

  #leave(): void {
    this.#database.close();
    rmSync(this.folder, { recursive: true });
  }
}

export function serviceConfig({ listen = [], access, ...config }: Omit<ServicedOptions, "more"> = {}): ServiceConfig {
  return {
    logLevel: "trace" satisfies LogLevel,
    insecure: true,
    limits: {},
    drainMs: 1000,
    ...config,
    listen: listen.map((url) => ({ address: parseListenAddress(url) })),
    access: { ...NO_RULES, ...access },
  };
}

export type { TlsFiles };

export async function refusal(promise: Promise<unknown>): Promise<GranuleError> {
  try {
    await promise;
  } catch (thrown) {
    return GranuleError.from(thrown);
  }
  throw new Error("expected a refusal");
}
