import type {
  MeterStatus,
  PriceSheet,
  TagBudget,
  UsageCurve,
  UsageFilter,
  UsageGroup,
  UsageRecord,
  UsageRetention,
  UsageVerification,
} from "../api.js";
import {
  about,
  array,
  boolean,
  either,
  integer,
  named,
  nothing,
  number,
  object,
  oneOf,
  optional,
  record,
  type Schema,
  type Shape,
  string,
  time,
} from "./schema.js";

/** What callers may ask of the meter, and what it answers. */

const tags = record(string());
const money = string(40);

const filterShape: Shape<UsageFilter> = {
  id: optional(string()),
  name: optional(string()),
  tags: optional(tags),
  since: optional(string(64)),
  until: optional(string(64)),
  after: optional(about("Only records behind this one in the ledger.", integer())),
  limit: optional(about("At most so many; fewer than that are the last.", integer(1))),
};

export const usageFilter = object<UsageFilter>(filterShape);

export const usageSummary = object<UsageFilter & { by?: string[] }>({
  ...filterShape,
  by: optional(about("`image`, `name`, `id` or `tag:NAME`.", array(string(256), 16))),
});

const head = object<{ record: number; hash: string }>({ record: integer(), hash: string(64) });

export const usageVerify = object<{ expect?: { record: number; hash: string } }>({ expect: optional(head) });

export const usageRecord: Schema<UsageRecord> = named(
  "UsageRecord",
  object<UsageRecord>({
    record: optional(about("Place in the ledger; absent while the record is open.", integer())),
    id: string(),
    name: string(),
    image: string(),
    tags,
    cpus: optional(number()),
    memoryBytes: optional(integer()),
    startedAt: time(),
    endedAt: optional(about("Absent while the record is open.", time())),
    endReason: optional(about("exit, oom, resize, day, price, unseen, or `budget: ` and which.", string())),
    seconds: about("Whole seconds, rounded up once at the end.", integer()),
    vcpuSeconds: optional(number()),
    gibSeconds: optional(number()),
    cpuUsedSeconds: optional(number()),
    memoryUsedGibSeconds: optional(number()),
    memoryPeakBytes: optional(integer()),
    networkRxBytes: optional(integer()),
    networkTxBytes: optional(integer()),
    ioReadBytes: optional(integer()),
    ioWriteBytes: optional(integer()),
    cost: optional(about("Exact decimal; absent where no price sheet was in force.", money)),
    currency: optional(string(3)),
  }),
);

export const usageGroup: Schema<UsageGroup> = named(
  "UsageGroup",
  object<UsageGroup>({
    key: tags,
    records: integer(),
    seconds: integer(),
    vcpuSeconds: number(),
    gibSeconds: number(),
    cpuUsedSeconds: number(),
    memoryUsedGibSeconds: number(),
    networkRxBytes: number(),
    networkTxBytes: number(),
    ioReadBytes: number(),
    ioWriteBytes: number(),
    cost: optional(money),
    currency: optional(string(3)),
  }),
);

const column = array(either(number(), nothing()));

export const usageCurve: Schema<UsageCurve> = named(
  "UsageCurve",
  object<UsageCurve>({
    id: string(),
    name: string(),
    tags,
    cpus: optional(number()),
    memoryBytes: optional(integer()),
    stepSeconds: about("1 for the last minutes, 60 for what is on disk.", integer(1)) as Schema<1 | 60>,
    times: about("Epoch seconds.", array(integer())),
    vcpus: column,
    vcpusMax: column,
    memory: column,
    memoryMax: column,
    rxBytes: column,
    txBytes: column,
    readBytes: column,
    writeBytes: column,
  }),
);

export const usageVerification: Schema<UsageVerification> = named(
  "UsageVerification",
  object<UsageVerification>({
    intact: boolean(),
    records: integer(),
    head,
    broken: optional(object<{ record: number; problem: string }>({ record: integer(), problem: string() })),
  }),
);

export const priceSheet: Schema<PriceSheet> = named(
  "PriceSheet",
  object<PriceSheet>({
    validFrom: optional(string(64)),
    currency: string(3),
    perVcpuSecond: optional(money),
    perGibSecond: optional(money),
    perGbEgress: optional(money),
    minimumSeconds: optional(integer()),
    minimumCost: optional(money),
    vcpuStep: optional(money),
    memoryStepGib: optional(money),
  }),
);

export const tagBudget: Schema<TagBudget> = named(
  "TagBudget",
  object<TagBudget>({
    tag: string(128),
    value: string(256),
    maxSeconds: optional(integer()),
    maxCost: optional(money),
    deadline: optional(string(64)),
    period: optional(oneOf("day", "month")),
    since: optional(string(64)),
    used: optional(object<{ seconds: number; cost: string }>({ seconds: integer(), cost: money })),
  }),
);

export const usageRetention: Schema<UsageRetention> = named(
  "UsageRetention",
  object<UsageRetention>({ recordDays: integer(), hourDays: integer(), minuteDays: integer() }),
);

export const partialRetention = object<Partial<UsageRetention>>({
  recordDays: optional(integer()),
  hourDays: optional(integer()),
  minuteDays: optional(integer()),
});

export const meterStatus: Schema<MeterStatus> = named(
  "MeterStatus",
  object<MeterStatus>({
    ticks: integer(),
    missedTicks: integer(),
    jitterMs: object<{ last: number; max: number }>({ last: number(), max: number() }),
    containers: integer(),
    records: integer(),
    pendingWrites: integer(),
    problem: optional(string()),
    path: string(),
    retention: usageRetention,
  }),
);
