/**
 * The Runtime interface and its data. Types only: the in-process runtime and the channel client both stand on them,
 * and nothing here needs Node, so that a browser can load it.
 * Times are ISO 8601 UTC strings. Sizes are bytes, in whole numbers.
 */

export type ContainerState = "creating" | "created" | "running" | "paused" | "stopped" | "removed";

export type RestartPolicy = { policy: "never" } | { policy: "always" } | { policy: "on-failure"; maxRetries?: number };

export interface MountOption {
  type: "bind" | "tmpfs";
  /** Host path of a bind mount; absent for tmpfs. */
  source?: string;
  /** Absolute path in the container. */
  target: string;
  readOnly?: boolean;
  /** Size limit of a tmpfs. */
  sizeBytes?: number;
  /** Mode of a tmpfs root, such as 0o1777. */
  mode?: number;
}

export interface IoLimit {
  /** Block device as `major:minor` or a path such as /dev/vda. */
  device: string;
  readBytesPerSecond?: number;
  writeBytesPerSecond?: number;
  readOperationsPerSecond?: number;
  writeOperationsPerSecond?: number;
}

/** Limits that can change while a container runs. */
export interface Limits {
  /** vCPUs, such as 0.5; a hundredth is the smallest step. */
  cpus?: number;
  /** Hard memory limit in bytes; swap is off. */
  memory?: number;
  /** cgroup v2 memory.high and memory.low in bytes; refused on a hybrid host. */
  memoryHigh?: number;
  memoryLow?: number;
  /** Most processes and threads. */
  pids?: number;
  /** CPUs as a list, such as `0-1,3`. */
  cpuset?: string;
  io?: IoLimit[];
  ioWeight?: number;
  /** Spot priority: runs only on CPU time that nobody else wants (cgroup v2 cpu.idle). */
  spot?: boolean;
  /** cpu.max.burst in microseconds. */
  cpuBurstUsec?: number;
}

/** What a container may use up before granule stops it; its exit and its usage record say that it did. */
export interface Budget {
  /** Billed seconds over all runs of the container. */
  maxSeconds?: number;
  /** Cost over all runs, as a decimal such as `0.05`, in the currency of the price sheet in force. */
  maxCost?: string;
  /** When it is stopped at the latest (ISO 8601). */
  deadline?: string;
}

export interface CreateOptions extends Limits {
  image: string;
  name?: string;
  /** Replaces the image's Cmd. */
  command?: string[];
  /** Replaces the image's Entrypoint; an empty list removes it. */
  entrypoint?: string[];
  /** `KEY=value` entries, over the image's. */
  env?: string[];
  workingDir?: string;
  /** `user`, `uid`, `user:group` or `uid:gid`; names are looked up in the image. */
  user?: string;
  hostname?: string;
  mounts?: MountOption[];
  /** Read-only root file system. */
  readOnly?: boolean;
  network?: "none" | "host";
  tags?: Record<string, string>;
  restart?: RestartPolicy;
  /** Seconds between the stop signal and SIGKILL; 10 unless told. */
  stopTimeoutSeconds?: number;
  stopSignal?: string;
  /** Allocate a terminal. */
  tty?: boolean;
  rows?: number;
  columns?: number;
  /** Keep stdin open for attach; otherwise it is /dev/null. */
  stdin?: boolean;
  /** Removed by itself once stopped. By its full id its exit can be asked for a while longer. */
  autoRemove?: boolean;
  capAdd?: string[];
  capDrop?: string[];
  /** `unconfined` switches the system call filter off; the default list holds otherwise. */
  seccomp?: "default" | "unconfined";
  /** rlimits by name, such as `{ nofile: { soft: 1024, hard: 1024 } }`. */
  rlimits?: Record<string, { soft: number; hard: number }>;
  /** Largest log file before rotation, and how many rotated files are kept. */
  logMaxBytes?: number;
  logMaxFiles?: number;
  budget?: Budget;
}

export interface ExitStatus {
  /** Exit code as docker's: the program's own, or 128 + signal. Absent where nobody saw the exit. */
  code?: number;
  /** Signal name, such as `SIGKILL`, where one ended the process. */
  signal?: string;
  oomKilled: boolean;
  startedAt?: string;
  finishedAt?: string;
  /** Why the code is unknown, or why granule ended the container. */
  reason?: string;
}

