/**
 * Schema steps, one a version: step n brings user_version n to n + 1. A step that has been released never changes.
 * Nanoseconds since 1970 pass 2^53: read them from statements with safeIntegers.
 */
export const schemaSteps: readonly string[] = [
  `
  CREATE TABLE images(
    id TEXT PRIMARY KEY,
    config TEXT NOT NULL,
    layers TEXT NOT NULL,
    size INTEGER NOT NULL,
    created_at TEXT NOT NULL
  ) STRICT;

  CREATE TABLE image_names(
    name TEXT PRIMARY KEY,
    image_id TEXT NOT NULL REFERENCES images(id) ON DELETE CASCADE
  ) STRICT;
  CREATE INDEX image_names_by_image ON image_names(image_id);

  CREATE TABLE containers(
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    image TEXT NOT NULL,
    image_id TEXT NOT NULL,
    state TEXT NOT NULL,
    desired TEXT NOT NULL,
    options TEXT NOT NULL,
    command TEXT NOT NULL,
    pid INTEGER,
    monitor_pid INTEGER,
    start_ticks INTEGER,
    restarts INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL,
    started_at TEXT,
    finished_at TEXT,
    exit TEXT
  ) STRICT;

  CREATE TABLE usage_segments(
    segment INTEGER PRIMARY KEY,
    container_id TEXT NOT NULL,
    name TEXT NOT NULL,
    image TEXT NOT NULL,
    tags TEXT NOT NULL,
    cpus REAL,
    memory_bytes INTEGER,
    started_ns INTEGER NOT NULL,
    started_boot_ns INTEGER NOT NULL,
    boot_id TEXT NOT NULL,
    ended_ns INTEGER,
    ended_boot_ns INTEGER,
    cpu_used_usec INTEGER,
    memory_byte_seconds REAL
  ) STRICT;
  CREATE INDEX usage_segments_by_container ON usage_segments(container_id);
  CREATE INDEX usage_segments_by_start ON usage_segments(started_ns);
  CREATE INDEX usage_segments_open ON usage_segments(container_id) WHERE ended_ns IS NULL;
  `,
  `
  CREATE TABLE calls(
    principal TEXT NOT NULL,
    key TEXT NOT NULL,
    method TEXT NOT NULL,
    params TEXT NOT NULL,
    outcome TEXT,
    begun_at_ms INTEGER NOT NULL,
    PRIMARY KEY(principal, key)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX calls_by_begin ON calls(principal, begun_at_ms);
  `,
  `
  CREATE TABLE tokens(
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    selector TEXT,
    hash BLOB NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER,
    last_used_ms INTEGER
  ) STRICT;
  `,
  `
  ALTER TABLE images ADD COLUMN manifest TEXT;
  ALTER TABLE images ADD COLUMN blobs TEXT NOT NULL DEFAULT '[]';
  `,
  // Usage has a database of its own (meter/schema.ts); no release has kept it here.
  `
  DROP TABLE usage_segments;
  `,
];
