import { readFileSync } from "node:fs";

/** A small file written into the root file system of a container. */
export interface ContainerFile {
  path: string;
  mode: number;
  content: string;
}

const LOOPBACK_HOSTS = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";

/** Largest file taken over from the host. */
const MAX_HOST_FILE_BYTES = 64 * 1024;

/**
 * /etc/hostname and /etc/hosts, and the host's /etc/resolv.conf where the host's network is used. A path that a mount
 * of the caller covers is left to that mount.
 */
export function containerFiles(hostname: string, hostNetwork: boolean, mounted: readonly string[]): ContainerFile[] {
  const files: ContainerFile[] = [{ path: "/etc/hostname", mode: 0o644, content: `${hostname}\n` }];
  const hosts = hostNetwork ? readHostFile("/etc/hosts") : undefined;
  files.push({ path: "/etc/hosts", mode: 0o644, content: hosts ?? `${LOOPBACK_HOSTS}127.0.1.1\t${hostname}\n` });
  const resolver = hostNetwork ? readHostFile("/etc/resolv.conf") : undefined;
  if (resolver !== undefined) files.push({ path: "/etc/resolv.conf", mode: 0o644, content: resolver });
  return files.filter((file) => !mounted.some((target) => file.path === target || file.path.startsWith(`${target}/`)));
}

/** A host without the file gives none; what cannot be carried in a plan's string is not passed on. */
function readHostFile(path: string): string | undefined {
  let content: string;
  try {
    content = readFileSync(path, "utf8");
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw thrown;
  }
  return content.length > MAX_HOST_FILE_BYTES || content.includes("\0") ? undefined : content;
}
