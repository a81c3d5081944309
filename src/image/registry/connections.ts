import { Agent, type Dispatcher, ProxyAgent } from "undici";
import { proxyFor } from "./proxy.js";
import type { RegistrySettings } from "./settings.js";
import { readTlsMaterial, type TlsMaterial } from "./tls.js";

/** Sockets to one host at once: a pull's blobs and their ranges. */
const SOCKETS_PER_HOST = 16;

/** Connections by host, with that host's certificates and the proxies of the environment. */
export class Connections {
  readonly #settings: RegistrySettings;
  readonly #dispatchers = new Map<string, Dispatcher>();
  readonly #material = new Map<string, TlsMaterial | undefined>();

  constructor(settings: RegistrySettings) {
    this.#settings = settings;
  }

  /** @param insecure do not ask who vouches for the host's certificate */
  to(url: URL, insecure: boolean): Dispatcher {
    const key = `${url.protocol}//${url.host} ${insecure}`;
    let dispatcher = this.#dispatchers.get(key);
    if (dispatcher === undefined) {
      dispatcher = this.#connect(url, insecure);
      this.#dispatchers.set(key, dispatcher);
    }
    return dispatcher;
  }

  /** Whether certs.d knows the host, which then speaks TLS only. */
  hasCertificates(host: string): boolean {
    return this.#tls(host) !== undefined;
  }

  /** Host of the proxy by which an address is reached, where there is one. */
  proxyOf(url: URL): string | undefined {
    const proxy = proxyFor(url, this.#settings.environment);
    return proxy === undefined ? undefined : URL.canParse(proxy) ? new URL(proxy).host : "";
  }

  async close(): Promise<void> {
    const all = [...this.#dispatchers.values()];
    this.#dispatchers.clear();
    await Promise.all(all.map((dispatcher) => dispatcher.destroy()));
  }

  #tls(host: string): TlsMaterial | undefined {
    if (!this.#material.has(host)) {
      this.#material.set(host, readTlsMaterial(this.#settings.certificateFolders, host));
    }
    return this.#material.get(host);
  }

  #connect(url: URL, insecure: boolean): Dispatcher {
    const { connectMs, headersMs, environment } = this.#settings;
    const tls = { ...this.#tls(url.host), ...(insecure ? { rejectUnauthorized: false } : {}) };
    const options = {
      connections: SOCKETS_PER_HOST,
      connectTimeout: connectMs,
      headersTimeout: headersMs,
      // Slow bodies are judged by what they bring, see download.ts.
      bodyTimeout: 0,
      connect: { ...tls, timeout: connectMs },
    };
    const proxy = proxyFor(url, environment);
    if (proxy === undefined) return new Agent(options);
    // Proxies seldom let anybody tunnel to a port that is not TLS's: what is in the clear they pass on themselves.
    return new ProxyAgent({ ...options, uri: proxy, requestTls: tls, proxyTunnel: url.protocol === "https:" });
  }
}