export interface ContainerInfo {
  id: string;
  name: string;
  image: string;
  imageId: string;
  state: ContainerState;
  tags: Record<string, string>;
  command: string[];
  cpus?: number;
  memoryBytes?: number;
  pids?: number;
  cpuset?: string;
  pid?: number;
  restarts: number;
  createdAt: string;
  startedAt?: string;
  finishedAt?: string;
  exit?: ExitStatus;
  /** The options the container was made from, with the limits now in force. */
  options: CreateOptions;
}

export interface Sample {
  id: string;
  /** When the counters were read. */
  time: string;
  cpu: { usageUsec: number; userUsec?: number; systemUsec?: number; throttledUsec?: number; vcpus?: number };
  memory?: {
    currentBytes: number;
    peakBytes?: number;
    anonBytes?: number;
    fileBytes?: number;
    workingSetBytes?: number;
    oomKills?: number;
  };
  pids?: { current: number };
  io?: { readBytes: number; writeBytes: number; reads: number; writes: number };
  network?: { rxBytes: number; txBytes: number; rxPackets: number; txPackets: number };
  pressure?: { cpu?: Pressure; memory?: Pressure; io?: Pressure };
}

/** Pressure stall information: share of the last 10 seconds in percent, and total microseconds. */
export interface Pressure {
  someAvg10: number;
  someTotalUsec: number;
  fullAvg10?: number;
  fullTotalUsec?: number;
}

/** Part of a run under one allocation, within one UTC day and one price sheet. src/meter/METERING.md defines each field. */
export interface UsageRecord {
  /** Place in the ledger, which is append-only; absent while the record is open. */
  record?: number;
  id: string;
  name: string;
  image: string;
  tags: Record<string, string>;
  cpus?: number;
  memoryBytes?: number;
  startedAt: string;
  /** Absent while the segment is open. */
  endedAt?: string;
  /** Why it ended: `exit`, `oom`, `resize`, `day`, `price`, `unseen`, or `budget: ` and which. */
  endReason?: string;
  /** Whole seconds, rounded up once at the end. */
  seconds: number;
  vcpuSeconds?: number;
  gibSeconds?: number;
  cpuUsedSeconds?: number;
  memoryUsedGibSeconds?: number;
  memoryPeakBytes?: number;
  networkRxBytes?: number;
  networkTxBytes?: number;
  ioReadBytes?: number;
  ioWriteBytes?: number;
  /** Exact decimal; absent where no price sheet was in force. */
  cost?: string;
  currency?: string;
}

/** Sums over usage records that share a key and a currency. They are exact: the sum of the records' own figures. */
export interface UsageGroup {
  /** The values grouped by, by their names in `by`; empty where a record has no such tag. */
  key: Record<string, string>;
  records: number;
  seconds: number;
  vcpuSeconds: number;
  gibSeconds: number;
  cpuUsedSeconds: number;
  memoryUsedGibSeconds: number;
  networkRxBytes: number;
  networkTxBytes: number;
  ioReadBytes: number;
  ioWriteBytes: number;
  cost?: string;
  currency?: string;
}

/** Prices as exact decimals. Records that begin while a sheet is in force are priced by it, for good. */
export interface PriceSheet {
  /** From when on (ISO 8601); now unless told. */
  validFrom?: string;
  /** ISO 4217, such as `EUR`. */
  currency: string;
  perVcpuSecond?: string;
  perGibSecond?: string;
  /** Per 10^9 bytes sent. */
  perGbEgress?: string;
  /** A run costs no less than so many seconds, and no less than this. */
  minimumSeconds?: number;
  minimumCost?: string;
  /** Allocations are priced in steps, rounded up: `1` vCPU, `0.1` GiB. */
  vcpuStep?: string;
  memoryStepGib?: string;
}

/** A budget over all containers with a tag. At the limit they are stopped, and no further one starts. */
export interface TagBudget {
  tag: string;
  value: string;
  maxSeconds?: number;
  maxCost?: string;
  deadline?: string;
  /** It begins anew each UTC day or month; otherwise it counts from `since` on. */
  period?: "day" | "month";
  since?: string;
  /** What was used of it, as of now. */
  used?: { seconds: number; cost: string };
}

/** Use over time of one container: columns of the same length. `null` is what nobody measured. */
export interface UsageCurve {
  id: string;
  name: string;
  tags: Record<string, string>;
  cpus?: number;
  memoryBytes?: number;
  /** 1 for the last minutes, in memory; 60 for what is on disk. */
  stepSeconds: 1 | 60;
  /** Epoch seconds. */
  times: number[];
  vcpus: (number | null)[];
  /** Highest vCPUs of one second in the step. */
  vcpusMax: (number | null)[];
  memory: (number | null)[];
  memoryMax: (number | null)[];
  rxBytes: (number | null)[];
  txBytes: (number | null)[];
  readBytes: (number | null)[];
  writeBytes: (number | null)[];
}

