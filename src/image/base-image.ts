import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { GranuleError } from "../errors.js";
import type { ImageStore } from "./store.js";

/** The image that every runtime has from the start: a shell and the common tools, in one static busybox. */
export const baseImageName = "granule/base:latest";

/** Made at set-up; below dist/src/image as in an installed package. */
const archive = fileURLToPath(new URL("../../../build/base.tar", import.meta.url));

/** Puts the default image into a store that lacks it. A build without its archive goes without. */
export async function addBaseImage(store: ImageStore): Promise<void> {
  if (holds(store) || !existsSync(archive)) return;
  await store.import(archive, {
    name: baseImageName,
    config: { cmd: ["/bin/sh"], env: ["PATH=/bin:/usr/bin"] },
    createdAt: new Date(0).toISOString(),
  });
}

function holds(store: ImageStore): boolean {
  try {
    store.inspect(baseImageName);
    return true;
  } catch (thrown) {
    if (thrown instanceof GranuleError && thrown.code === "NOT_FOUND") return false;
    throw thrown;
  }
}
