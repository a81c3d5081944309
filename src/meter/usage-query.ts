import type { UsageFilter, UsageGroup, UsageRecord } from "../api.js";
import { GranuleError } from "../errors.js";
import { formatDecimal, moneyScale } from "./decimal.js";
import { instant, second } from "./instant.js";
import type { Ledger } from "./ledger.js";
import type { LedgerStore } from "./ledger-store.js";
import { clipped, type RecordRow } from "./segment.js";

type Parameter = string | bigint;

/** A filter as SQL over usage_records, with what has to be cut to it. */
interface Selection {
  where: string;
  parameters: Parameter[];
  sinceNs: bigint | undefined;
  untilNs: bigint | undefined;
  matches(row: RecordRow): boolean;
}

const mostRecords = 1_000_000;

/** Records that end so near to an edge are looked at one by one: their last second may begin before or behind it. */
const slack = second;

function select(filter: UsageFilter, store: LedgerStore): Selection {
  const sinceNs = filter.since === undefined ? undefined : instant("since", filter.since);
  const untilNs = filter.until === undefined ? undefined : instant("until", filter.until);
  if (sinceNs !== undefined && untilNs !== undefined && sinceNs >= untilNs) {
    throw new GranuleError("INVALID_ARGUMENT", `since is not before until: ${filter.since}, ${filter.until}`, {
      hint: "the span goes from since up to, and without, until",
    });
  }
  const terms: string[] = [];
  const parameters: Parameter[] = [];
  const wanted = Object.entries(filter.tags ?? {});
  const hasTags = (tags: string) => {
    const found = JSON.parse(tags) as Record<string, string>;
    return wanted.every(([key, value]) => found[key] === value);
  };
  for (const name of ["after", "limit"] as const) {
    const value = filter[name];
    if (value === undefined || (Number.isSafeInteger(value) && value >= (name === "limit" ? 1 : 0))) continue;
    throw new GranuleError("INVALID_ARGUMENT", `${name} is no whole number: ${value}`, {
      hint: "give a record's number, or how many",
    });
  }
  if (filter.after !== undefined) {
    terms.push("record > ?");
    parameters.push(BigInt(filter.after));
  }
  if (filter.id !== undefined) {
    terms.push("container_id = ?");
    parameters.push(filter.id);
  }
  if (filter.name !== undefined) {
    terms.push("name = ?");
    parameters.push(filter.name);
  }
  if (wanted.length > 0) {
    const sets = [...store.tagsById()].filter(([, tags]) => hasTags(tags)).map(([id]) => id);
    terms.push("tag_set IN (SELECT value FROM json_each(?))");
    parameters.push(JSON.stringify(sets));
  }
  return {
    where: terms.length === 0 ? "1" : terms.join(" AND "),
    parameters,
    sinceNs,
    untilNs,
    matches: (row) =>
      (filter.id ?? row.container_id) === row.container_id &&
      (filter.name ?? row.name) === row.name &&
      (wanted.length === 0 || hasTags(row.tags)),
  };
}

const recordColumns = "usage_records.*, (SELECT tags FROM tag_sets WHERE tag_sets.id = usage_records.tag_set) AS tags";

/** Records that overlap a filter's span, cut to it, those that are open last. */
export function queryRecords(
  store: LedgerStore,
  ledger: Ledger,
  filter: UsageFilter,
  nowBootNs: bigint,
): UsageRecord[] {
  store.flush();
  const selection = select(filter, store);
  const { terms, parameters } = overlapping(selection);
  const rows = store.database
    .prepare(
      `SELECT ${recordColumns} FROM usage_records WHERE ${selection.where}${terms} ORDER BY record LIMIT ${filter.limit ?? mostRecords + 1}`,
    )
    .safeIntegers(true)
    .all(...selection.parameters, ...parameters) as RecordRow[];
  if (rows.length > mostRecords) {
    throw new GranuleError("RESOURCE_EXHAUSTED", `more than ${mostRecords} usage records`, {
      hint: "ask for a shorter span with since and until, or for sums with by",
    });
  }
  // Those that are open come behind the last that are not.
  const isLastPage = filter.limit === undefined || rows.length < filter.limit;
  const open = isLastPage ? ledger.openRecords(nowBootNs).filter((row) => selection.matches(row)) : [];
  return [...rows, ...open].flatMap((row) => {
    const part = clipped(row, selection.sinceNs, selection.untilNs);
    return part ? [ledger.record(part)] : [];
  });
}

