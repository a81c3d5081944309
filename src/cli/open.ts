import type { Runtime } from "../api.js";
import type { Directories } from "../state/directories.js";

/** Opens the runtime in this process, as the owner of its state directory. */
export async function openInProcess({ root, state }: Directories): Promise<Runtime> {
  const path: string = "../runtime/runtime.js";
  const module = (await import(path)) as {
    openRuntime(options: { root: string; state: string }): Promise<Runtime>;
  };
  return module.openRuntime({ root, state });
}
