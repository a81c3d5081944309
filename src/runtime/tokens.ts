import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { Role, TokenInfo, TokenOptions, Tokens } from "../api.js";
import { GranuleError } from "../errors.js";
import type { Database } from "../state/database.js";
import { type TokenRecord, TokenStore } from "../state/token-store.js";

/** A recognizable prefix lets secret scanners find a token that was committed or pasted somewhere. */
const TOKEN_PATTERN = /^granule_([0-9a-f]{12})_([A-Za-z0-9_-]{43})$/;
const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_.@-]{0,62}$/;
const ROLES: readonly string[] = ["reader", "operator", "admin"] satisfies Role[];
const LONGEST_LIFE_SECONDS = 100 * 365 * 86_400;
const MAX_TAGS = 64;
const MAX_TAG_CHARACTERS = 256;

/** A use is written down once a minute: a client that connects often costs no write each time. */
const USE_STEP_MS = 60_000;

/** What is compared where no token has the id, so that this takes as long as a wrong secret. */
const NO_HASH = Buffer.alloc(32);

/** The tokens of one state directory. */
export class LocalTokens implements Tokens {
  readonly #store: TokenStore;
  readonly #now: () => number;
  readonly #revoked = new Set<(id: string) => void>();

  constructor(database: Database, now: () => number = Date.now) {
    this.#store = new TokenStore(database);
    this.#now = now;
  }

  async create(options: TokenOptions): Promise<TokenInfo & { token: string }> {
    const id = randomBytes(6).toString("hex");
    const secret = randomBytes(32).toString("base64url");
    const createdMs = this.#now();
    const { role, selector, expiresInSeconds: seconds } = options;
    const name = options.name ?? id;
    check(ROLES.includes(role), `a role is one of ${ROLES.join(", ")}`);
    check(NAME_PATTERN.test(name), "a token's name is 1 to 63 letters, digits, and any of _ . @ -");
    check(seconds === undefined || (seconds > 0 && seconds <= LONGEST_LIFE_SECONDS), "a token lives up to 100 years");
    if (selector !== undefined) checkSelector(selector);
    if (this.#find(name) !== undefined) {
      throw new GranuleError("ALREADY_EXISTS", `a token is called ${name} already`, {
        hint: "revoke that one, or choose another name",
      });
    }
    const record: TokenRecord = {
      id,
      name,
      role,
      hash: digest(secret),
      createdMs,
      ...(selector !== undefined && { selector }),
      ...(seconds !== undefined && { expiresMs: Math.round(createdMs + seconds * 1000) }),
    };
    this.#store.insert(record);
    return { ...toInfo(record), token: `granule_${id}_${secret}` };
  }

  async list(): Promise<TokenInfo[]> {
    return this.#store.all().map(toInfo);
  }

  async revoke(idOrName: string): Promise<TokenInfo> {
    const record = this.#find(idOrName);
    if (record === undefined) {
      throw new GranuleError("NOT_FOUND", `no such token: ${idOrName}`, {
        hint: "`granule token list` lists those that exist",
      });
    }
    this.#store.delete(record.id);
    for (const listener of [...this.#revoked]) listener(record.id);
    return toInfo(record);
  }

  /** The token that was presented, where it is one of these and has not expired. Takes the same time for any wrong one. */
  verify(presented: string): TokenInfo | undefined {
    const [, id = "", secret = ""] = TOKEN_PATTERN.exec(presented) ?? [];
    const record = this.#store.byId(id);
    const same = timingSafeEqual(digest(secret), record?.hash ?? NO_HASH);
    const now = this.#now();
    if (record === undefined || !same || expired(record, now)) return undefined;
    if (record.lastUsedMs === undefined || now - record.lastUsedMs >= USE_STEP_MS) this.#store.used(id, now);
    return toInfo(record);
  }

  /** A token as it is now; undefined once it was revoked or has expired. */
  current(id: string): TokenInfo | undefined {
    const record = this.#store.byId(id);
    return record === undefined || expired(record, this.#now()) ? undefined : toInfo(record);
  }

  /** Tells of each token that is revoked from now on. Gives back how to stop that. */
  onRevoked(listener: (id: string) => void): () => void {
    this.#revoked.add(listener);
    return () => this.#revoked.delete(listener);
  }

  #find(idOrName: string): TokenRecord | undefined {
    return this.#store.byId(idOrName) ?? this.#store.byName(idOrName);
  }
}

/** 256 random bits need no slow hash: nobody can guess them. */
function digest(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}

function expired(record: TokenRecord, now: number): boolean {
  return record.expiresMs !== undefined && record.expiresMs <= now;
}

function checkSelector(selector: Record<string, string>): void {
  const tags = Object.entries(selector);
  // An empty selector would bind to nothing while looking as if it did.
  check(tags.length > 0, "a selector names at least one tag");
  check(tags.length <= MAX_TAGS, `a selector names at most ${MAX_TAGS} tags`);
  for (const [key, value] of tags) {
    check(key !== "" && key.length <= MAX_TAG_CHARACTERS, `a tag's name has 1 to ${MAX_TAG_CHARACTERS} characters`);
    check(value.length <= MAX_TAG_CHARACTERS, `a tag's value has at most ${MAX_TAG_CHARACTERS} characters`);
  }
}

function check(holds: boolean, otherwise: string): void {
  if (!holds) throw new GranuleError("INVALID_ARGUMENT", otherwise);
}

function toInfo({ id, name, role, selector, createdMs, expiresMs, lastUsedMs }: TokenRecord): TokenInfo {
  const time = (ms: number): string => new Date(ms).toISOString();
  return {
    id,
    name,
    role,
    ...(selector !== undefined && { selector }),
    createdAt: time(createdMs),
    ...(expiresMs !== undefined && { expiresAt: time(expiresMs) }),
    ...(lastUsedMs !== undefined && { lastUsedAt: time(lastUsedMs) }),
  };
}