export interface UsageVerification {
  intact: boolean;
  /** Records looked at. */
  records: number;
  /** Place and hash of the last record: keep them elsewhere, and give them as `expect` later. */
  head: { record: number; hash: string };
  /** The first record at which the chain does not hold, and what is wrong with it. */
  broken?: { record: number; problem: string };
}

/** How long the ledger keeps what; 0 is for ever. Bills need records alone. */
export interface UsageRetention {
  recordDays: number;
  hourDays: number;
  minuteDays: number;
}

/** How the meter itself is doing. */
export interface MeterStatus {
  /** Ticks of the sampler since it began, and whole seconds without one. */
  ticks: number;
  missedTicks: number;
  /** How late ticks were read after their whole second, in milliseconds. */
  jitterMs: { last: number; max: number };
  containers: number;
  records: number;
  /** Writes that the disk has not taken yet. */
  pendingWrites: number;
  /** What keeps the ledger from being written, where something does. */
  problem?: string;
  path: string;
  retention: UsageRetention;
}

export interface Usage {
  /** Records that overlap the time asked for, cut to it by whole seconds. */
  query(filter?: UsageFilter): Promise<UsageRecord[]>;
  /** Sums by `image`, `name`, `id` or `tag:NAME`, in any combination; one row of all unless told. */
  summarize(options?: UsageFilter & { by?: string[] }): Promise<UsageGroup[]>;
  curves(filter?: UsageFilter): Promise<UsageCurve[]>;
  /** Goes through the hash chain. `expect` is an earlier head, which has to be in it still. */
  verify(options?: { expect?: { record: number; hash: string } }): Promise<UsageVerification>;
  /** Every price sheet, the latest last. */
  prices(): Promise<PriceSheet[]>;
  setPrices(sheet: PriceSheet): Promise<PriceSheet>;
  budgets(): Promise<TagBudget[]>;
  /** Sets, changes or, without any limit, removes the budget of a tag. */
  setBudget(budget: TagBudget): Promise<TagBudget[]>;
  setRetention(retention: Partial<UsageRetention>): Promise<UsageRetention>;
  status(): Promise<MeterStatus>;
  /** Prometheus text exposition format 0.0.4. */
  metrics(): Promise<string>;
}

export interface ImageInfo {
  /** Digest of the image configuration: `sha256:...`. */
  id: string;
  names: string[];
  /** Names by digest under which registries know it, such as `debian@sha256:...`; none for one that was never pulled. */
  digests: string[];
  /** Unpacked size in bytes. */
  size: number;
  createdAt: string;
  architecture: string;
  os: string;
  /** Such as `v7`; absent where the image names none. */
  variant?: string;
  /** diffIDs, lowest layer first. */
  layers: string[];
  config: ImageConfig;
}

/** The execution part of an OCI image configuration (image-spec config.md), cleaned. */
export interface ImageConfig {
  entrypoint: string[];
  cmd: string[];
  env: string[];
  workingDir: string;
  user: string;
  stopSignal?: string;
  volumes: string[];
  labels: Record<string, string>;
}

/**
 * How far a load or a pull is. A pull goes `resolve`, `found` (with every layer), then for each layer `download`, `unpack`
 * and `ready`, and `done` at last.
 */
export interface LoadProgress {
  stage: "read" | "resolve" | "found" | "download" | "unpack" | "ready" | "verify" | "done";
  /** Digest of the layer's blob, or where that is not known its diffID. */
  layer?: string;
  /** Bytes of the compressed layer done, and in all. */
  doneBytes?: number;
  totalBytes?: number;
  /** With `found`: the digest that the name stands for. */
  digest?: string;
  /** With `found`: every layer, lowest first. */
  layers?: { layer: string; totalBytes: number }[];
}

/** What a registry lets its users in by. */
export type RegistryCredentials =
  | { username: string; password: string }
  /** A refresh token, as `docker login` keeps it for some registries. */
  | { identityToken: string }
  /** A bearer token, sent as it is. */
  | { registryToken: string }
  /** An Azure AD access token, exchanged at an Azure container registry. */
  | { azureToken: string; tenant?: string };

/** What `images verify` found of one image. */
export interface ImageCheck {
  id: string;
  names: string[];
  ok: boolean;
  /** One sentence each. */
  problems: string[];
}

/** What a prune removed. */
export interface ImagePruneResult {
  /** Ids of images. */
  images: string[];
  /** Names that went with them. */
  names: string[];
  /** Bytes of blobs and layers that came free. */
  freedBytes: number;
}

