import type { Role } from "../api.js";
import type { Database } from "./database.js";

/** What is kept about one token: never the token itself. */
export interface TokenRecord {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly selector?: Record<string, string>;
  /** SHA-256 of the secret part. */
  readonly hash: Buffer;
  readonly createdMs: number;
  readonly expiresMs?: number;
  readonly lastUsedMs?: number;
}

interface TokenRow {
  id: string;
  name: string;
  role: Role;
  selector: string | null;
  hash: Uint8Array;
  created_ms: number;
  expires_ms: number | null;
  last_used_ms: number | null;
}

/** The tokens table. */
export class TokenStore {
  readonly #all;
  readonly #byId;
  readonly #byName;
  readonly #insert;
  readonly #used;
  readonly #delete;

  constructor(database: Database) {
    this.#all = database.prepare("SELECT * FROM tokens ORDER BY created_ms, id");
    this.#byId = database.prepare("SELECT * FROM tokens WHERE id = ?");
    this.#byName = database.prepare("SELECT * FROM tokens WHERE name = ?");
    this.#insert = database.prepare(
      "INSERT INTO tokens(id, name, role, selector, hash, created_ms, expires_ms) VALUES(?, ?, ?, ?, ?, ?, ?)",
    );
    this.#used = database.prepare("UPDATE tokens SET last_used_ms = ? WHERE id = ?");
    this.#delete = database.prepare("DELETE FROM tokens WHERE id = ?");
  }

  all(): TokenRecord[] {
    return (this.#all.all() as TokenRow[]).map(fromRow);
  }

  byId(id: string): TokenRecord | undefined {
    const row = this.#byId.get(id) as TokenRow | undefined;
    return row && fromRow(row);
  }

  byName(name: string): TokenRecord | undefined {
    const row = this.#byName.get(name) as TokenRow | undefined;
    return row && fromRow(row);
  }

  insert(record: TokenRecord): void {
    this.#insert.run(
      record.id,
      record.name,
      record.role,
      record.selector === undefined ? null : JSON.stringify(record.selector),
      record.hash,
      record.createdMs,
      record.expiresMs ?? null,
    );
  }

  used(id: string, nowMs: number): void {
    this.#used.run(nowMs, id);
  }

  delete(id: string): void {
    this.#delete.run(id);
  }
}

function fromRow(row: TokenRow): TokenRecord {
  return {
    id: row.id,
    name: row.name,
    role: row.role,
    hash: Buffer.from(row.hash),
    createdMs: row.created_ms,
    ...(row.selector !== null && { selector: JSON.parse(row.selector) as Record<string, string> }),
    ...(row.expires_ms !== null && { expiresMs: row.expires_ms }),
    ...(row.last_used_ms !== null && { lastUsedMs: row.last_used_ms }),
  };
}
