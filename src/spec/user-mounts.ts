import { join } from "node:path";
import type { MountOption } from "../api.js";
import type { OciMount } from "./oci.js";

/** A folder of the container's own that stands in for a volume of its image; the runtime makes it before the start. */
export interface AnonymousVolume {
  source: string;
  destination: string;
}

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

/** The image's volumes, numbered in the order of the image; one that the caller mounts over needs no folder. */
export function anonymousVolumes(
  volumes: readonly string[],
  taken: ReadonlySet<string>,
  containerDir: string,
): AnonymousVolume[] {
  const destinations = new Set(volumes.map(normalizeInside));
  destinations.delete("/");
  return [...destinations]
    .filter((destination) => !taken.has(destination))
    .map((destination, index) => ({ source: join(containerDir, "volumes", String(index)), destination }));
}

/** Parents before children, so that no mount hides one made earlier. */
export function byDepth(mounts: readonly OciMount[]): OciMount[] {
  return mounts.toSorted((a, b) => a.destination.split("/").length - b.destination.split("/").length);
}

/** An absolute path of one spelling: no trailing, double or dot segments. */
export function normalizeInside(path: string): string {
  return join("/", path).replace(/(?<=.)\/+$/, "");
}
