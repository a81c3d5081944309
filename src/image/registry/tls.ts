import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { GranuleError } from "../../errors.js";

/** TLS options of a host, as certs.d has them. */
export interface TlsMaterial {
  /** Certificate authorities, those that Node brings along included. */
  ca?: string[];
  cert?: string;
  key?: string;
}

/**
 * What certs.d holds for a host (docker's documentation, "Verify repository client with certificates"): every `*.crt` is a
 * certificate authority, `*.cert` with the `*.key` of the same name is the client's certificate. Undefined where no folder
 * is named after the host.
 * @param folders each may hold a folder `<host[:port]>`; the first that does counts
 * @throws GranuleError FAILED_PRECONDITION where half of a client's certificate is missing
 */
export function readTlsMaterial(folders: readonly string[], host: string): TlsMaterial | undefined {
  for (const folder of folders) {
    const path = join(folder, host);
    const names = list(path);
    if (names === undefined) continue;
    const material: TlsMaterial = {};
    const authorities = names
      .filter((name) => name.endsWith(".crt"))
      .map((name) => readFileSync(join(path, name), "utf8"));
    if (authorities.length > 0) material.ca = [...rootCertificates, ...authorities];
    for (const name of names.filter((one) => one.endsWith(".cert"))) {
      const key = name.replace(/cert$/, "key");
      if (!names.includes(key)) throw incomplete(join(path, name), key);
      material.cert = readFileSync(join(path, name), "utf8");
      material.key = readFileSync(join(path, key), "utf8");
    }
    const lonely = names.find((name) => name.endsWith(".key") && !names.includes(name.replace(/key$/, "cert")));
    if (lonely !== undefined) throw incomplete(join(path, lonely), lonely.replace(/key$/, "cert"));
    return material;
  }
  return undefined;
}

function list(path: string): string[] | undefined {
  try {
    return readdirSync(path).sort();
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw GranuleError.from(thrown);
  }
}

function incomplete(path: string, lacking: string): GranuleError {
  return new GranuleError("FAILED_PRECONDITION", `${lacking} is missing beside ${path}`, {
    path,
    hint: "a client certificate is two files: name.cert and name.key (and certificate authorities end in .crt)",
  });
}