export interface RuntimeEvent {
  epoch: string;
  seq: number;
  time: string;
  type: "container" | "image";
  action:
    | "create"
    | "start"
    | "die"
    | "oom"
    | "pause"
    | "resume"
    | "update"
    | "kill"
    | "restart"
    | "remove"
    | "exec"
    | "load"
    | "pull"
    | "import"
    | "tag"
    | "untag"
    | "delete";
  id: string;
  name?: string;
  tags?: Record<string, string>;
  exit?: ExitStatus;
  details?: Record<string, unknown>;
}

export interface LogOptions {
  follow?: boolean;
  /** Only lines at or after this time (ISO 8601). */
  since?: string;
  /** Only the last lines. */
  tail?: number;
  signal?: AbortSignal;
}

export interface LogLine {
  time: string;
  stream: "stdout" | "stderr";
  /** Bytes of the line without its newline. */
  data: Uint8Array;
  /** The line goes on in the next entry. */
  partial: boolean;
}

/** A process's standard streams. Reading slowly slows nobody but this reader. */
export interface Attachment extends AsyncDisposable {
  /** Output in order of arrival; ends when the process has ended or `detach` was called. */
  readonly output: AsyncIterable<{ stream: "stdout" | "stderr"; data: Uint8Array }>;
  /** Resolves once the bytes were taken over. */
  write(data: Uint8Array): Promise<void>;
  /** Half-close: the process reads end of file. */
  closeInput(): Promise<void>;
  resize(rows: number, columns: number): Promise<void>;
  /** Settles when the process has ended. */
  wait(): Promise<ExitStatus>;
  detach(): Promise<void>;
}

export interface AttachOptions {
  stdin?: boolean;
  stdout?: boolean;
  stderr?: boolean;
}

export interface ExecOptions {
  command: string[];
  env?: string[];
  user?: string;
  workingDir?: string;
  tty?: boolean;
  rows?: number;
  columns?: number;
  stdin?: boolean;
}

export interface Container {
  readonly id: string;
  inspect(): Promise<ContainerInfo>;
  start(): Promise<void>;
  /** Sends a signal, by name or number, to the first process. */
  kill(signal?: string | number): Promise<void>;
  /** Stop signal, then SIGKILL after the time-out. */
  stop(options?: { timeoutSeconds?: number }): Promise<ExitStatus>;
  restart(options?: { timeoutSeconds?: number }): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  update(limits: Limits & { restart?: RestartPolicy }): Promise<ContainerInfo>;
  exec(options: ExecOptions): Promise<Attachment>;
  attach(options?: AttachOptions): Promise<Attachment>;
  resize(rows: number, columns: number): Promise<void>;
  logs(options?: LogOptions): AsyncIterable<LogLine>;
  samples(options?: { signal?: AbortSignal }): AsyncIterable<Sample>;
  /** Settles when the container has stopped for good (no restart to come). */
  wait(options?: { signal?: AbortSignal }): Promise<ExitStatus>;
  /** Writes its root file system as a tar to a path on the runtime's host, mounts left out; it may run meanwhile. */
  export(path: string, options?: { signal?: AbortSignal }): Promise<void>;
  remove(options?: { force?: boolean }): Promise<void>;
}

export interface ListFilter {
  all?: boolean;
  tags?: Record<string, string>;
}

export interface Containers {
  create(options: CreateOptions): Promise<Container>;
  /** Create and start in one step: the fastest way to a running container. */
  run(options: CreateOptions): Promise<Container>;
  /** By id, unambiguous id prefix, or name. */
  get(idOrName: string): Promise<Container>;
  list(filter?: ListFilter): Promise<ContainerInfo[]>;
  /** Removes every stopped container, or those with these tags; the ids that went. */
  prune(filter?: { tags?: Record<string, string> }): Promise<string[]>;
}

export interface ImageImportOptions {
  name?: string;
  onProgress?: (progress: LoadProgress) => void;
  signal?: AbortSignal;
}

export interface ImagePullOptions {
  /** `os/architecture[/variant]`, such as `linux/arm64`; this host's unless told. */
  platform?: string;
  /** For the image's own registry; looked up in docker's and podman's files on the runtime's host unless told. */
  credentials?: RegistryCredentials;
  /** Allow plain http and a certificate that nobody vouches for; loopback may be plain http without. */
  insecure?: boolean;
  onProgress?: (progress: LoadProgress) => void;
  signal?: AbortSignal;
}

