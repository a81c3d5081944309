import { MOUNT_ATTR_RDONLY, mountAttributes } from "./linux/mount-attributes.js";

export interface ParsedMountOptions {
  /** MOUNT_ATTR_* bits. */
  attributes: number;
  /** Comma-separated options for the file system itself. */
  data: string;
  /** `rbind`: mounts below the source come along. */
  recursive: boolean;
}

/** Splits the options of an OCI mount (mount(8) names) into attributes of the mount and options of the file system. */
export function parseMountOptions(options: readonly string[]): ParsedMountOptions {
  let attributes = 0;
  let recursive = false;
  const data: string[] = [];
  for (const option of options) {
    const bit = mountAttributes.get(option);
    if (bit !== undefined) attributes |= bit;
    else if (option === "rw") attributes &= ~MOUNT_ATTR_RDONLY;
    else if (option === "rbind") recursive = true;
    else if (option !== "bind") data.push(option);
  }
  return { attributes, data: data.join(","), recursive };
}
