import { BlockList, isIP } from "node:net";
import { hostname, isLoopback } from "./host.js";

/**
 * The proxy that the environment wants for an address: `http_proxy` and `https_proxy` by its scheme, `all_proxy` for both,
 * unless `no_proxy` names the host. Each may be in capitals. What is on this machine is never asked for through a proxy.
 */
export function proxyFor(url: URL, environment: NodeJS.ProcessEnv): string | undefined {
  const read = (name: string): string => environment[name] || environment[name.toUpperCase()] || "";
  const proxy = read(url.protocol === "https:" ? "https_proxy" : "http_proxy") || read("all_proxy");
  if (proxy === "" || isLoopback(url.host) || isExcluded(url, read("no_proxy"))) return undefined;
  return /^[a-z0-9+.-]+:\/\//i.test(proxy) ? proxy : `http://${proxy}`;
}

/** An entry of no_proxy is a host, a domain with all below it, an address, a network as `10.0.0.0/8`, or `*`. */
function isExcluded(url: URL, list: string): boolean {
  const host = hostname(url.host).toLowerCase();
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  return list.split(/[\s,]+/).some((entry) => {
    if (entry === "" || entry === "*") return entry === "*";
    const [, network, bits] = /^(.+)\/(\d+)$/.exec(entry) ?? [];
    if (network !== undefined) return inNetwork(host, network, Number(bits));
    const [, name = "", only] = /^(.*?)(?::(\d+))?$/.exec(isIP(entry) === 6 ? `[${entry}]` : entry) ?? [];
    const domain = hostname(name)
      .replace(/^\*?\./, "")
      .toLowerCase();
    return (only === undefined || only === port) && (host === domain || host.endsWith(`.${domain}`));
  });
}

function inNetwork(host: string, network: string, bits: number): boolean {
  const family = isIP(host);
  if (family === 0 || family !== isIP(network) || bits > (family === 4 ? 32 : 128)) return false;
  const type = family === 4 ? "ipv4" : "ipv6";
  const list = new BlockList();
  list.addSubnet(network, bits, type);
  return list.check(host, type);
}
