import type { LocalRuntime } from "../runtime/runtime.js";
import type { Directories } from "../state/directories.js";

/** Opens the runtime in this process, as the owner of its state directory. Loaded only by the commands that own one. */
export async function openInProcess({ root, state }: Directories): Promise<LocalRuntime> {
  const { openRuntime } = await import("../runtime/runtime.js");
  return openRuntime({ root, state });
}