function overlapping({ sinceNs, untilNs }: Selection): { terms: string; parameters: bigint[] } {
  const parameters = [sinceNs === undefined ? undefined : sinceNs - slack, untilNs].filter((ns) => ns !== undefined);
  const since = sinceNs === undefined ? "" : " AND ended_ns > ?";
  return { terms: since + (untilNs === undefined ? "" : " AND billed_from_ns < ?"), parameters };
}

/** Sums in whole numbers. Products of bytes and seconds, and money, pass 2^63 in sums, and so come in two parts. */
interface Sums {
  records: bigint;
  seconds: bigint;
  cpuMilliSeconds: bigint;
  byteSeconds: bigint;
  cpuUsedUsec: bigint;
  usedByteSeconds: bigint;
  rxBytes: bigint;
  txBytes: bigint;
  readBytes: bigint;
  writeBytes: bigint;
  cost: bigint;
}

const high = 1_000_000_000n;

const aggregates = `count(*) AS records, sum(seconds) AS total_seconds,
  coalesce(sum(cpu_milli * seconds), 0) AS milli_seconds,
  coalesce(sum((memory_bytes >> 12) * seconds), 0) AS page_seconds,
  coalesce(sum((memory_bytes & 4095) * seconds), 0) AS odd_seconds,
  coalesce(sum(cpu_used_usec), 0) AS cpu_usec,
  coalesce(sum(memory_byte_seconds >> 30), 0) AS gib_part,
  coalesce(sum(memory_byte_seconds & 1073741823), 0) AS byte_part,
  coalesce(sum(rx_bytes), 0) AS rx, coalesce(sum(tx_bytes), 0) AS tx,
  coalesce(sum(read_bytes), 0) AS rd, coalesce(sum(write_bytes), 0) AS wr,
  sum(cost / 1000000000) AS cost_high, sum(cost % 1000000000) AS cost_low`;

type SumRow = Record<"records" | "total_seconds" | "milli_seconds" | "page_seconds" | "odd_seconds", bigint> &
  Record<"cpu_usec" | "gib_part" | "byte_part" | "rx" | "tx" | "rd" | "wr", bigint> &
  Record<"cost_high" | "cost_low", bigint | null> & {
    tag_set: bigint;
    price_sheet: bigint | null;
    image?: string;
    name?: string;
    container_id?: string;
  };

const sumsOf = (row: SumRow): Sums => ({
  records: row.records,
  seconds: row.total_seconds,
  cpuMilliSeconds: row.milli_seconds,
  byteSeconds: row.page_seconds * 4096n + row.odd_seconds,
  cpuUsedUsec: row.cpu_usec,
  usedByteSeconds: (row.gib_part << 30n) + row.byte_part,
  rxBytes: row.rx,
  txBytes: row.tx,
  readBytes: row.rd,
  writeBytes: row.wr,
  cost: (row.cost_high ?? 0n) * high + (row.cost_low ?? 0n),
});

const sumsOfRecord = (row: RecordRow): Sums => ({
  records: 1n,
  seconds: row.seconds,
  cpuMilliSeconds: (row.cpu_milli ?? 0n) * row.seconds,
  byteSeconds: (row.memory_bytes ?? 0n) * row.seconds,
  cpuUsedUsec: row.cpu_used_usec ?? 0n,
  usedByteSeconds: row.memory_byte_seconds ?? 0n,
  rxBytes: row.rx_bytes ?? 0n,
  txBytes: row.tx_bytes ?? 0n,
  readBytes: row.read_bytes ?? 0n,
  writeBytes: row.write_bytes ?? 0n,
  cost: row.cost ?? 0n,
});

/** The columns that `by` may name beside tags. */
const columnsBy: Record<string, "image" | "name" | "container_id"> = {
  image: "image",
  name: "name",
  id: "container_id",
};

/**
 * Sums over the records of a filter's span. Records that lie in it whole are summed by the database, those that reach
 * over its edges are cut one by one.
 * @param withOpen with what is still running
 *
 * @throws GranuleError INVALID_ARGUMENT
 */
export function summarizeRecords(
  store: LedgerStore,
  ledger: Ledger,
  { by = [], ...filter }: UsageFilter & { by?: string[] },
  nowBootNs: bigint,
  withOpen = true,
): UsageGroup[] {
  for (const each of by) {
    if (!Object.hasOwn(columnsBy, each) && !/^tag:./.test(each)) {
      throw new GranuleError("INVALID_ARGUMENT", `by cannot be ${JSON.stringify(each)}`, {
        hint: "give image, name, id or tag:NAME",
      });
    }
  }
  store.flush();
  const selection = select(filter, store);
  const groups = new Groups(by, ledger);
  const tags = new Map([...store.tagsById()].map(([id, text]) => [id, JSON.parse(text) as Record<string, string>]));
  const tagsOf = (row: { tag_set: bigint }) => tags.get(Number(row.tag_set)) ?? {};
  for (const row of wholeSums(store, selection, by))
    groups.add(row, tagsOf(row), row.price_sheet, sumsOf(row), row.cost_high !== null);
  const open = withOpen ? ledger.openRecords(nowBootNs).filter((row) => selection.matches(row)) : [];
  for (const row of [...edges(store, selection), ...open]) {
    const part = clipped(row, selection.sinceNs, selection.untilNs);
    if (part) groups.add(part, tagsOf(row), part.price_sheet, sumsOfRecord(part), part.cost !== null);
  }
  return groups.list();
}