export interface Images {
  list(): Promise<ImageInfo[]>;
  /**
   * Fetches an image from its registry and unpacks it. What is there already is not fetched again, and one that was
   * interrupted goes on where it stopped.
   */
  pull(reference: string, options?: ImagePullOptions): Promise<ImageInfo>;
  /** Writes images to a tar on the runtime's host that is an OCI layout and a `docker save` archive at once. */
  save(namesOrIds: string[], path: string, options?: { signal?: AbortSignal }): Promise<void>;
  /** Gives an image a further name. */
  tag(nameOrId: string, name: string): Promise<ImageInfo>;
  /** Removes images without a name that no container uses, or with `all` every one that no container uses. */
  prune(options?: { all?: boolean }): Promise<ImagePruneResult>;
  /** Checks an image, or every one, against its digests: blobs and unpacked layers. */
  verify(
    nameOrId?: string,
    options?: { onProgress?: (progress: LoadProgress) => void; signal?: AbortSignal },
  ): Promise<ImageCheck[]>;
  /** By name, id or unambiguous id prefix. */
  inspect(nameOrId: string): Promise<ImageInfo>;
  /** An OCI layout (folder or tar) or a `docker save` tar, by path on the runtime's host. */
  load(path: string, options?: ImageImportOptions): Promise<ImageInfo[]>;
  /** A plain root file system tar (gzip, zstd or not) as an image of one layer. */
  import(
    path: string,
    options: ImageImportOptions & { name: string; config?: Partial<ImageConfig> },
  ): Promise<ImageInfo>;
  /** Removes a name, and the image with its last one. */
  remove(nameOrId: string, options?: { force?: boolean }): Promise<void>;
}

export interface UsageFilter {
  id?: string;
  name?: string;
  tags?: Record<string, string>;
  since?: string;
  until?: string;
  /** Only records behind this one in the ledger. */
  after?: number;
  /** At most so many records; where fewer come, they are the last. */
  limit?: number;
}

/** What a caller may do: a reader looks, an operator changes containers, an admin changes what the host offers. */
export type Role = "reader" | "operator" | "admin";

export interface TokenOptions {
  role: Role;
  /** A name to list and revoke it by, unique among tokens; its id unless told. */
  name?: string;
  /** Tags that every container it sees, touches or makes carries; no bounds unless told. */
  selector?: Record<string, string>;
  /** Seconds until it is refused; for ever unless told. */
  expiresInSeconds?: number;
}

export interface TokenInfo {
  id: string;
  name: string;
  role: Role;
  selector?: Record<string, string>;
  createdAt: string;
  expiresAt?: string;
  /** To the minute. */
  lastUsedAt?: string;
}

/** Tokens that callers of the channel present. */
export interface Tokens {
  /** The one time that the token itself is told: only its hash is kept. */
  create(options: TokenOptions): Promise<TokenInfo & { token: string }>;
  list(): Promise<TokenInfo[]>;
  /** By id or name. Connections that were opened with it end. */
  revoke(idOrName: string): Promise<TokenInfo>;
}

export interface HostFeature {
  name: string;
  available: boolean;
  /** What it gives or, where missing, what its lack costs and how to mend it. */
  note: string;
}

export interface HostInfo {
  version: string;
  kernel: string;
  architecture: string;
  cpus: number;
  memoryBytes: number;
  cgroup: { mode: "unified" | "hybrid" | "none"; path?: string; controllers: Record<string, "v2" | "v1" | "absent"> };
  features: HostFeature[];
  root: string;
  state: string;
  pid: number;
}

/** A shape of container, and how many of it are kept ready. */
export interface WarmOptions extends CreateOptions {
  /** 0 gives up those there are. */
  count: number;
}

export interface Runtime extends AsyncDisposable {
  readonly containers: Containers;
  readonly images: Images;
  readonly tokens: Tokens;
  readonly usage: Usage;
  info(): Promise<HostInfo>;
  /**
   * Keeps warm slots for containers of these options: all is done but the exec, and the memory is
   * held. `run` of the same options, whatever the name and tags, takes one, and another is made in its place.
   */
  warm(options: WarmOptions): Promise<void>;
  /** Events from now on, or from a cursor on; ends when the signal aborts or the runtime closes. */
  events(options?: { after?: { epoch: string; seq: number }; signal?: AbortSignal }): AsyncIterable<RuntimeEvent>;
  /** Samples of every running container, each second on the second. */
  samples(options?: { signal?: AbortSignal }): AsyncIterable<Sample>;
  /** Lets go of the state directory or the connection; containers run on. */
  close(): Promise<void>;
}
