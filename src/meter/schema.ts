/**
 * Schema steps of the ledger, one a version; a released step never changes. Times are nanoseconds, on the wall since
 * 1970 or, where the name says boot, of CLOCK_BOOTTIME: read them with safeIntegers. METERING.md tells what each means.
 */
export const ledgerSteps: readonly string[] = [
  `
  CREATE TABLE tag_sets(id INTEGER PRIMARY KEY, tags TEXT NOT NULL UNIQUE) STRICT;

  CREATE TABLE price_sheets(
    id INTEGER PRIMARY KEY,
    valid_from_ns INTEGER NOT NULL,
    currency TEXT NOT NULL,
    sheet TEXT NOT NULL,
    set_ns INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE usage_records(
    record INTEGER PRIMARY KEY,
    container_id TEXT NOT NULL,
    name TEXT NOT NULL,
    image TEXT NOT NULL,
    tag_set INTEGER NOT NULL REFERENCES tag_sets(id),
    cpu_milli INTEGER,
    memory_bytes INTEGER,
    boot_id TEXT NOT NULL,
    run_boot_ns INTEGER NOT NULL,
    run_ended INTEGER NOT NULL,
    started_ns INTEGER NOT NULL,
    ended_ns INTEGER NOT NULL,
    started_boot_ns INTEGER NOT NULL,
    ended_boot_ns INTEGER NOT NULL,
    billed_from_ns INTEGER NOT NULL,
    seconds INTEGER NOT NULL,
    cpu_used_usec INTEGER,
    memory_byte_seconds INTEGER,
    memory_peak_bytes INTEGER,
    rx_bytes INTEGER,
    tx_bytes INTEGER,
    read_bytes INTEGER,
    write_bytes INTEGER,
    cost INTEGER,
    price_sheet INTEGER REFERENCES price_sheets(id),
    end_reason TEXT NOT NULL,
    hash BLOB NOT NULL
  ) STRICT;
  CREATE INDEX usage_records_by_container ON usage_records(container_id);
  CREATE INDEX usage_records_by_end ON usage_records(ended_ns);
  -- Everything that a sum by tag reads, in its order: a million records are summed without a sort.
  CREATE INDEX usage_records_by_tags ON usage_records(
    tag_set, price_sheet, billed_from_ns, ended_ns, seconds, cpu_milli, memory_bytes, cpu_used_usec, memory_byte_seconds,
    rx_bytes, tx_bytes, read_bytes, write_bytes, cost
  );

  CREATE TABLE open_segments(container_id TEXT PRIMARY KEY, segment TEXT NOT NULL) STRICT;

  CREATE TABLE usage_hours(
    container_id TEXT NOT NULL,
    hour INTEGER NOT NULL,
    samples INTEGER NOT NULL,
    cpu_usec INTEGER NOT NULL,
    cpu_max_milli INTEGER NOT NULL,
    memory_byte_seconds INTEGER NOT NULL,
    memory_max_bytes INTEGER NOT NULL,
    rx_bytes INTEGER NOT NULL,
    tx_bytes INTEGER NOT NULL,
    read_bytes INTEGER NOT NULL,
    write_bytes INTEGER NOT NULL,
    minutes BLOB,
    PRIMARY KEY (hour, container_id)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE tag_budgets(tag TEXT NOT NULL, value TEXT NOT NULL, budget TEXT NOT NULL, PRIMARY KEY (tag, value)) STRICT;
  CREATE TABLE settings(name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

  CREATE VIEW usage AS
    SELECT record, container_id, name, image, tags, cpu_milli / 1000.0 AS cpus, memory_bytes,
      strftime('%Y-%m-%dT%H:%M:%fZ', started_ns / 1e9, 'unixepoch') AS started_at,
      strftime('%Y-%m-%dT%H:%M:%fZ', ended_ns / 1e9, 'unixepoch') AS ended_at,
      end_reason, seconds, cpu_milli * seconds / 1000.0 AS vcpu_seconds,
      memory_bytes * seconds / 1073741824.0 AS gib_seconds, cpu_used_usec / 1e6 AS cpu_used_seconds,
      memory_byte_seconds / 1073741824.0 AS memory_used_gib_seconds, memory_peak_bytes, rx_bytes, tx_bytes,
      read_bytes, write_bytes, cost / 1e9 AS cost, currency
    FROM usage_records JOIN tag_sets ON tag_sets.id = tag_set LEFT JOIN price_sheets ON price_sheets.id = price_sheet;
  `,
];