function wholeSums(
  store: LedgerStore,
  { where, parameters, sinceNs, untilNs }: Selection,
  by: readonly string[],
): SumRow[] {
  const columns = by.flatMap((each) => columnsBy[each] ?? []);
  const keys = ["tag_set", "price_sheet", ...columns].join(", ");
  const inside = `${sinceNs === undefined ? "" : " AND billed_from_ns >= ?"}${untilNs === undefined ? "" : " AND ended_ns <= ?"}`;
  const edge = [sinceNs, untilNs === undefined ? undefined : untilNs - slack].filter((ns) => ns !== undefined);
  return store.database
    .prepare(`SELECT ${keys}, ${aggregates} FROM usage_records WHERE ${where}${inside} GROUP BY ${keys}`)
    .safeIntegers(true)
    .all(...parameters, ...edge) as SumRow[];
}

/** Records that reach over an edge of the span. No record is longer than a day, so that few are looked at. */
function edges(store: LedgerStore, { where, parameters, sinceNs, untilNs }: Selection): RecordRow[] {
  const rows: RecordRow[] = [];
  const day = 86_400_000_000_000n;
  for (const ns of [sinceNs, untilNs]) {
    if (ns === undefined) continue;
    // Those that begin behind since were summed already, unless they reach over until.
    const found = store.database
      .prepare(
        `SELECT ${recordColumns} FROM usage_records
         WHERE ended_ns > ? AND ended_ns <= ? AND billed_from_ns < ? AND ${where}`,
      )
      .safeIntegers(true)
      .all(ns - slack, ns + 2n * day, ns, ...parameters) as RecordRow[];
    rows.push(...found);
  }
  // One that reaches over both edges is found twice.
  return [...new Map(rows.map((row) => [row.record, row])).values()];
}

interface Group {
  key: Record<string, string>;
  currency: string | undefined;
  priced: boolean;
  sums: Sums;
}

type Keyed = { image?: string; name?: string; container_id?: string };

class Groups {
  readonly #by: readonly string[];
  readonly #ledger: Ledger;
  readonly #groups = new Map<string, Group>();

  constructor(by: readonly string[], ledger: Ledger) {
    this.#by = by;
    this.#ledger = ledger;
  }

  add(row: Keyed, tags: Record<string, string>, sheet: bigint | null, sums: Sums, priced: boolean): void {
    const key = Object.fromEntries(this.#by.map((each) => [each, keyOf(each, row, tags)]));
    const currency = this.#ledger.currency(sheet);
    const name = JSON.stringify([...Object.values(key), currency ?? null]);
    const group = this.#groups.get(name);
    if (!group) {
      this.#groups.set(name, { key, currency, priced, sums: { ...sums } });
      return;
    }
    group.priced ||= priced;
    for (const field of Object.keys(sums) as (keyof Sums)[]) group.sums[field] += sums[field];
  }

  list(): UsageGroup[] {
    return [...this.#groups]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, { key, currency, priced, sums }]) => ({
        key,
        records: Number(sums.records),
        seconds: Number(sums.seconds),
        vcpuSeconds: Number(sums.cpuMilliSeconds) / 1000,
        gibSeconds: Number(sums.byteSeconds) / 2 ** 30,
        cpuUsedSeconds: Number(sums.cpuUsedUsec) / 1e6,
        memoryUsedGibSeconds: Number(sums.usedByteSeconds) / 2 ** 30,
        networkRxBytes: Number(sums.rxBytes),
        networkTxBytes: Number(sums.txBytes),
        ioReadBytes: Number(sums.readBytes),
        ioWriteBytes: Number(sums.writeBytes),
        ...(priced ? { cost: formatDecimal(sums.cost, moneyScale) } : {}),
        ...(priced && currency !== undefined ? { currency } : {}),
      }));
  }
}

function keyOf(by: string, row: Keyed, tags: Record<string, string>): string {
  const column = columnsBy[by];
  return (column === undefined ? tags[by.slice("tag:".length)] : row[column]) ?? "";
}
