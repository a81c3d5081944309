import type { ImageInfo, Runtime } from "../api.js";
import { GranuleError } from "../errors.js";
import { ImageProgress } from "./progress/image-progress.js";
import { pullOptionsOf } from "./pull-options.js";

/** When run and create fetch the image: docker's words. */
export type PullPolicy = "missing" | "always" | "never";

export interface EnsureOptions {
  pull: PullPolicy;
  platform?: string;
  insecure?: boolean;
  quiet?: boolean;
}

/** Fetches an image as the policy wants it. One that is there by its id is never fetched. */
export async function ensureImage(runtime: Runtime, image: string, options: EnsureOptions): Promise<void> {
  if (options.pull === "never") return;
  const present = await find(runtime, image);
  if (present !== undefined && (options.pull === "missing" || isId(image, present))) return;
  using progress = new ImageProgress(options.quiet === true);
  const onProgress = progress.show.bind(progress);
  try {
    await runtime.images.pull(image, { ...(await pullOptionsOf(image, options)), onProgress });
    progress.clear();
  } catch (thrown) {
    progress.clear();
    const error = GranuleError.from(thrown);
    // What was asked for is a container, so it is said what the registry was asked for.
    if (present !== undefined) throw error;
    throw new GranuleError(error.code, `there is no image '${image}' on this host, and ${error.message}`, {
      hint: error.hint ?? "`granule images` lists what is there",
      retryable: error.retryable,
      cause: thrown,
    });
  }
}

async function find(runtime: Runtime, image: string): Promise<ImageInfo | undefined> {
  try {
    return await runtime.images.inspect(image);
  } catch (thrown) {
    if (GranuleError.from(thrown).code === "NOT_FOUND") return undefined;
    throw thrown;
  }
}

function isId(text: string, image: ImageInfo): boolean {
  return image.id.startsWith(text) || image.id.startsWith(`sha256:${text}`);
}
