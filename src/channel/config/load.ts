import { isAbsolute } from "node:path";
import { type ChannelLimits, DEFAULT_LIMITS } from "../limits.js";
import { addressUrl, isLoopback, parseListenAddress } from "../listen/address.js";
import { readTlsFiles, TlsFault, type TlsFiles } from "../listen/tls.js";
import { LOG_LEVELS } from "../log.js";
import { readAccess, readAccount, readOrigin } from "./access.js";
import {
  type ConfigFlags,
  DEFAULT_CONFIG_FILE,
  DEFAULT_DRAIN_SECONDS,
  type ListenEntry,
  LONGEST_DRAIN_SECONDS,
  type ServiceConfig,
} from "./config.js";
import { type Fault, Faults } from "./faults.js";
import { YamlValue } from "./reader.js";
import { readYamlSource } from "./yaml-source.js";

/** A setting with the place it came from. */
interface Placed<T> {
  value: T;
  place: string;
}

export interface LoadedConfig {
  config: ServiceConfig;
  /** The configuration counts for nothing where there is any. */
  faults: Fault[];
  /** The file that was read, where there was one. */
  file?: string;
}

const TOP_KEYS = ["root", "state", "log", "listen", "tls", "insecure", "access", "limits", "drainSeconds"] as const;

/** Reads all that tells the server how to be: flag before environment before file before default. Tells every fault. */
export function loadConfig(flags: ConfigFlags, environment: NodeJS.ProcessEnv = process.env): LoadedConfig {
  const faults = new Faults();
  const named = first(placed(flags.config, "--config"), fromEnvironment(environment, "GRANULE_CONFIG"));
  const path = named?.value ?? DEFAULT_CONFIG_FILE;
  const source = readYamlSource(path, named?.place, faults);
  const top = source && source.root !== null ? new YamlValue(source.root, [], source, faults).map(TOP_KEYS) : undefined;
  const text = (value: YamlValue | undefined): Placed<string> | undefined => placed(value?.text(), value?.place ?? "");

  const logLevel = firstValid(
    [
      placed(flags.logLevel, "--log-level"),
      fromEnvironment(environment, "GRANULE_LOG_LEVEL"),
      text(top?.log.map(["level"])?.level),
    ],
    ({ value, place }) => {
      const known = LOG_LEVELS.find((name) => name === value);
      if (known === undefined) faults.add(place, `unknown log level ${value}`, `one of ${LOG_LEVELS.join(", ")}`);
      return known;
    },
  );

  const fileTls = top?.tls.map(["cert", "key", "clientCa"]);
  const tls = readTls(
    {
      cert: first(
        placed(flags.tlsCert, "--tls-cert"),
        fromEnvironment(environment, "GRANULE_TLS_CERT"),
        text(fileTls?.cert),
      ),
      key: first(
        placed(flags.tlsKey, "--tls-key"),
        fromEnvironment(environment, "GRANULE_TLS_KEY"),
        text(fileTls?.key),
      ),
      clientCa: first(
        placed(flags.tlsClientCa, "--tls-client-ca"),
        fromEnvironment(environment, "GRANULE_TLS_CLIENT_CA"),
        text(fileTls?.clientCa),
      ),
    },
    faults,
  );

  const insecure =
    flags.insecure ?? readSwitch(environment, "GRANULE_INSECURE", faults) ?? top?.insecure.flag() ?? false;
  const listen = readListen(flags, environment, top?.listen, faults, { insecure, tls: tls !== undefined });
  const access = readAccess(top?.access, faults);
  const origins =
    flags.allowOrigin?.map((value) => ({ value, place: "--allow-origin" })) ??
    listFromEnvironment(environment, "GRANULE_ALLOW_ORIGIN");
  if (origins !== undefined) {
    access.origins = origins
      .map(({ value, place }) => readOrigin(value, place, faults))
      .filter((value) => value !== undefined);
  }

  const drainSeconds = firstValid<unknown, number>(
    [
      placed(flags.drain, "--drain"),
      numberFromEnvironment(environment, "GRANULE_DRAIN_SECONDS"),
      top?.drainSeconds.present ? { value: top.drainSeconds.raw, place: top.drainSeconds.place } : undefined,
    ],
    ({ value, place }) => {
      if (typeof value === "number" && value >= 0 && value <= LONGEST_DRAIN_SECONDS) return value;
      faults.add(place, `expected 0 to ${LONGEST_DRAIN_SECONDS} seconds`);
      return undefined;
    },
  );

  const config: ServiceConfig = {
    ...folder("root", top?.root),
    ...folder("state", top?.state),
    logLevel: logLevel ?? "info",
    listen,
    ...(tls !== undefined && { tls }),
    insecure,
    access,
    limits: readLimits(top?.limits),
    drainMs: Math.round((drainSeconds ?? DEFAULT_DRAIN_SECONDS) * 1000),
  };
  return { config, faults: faults.sorted(), ...(source !== undefined && { file: path }) };
}

function folder<K extends string>(key: K, value: YamlValue | undefined): { [key in K]?: string } {
  const path = value?.text();
  if (path === undefined) return {};
  if (!isAbsolute(path)) value?.fault("expected an absolute path");
  return { [key]: path } as { [key in K]?: string };
}

