import type { Archive } from "./archive.js";
import { MAX_LAYERS, parseImageConfig } from "./config.js";
import { asList, asObject, asText, asTextList, corrupt, parseJson } from "./json.js";
import { normalizeReference } from "./reference.js";
import { type ImageSource, sha256 } from "./source.js";

const MAX_IMAGES = 1024;
const MAX_NAMES = 1024;

/**
 * The images of a `docker save` archive, by its manifest.json. It claims no layer digests: layers are checked against
 * the diffIDs of the configuration, and that against the digest in its file name.
 * @throws GranuleError CORRUPT
 */
export function readDockerArchive(archive: Archive): ImageSource[] {
  const bytes = archive.read("manifest.json");
  if (!bytes) throw corrupt("the archive has no manifest.json");
  const manifests = asList(parseJson(bytes, "manifest.json"), "manifest.json", MAX_IMAGES);
  if (manifests.length === 0) throw corrupt("manifest.json names no image");
  return manifests.map((value, index) => readImage(archive, value, `manifest.json[${index}]`));
}

function readImage(archive: Archive, value: unknown, what: string): ImageSource {
  const manifest = asObject(value, what);
  const configName = asText(manifest["Config"], `${what}.Config`);
  const configBytes = configName === "" ? undefined : archive.read(configName);
  if (!configBytes) throw corrupt(`the archive lacks the configuration ${JSON.stringify(configName)}`);
  const id = sha256(configBytes);
  const claimed = /(?:^|\/)([0-9a-f]{64})(?:\.json)?$/.exec(configName)?.[1];
  if (claimed !== undefined && id !== `sha256:${claimed}`)
    throw corrupt(`the configuration's digest is ${id}, not sha256:${claimed}`);
  const config = parseImageConfig(configBytes);
  const layers = asTextList(manifest["Layers"], `${what}.Layers`, MAX_LAYERS, 4096).map((name) => {
    const path = archive.file(name);
    if (path === undefined) throw corrupt(`the archive lacks the layer ${JSON.stringify(name)}`);
    return { path };
  });
  if (layers.length !== config.diffIds.length) {
    throw corrupt(`manifest.json has ${layers.length} layers, the configuration ${config.diffIds.length}`);
  }
  const names = asTextList(manifest["RepoTags"], `${what}.RepoTags`, MAX_NAMES, 512).map(normalizeReference);
  return { names: [...new Set(names)], id, configBytes, config, layers };
}
