/** `node granule-child.js TARGET LAYER...`: unpacks the layers side by side, each into a folder of its own below the target. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DEFAULT_LIMITS, unpackTar } from "../../src/image/unpack.js";
import { printPeak } from "./peak.js";

const [target = "", ...layers] = process.argv.slice(2);
await Promise.all(
  layers.map(async (layer, index) => {
    const folder = join(target, String(index));
    mkdirSync(folder);
    await unpackTar(layer, folder, DEFAULT_LIMITS, {}, layer);
  }),
);
printPeak();