function readTls(
  places: { [K in keyof TlsFiles]-?: Placed<string> | undefined },
  faults: Faults,
): TlsFiles | undefined {
  const { cert, key, clientCa } = places;
  const given = cert ?? key ?? clientCa;
  if (given === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    faults.add(given.place, `TLS takes a certificate and its key: ${cert === undefined ? "cert" : "key"} is missing`);
    return undefined;
  }
  const files: TlsFiles = {
    cert: cert.value,
    key: key.value,
    ...(clientCa !== undefined && { clientCa: clientCa.value }),
  };
  try {
    readTlsFiles(files);
  } catch (thrown) {
    if (!(thrown instanceof TlsFault)) throw thrown;
    faults.add(places[thrown.file]?.place ?? "", `${thrown.path}: ${thrown.message}`, thrown.hint);
  }
  return files;
}

function readListen(
  flags: ConfigFlags,
  environment: NodeJS.ProcessEnv,
  inFile: YamlValue | undefined,
  faults: Faults,
  have: { insecure: boolean; tls: boolean },
): ListenEntry[] {
  type Named = Placed<string> & { group?: YamlValue };
  const ofFlags = flags.listen?.map((value): Named => ({ value, place: "--listen" }));
  const ofEnvironment: Named[] | undefined = listFromEnvironment(environment, "GRANULE_LISTEN");
  const ofFile = inFile?.list()?.flatMap((entry): Named[] => {
    const fields = typeof entry.raw === "object" ? entry.map(["url", "group"]) : undefined;
    const value = fields === undefined ? entry.text() : fields.url.text();
    if (value === undefined) {
      if (fields !== undefined || !entry.present) entry.fault("expected an address, or a map with url");
      return [];
    }
    return [{ value, place: entry.place, ...(fields?.group.present && { group: fields.group }) }];
  });
  const sources = [ofFlags, ofEnvironment, ofFile].filter((source) => source !== undefined);
  const [winner = []] = sources.map((source) => checkListen(source, faults, have));
  return winner;
}

function checkListen(
  named: (Placed<string> & { group?: YamlValue })[],
  faults: Faults,
  have: { insecure: boolean; tls: boolean },
): ListenEntry[] {
  const seen = new Set<string>();
  return named.flatMap(({ value, place, group }): ListenEntry[] => {
    const address = faults.catch(place, () => parseListenAddress(value));
    if (address === undefined) return [];
    const url = addressUrl(address);
    if (seen.has(url)) faults.add(place, `${url} is there twice`);
    seen.add(url);
    if (address.kind === "unix") {
      const gid = group && readAccount("group", group, faults);
      return [gid === undefined ? { address } : { address, gid }];
    }
    group?.fault("only a unix socket has a group");
    if (address.tls && !have.tls) faults.add(place, `${url} takes a certificate`, "give tls.cert and tls.key");
    if (!address.tls && !isLoopback(address.host)) {
      faults.add(place, `${url} would show tokens to the network`, "use wss://, or ws:// on a loopback address");
    } else if (!address.tls && !have.insecure) {
      faults.add(place, `${url} is not encrypted`, "add insecure (--insecure) where that is meant, or use wss://");
    }
    return [{ address }];
  });
}

function readLimits(value: YamlValue | undefined): Partial<ChannelLimits> {
  const keys = Object.keys(DEFAULT_LIMITS) as (keyof ChannelLimits)[];
  const limits: Partial<ChannelLimits> = {};
  for (const [key, entry] of Object.entries(value?.map(keys) ?? {})) {
    if (!entry.present) continue;
    if (Number.isSafeInteger(entry.raw) && (entry.raw as number) > 0)
      limits[key as keyof ChannelLimits] = entry.raw as number;
    else entry.fault("expected a whole number above 0");
  }
  return limits;
}

function placed<T>(value: T | undefined, place: string): Placed<T> | undefined {
  return value === undefined ? undefined : { value, place };
}

function first<T>(...candidates: (Placed<T> | undefined)[]): Placed<T> | undefined {
  return candidates.find((candidate) => candidate !== undefined);
}

/** The first candidate that there is. All of them are checked: a fault is one, though something else wins over it. */
function firstValid<T, R>(
  candidates: (Placed<T> | undefined)[],
  check: (candidate: Placed<T>) => R | undefined,
): R | undefined {
  const [found] = candidates.filter((candidate) => candidate !== undefined).map(check);
  return found;
}

function fromEnvironment(environment: NodeJS.ProcessEnv, name: string): Placed<string> | undefined {
  return placed(environment[name] || undefined, name);
}

function numberFromEnvironment(environment: NodeJS.ProcessEnv, name: string): Placed<number> | undefined {
  const text = environment[name];
  return text ? { value: Number(text), place: name } : undefined;
}

function listFromEnvironment(environment: NodeJS.ProcessEnv, name: string): Placed<string>[] | undefined {
  const text = environment[name];
  if (!text) return undefined;
  return text.split(",").map((value) => ({ value: value.trim(), place: name }));
}

function readSwitch(environment: NodeJS.ProcessEnv, name: string, faults: Faults): boolean | undefined {
  const text = environment[name];
  if (!text) return undefined;
  if (text === "1" || text === "true") return true;
  if (text !== "0" && text !== "false") faults.add(name, `expected 1 or 0, not ${text}`);
  return false;
}
