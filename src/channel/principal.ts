import type { Role } from "./roles.js";

/** Who calls: known at the HTTP upgrade, before any frame, and the same for the whole connection. */
export interface Principal {
  /** For the audit log, and for counting connections: `uid:0`, `token:ci`, a certificate's subject. */
  readonly name: string;
  readonly role: Role;
  /** Tags that every container it sees, touches or makes carries. Absent: no bounds. */
  readonly selector?: Readonly<Record<string, string>>;
}

/** Outcome of a call that changes state, for the audit log. */
export interface AuditEntry {
  principal: Principal;
  method: string;
  /** Container or image the call was about, where its params name one. */
  target?: string;
  /** `OK`, or the code of the error. */
  outcome: string;
  /** The call was made before with the same idempotency key, and was not made again. */
  replayed?: true;
  /** Time from request to answer in milliseconds. */
  durationMs: number;
}
