import type { ImageConfig } from "../api.js";
import { asDigest, asList, asObject, asText, asTextList, corrupt, type JsonObject, parseObject } from "./json.js";

/** What granule reads of an image configuration (image-spec config.md). */
export interface ParsedConfig {
  architecture: string;
  os: string;
  /** Such as `v8`; absent where the image names none. */
  variant?: string;
  /** ISO 8601; absent where the image says nothing usable. */
  created?: string;
  /** diffIDs, lowest layer first. */
  diffIds: string[];
  config: ImageConfig;
}

export const MAX_LAYERS = 512;
const MAX_ARGUMENTS = 4096;
const MAX_VOLUMES = 256;
const MAX_LABELS = 4096;

/**
 * Parses and checks an OCI or docker image configuration.
 * @throws GranuleError CORRUPT that names the field.
 */
export function parseImageConfig(bytes: Uint8Array): ParsedConfig {
  const document = parseObject(bytes, "the image configuration");
  const rootfs = asObject(document["rootfs"], "rootfs");
  if (rootfs["type"] !== "layers") throw corrupt("rootfs.type is not `layers`");
  const diffIds = asList(rootfs["diff_ids"], "rootfs.diff_ids", MAX_LAYERS).map((value, index) =>
    asDigest(value, `rootfs.diff_ids[${index}]`),
  );
  const os = asText(document["os"], "os", 64);
  const architecture = asText(document["architecture"], "architecture", 64);
  if (os === "" || architecture === "") throw corrupt("the image configuration names no os and architecture");
  const parsed: ParsedConfig = { architecture, os, diffIds, config: parseExecution(document["config"]) };
  const variant = asText(document["variant"], "variant", 64);
  if (variant !== "") parsed.variant = variant;
  const created = parseTime(document["created"]);
  if (created !== undefined) parsed.created = created;
  return parsed;
}

/** The configuration document of an image that granule makes itself. */
export function makeImageConfig(
  config: Partial<ImageConfig>,
  layer: { diffId: string; created: string; architecture: string },
): Uint8Array {
  const execution: JsonObject = {};
  if (config.entrypoint?.length) execution["Entrypoint"] = config.entrypoint;
  if (config.cmd?.length) execution["Cmd"] = config.cmd;
  if (config.env?.length) execution["Env"] = config.env;
  if (config.workingDir) execution["WorkingDir"] = config.workingDir;
  if (config.user) execution["User"] = config.user;
  if (config.stopSignal) execution["StopSignal"] = config.stopSignal;
  if (config.volumes?.length) execution["Volumes"] = Object.fromEntries(config.volumes.map((path) => [path, {}]));
  if (config.labels && Object.keys(config.labels).length > 0) execution["Labels"] = config.labels;
  const document = {
    created: layer.created,
    architecture: layer.architecture,
    os: "linux",
    config: execution,
    rootfs: { type: "layers", diff_ids: [layer.diffId] },
    history: [{ created: layer.created, created_by: "granule import" }],
  };
  return new TextEncoder().encode(JSON.stringify(document));
}

function parseExecution(value: unknown): ImageConfig {
  const execution = value === undefined || value === null ? {} : asObject(value, "config");
  const env = asTextList(execution["Env"], "config.Env", MAX_ARGUMENTS);
  for (const entry of env) {
    if (entry.indexOf("=") < 1)
      throw corrupt(`config.Env has the entry ${JSON.stringify(entry)} without a name or \`=\``);
  }
  const workingDir = asText(execution["WorkingDir"], "config.WorkingDir");
  const config: ImageConfig = {
    entrypoint: parseArguments(execution["Entrypoint"], "config.Entrypoint"),
    cmd: parseArguments(execution["Cmd"], "config.Cmd"),
    env,
    workingDir: workingDir === "" || workingDir.startsWith("/") ? workingDir : `/${workingDir}`,
    user: asText(execution["User"], "config.User", 512),
    volumes: parseKeys(execution["Volumes"], "config.Volumes", MAX_VOLUMES),
    labels: parseLabels(execution["Labels"]),
  };
  const stopSignal = asText(execution["StopSignal"], "config.StopSignal", 32);
  if (stopSignal !== "") config.stopSignal = stopSignal;
  return config;
}

/** Old images hold a bare string, which docker runs by the shell. */
function parseArguments(value: unknown, what: string): string[] {
  if (typeof value === "string") return value === "" ? [] : ["/bin/sh", "-c", asText(value, what, 128 * 1024)];
  return asTextList(value, what, MAX_ARGUMENTS);
}

function parseKeys(value: unknown, what: string, maxLength: number): string[] {
  if (value === undefined || value === null) return [];
  const keys = Object.keys(asObject(value, what));
  if (keys.length > maxLength) throw corrupt(`${what} has more than ${maxLength} entries`);
  return keys.map((key) => asText(key, what));
}

function parseLabels(value: unknown): Record<string, string> {
  if (value === undefined || value === null) return {};
  const entries = Object.entries(asObject(value, "config.Labels"));
  if (entries.length > MAX_LABELS) throw corrupt(`config.Labels has more than ${MAX_LABELS} entries`);
  return Object.fromEntries(
    entries.map(([key, text]) => [
      asText(key, "a label's name"),
      asText(text, `config.Labels[${JSON.stringify(key)}]`, 1024 * 1024),
    ]),
  );
}

function parseTime(value: unknown): string | undefined {
  if (typeof value !== "string" || value.length > 64) return undefined;
  const time = new Date(value);
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}
