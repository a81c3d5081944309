import type { Role } from "../../api.js";

/** What somebody may do. */
export interface Grant {
  role: Role;
  /** Tags that every container they see, touch or make carries; no bounds unless told. */
  selector?: Record<string, string>;
}

/** A user or group that may use unix sockets. A group counts as primary and as supplementary one. */
export type PeerRule = Grant & ({ uid: number; gid?: never } | { gid: number; uid?: never });

/** Client certificates of a subject, by attributes that all have to be there with these values: `{ CN: "ci" }`. */
export interface CertificateRule extends Grant {
  subject: Record<string, string>;
}

/** Who may do what, besides those who present a token. Root on a unix socket is an admin always. */
export interface AccessRules {
  /** The first rule that fits decides. */
  peers: PeerRule[];
  certificates: CertificateRule[];
  /** Origins whose pages may connect, such as `https://console.example`. Programs that are no browsers send none. */
  origins: string[];
}

export const NO_RULES: Readonly<AccessRules> = { peers: [], certificates: [], origins: [] };
