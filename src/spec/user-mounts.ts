import { join } from "node:path";
import type { MountOption } from "../api.js";
import type { OciMount } from "./oci.js";

/** Mounts that the caller asked for, as OCI mounts. */
export function userMounts(mounts: readonly MountOption[]): OciMount[] {
  return mounts.map((mount) => {
    const destination = normalizeInside(mount.target);
    if (mount.type === "bind") {
      const options = mount.readOnly === true ? ["rbind", "ro"] : ["rbind"];
      return { destination, type: "bind", source: mount.source as string, options };
    }
    const options = ["nosuid", "nodev", "noexec", `mode=${(mount.mode ?? 0o1777).toString(8)}`];
    if (mount.sizeBytes !== undefined) options.push(`size=${mount.sizeBytes}`);
    if (mount.readOnly === true) options.push("ro");
    return { destination, type: "tmpfs", source: "tmpfs", options };
  });
}

/**
 * The folders that the image declares as volumes. They live in the container's own layer and go with it, so that they
 * begin with the image's content and owners; one that the caller mounts over is left to that mount.
 */
export function imageVolumes(volumes: readonly string[], taken: ReadonlySet<string>): string[] {
  const folders = new Set(volumes.map(normalizeInside));
  folders.delete("/");
  return [...folders].filter((folder) => !taken.has(folder)).sort();
}

/** Parents before children, so that no mount hides one made earlier. */
export function byDepth(mounts: readonly OciMount[]): OciMount[] {
  return mounts.toSorted((a, b) => a.destination.split("/").length - b.destination.split("/").length);
}

/** An absolute path of one spelling: no trailing, double or dot segments. */
export function normalizeInside(path: string): string {
  return join("/", path).replace(/(?<=.)\/+$/, "");
}
