import type {
  AttachOptions,
  Budget,
  CreateOptions,
  ExecOptions,
  ImageConfig,
  IoLimit,
  Limits,
  ListFilter,
  MountOption,
  RegistryCredentials,
  RestartPolicy,
  TokenOptions,
  WarmOptions,
} from "../api.js";
import {
  about,
  array,
  boolean,
  either,
  integer,
  named,
  number,
  object,
  oneOf,
  optional,
  record,
  type Schema,
  type Shape,
  string,
} from "./schema.js";

/** The options of api.ts as they come in over the channel. What a value means is the runtime's to judge. */

const ioLimit = object<IoLimit>({
  device: about("As `major:minor`, or a path such as /dev/vda.", string()),
  readBytesPerSecond: optional(integer()),
  writeBytesPerSecond: optional(integer()),
  readOperationsPerSecond: optional(integer()),
  writeOperationsPerSecond: optional(integer()),
});

const mountOption = object<MountOption>({
  type: oneOf("bind", "tmpfs"),
  source: optional(string()),
  target: string(),
  readOnly: optional(boolean()),
  sizeBytes: optional(integer()),
  mode: optional(integer()),
});

const limitsShape: Shape<Limits> = {
  cpus: optional(about("vCPUs; a hundredth is the smallest step.", number())),
  memory: optional(about("Hard limit in bytes; swap is off.", number())),
  memoryHigh: optional(about("cgroup v2 memory.high in bytes.", number())),
  memoryLow: optional(about("cgroup v2 memory.low in bytes.", number())),
  pids: optional(about("Most processes and threads.", number())),
  cpuset: optional(about("CPUs as a list, such as `0-1,3`.", string())),
  io: optional(array(ioLimit)),
  ioWeight: optional(number()),
  spot: optional(boolean()),
  cpuBurstUsec: optional(number()),
};

const restartPolicy: Schema<RestartPolicy> = either(
  object<{ policy: "never" | "always" }>({ policy: oneOf("never", "always") }),
  object<{ policy: "on-failure"; maxRetries?: number }>({
    policy: oneOf("on-failure"),
    maxRetries: optional(integer()),
  }),
) as Schema<RestartPolicy>;

const strings = array(string());
const tags = record(string());

const createOptionsShape: Shape<CreateOptions> = {
  ...limitsShape,
  image: string(),
  name: optional(string()),
  command: optional(strings),
  entrypoint: optional(strings),
  env: optional(strings),
  workingDir: optional(string()),
  user: optional(string()),
  hostname: optional(string()),
  mounts: optional(array(mountOption)),
  readOnly: optional(boolean()),
  network: optional(oneOf("none", "host")),
  tags: optional(tags),
  restart: optional(restartPolicy),
  stopTimeoutSeconds: optional(number()),
  stopSignal: optional(string()),
  tty: optional(boolean()),
  rows: optional(integer()),
  columns: optional(integer()),
  stdin: optional(boolean()),
  autoRemove: optional(boolean()),
  capAdd: optional(strings),
  capDrop: optional(strings),
  seccomp: optional(oneOf("default", "unconfined")),
  rlimits: optional(record(object<{ soft: number; hard: number }>({ soft: number(), hard: number() }))),
  logMaxBytes: optional(integer()),
  logMaxFiles: optional(integer()),
  budget: optional(
    object<Budget>({
      maxSeconds: optional(integer(1)),
      maxCost: optional(string(40)),
      deadline: optional(string(64)),
    }),
  ),
};

export const createOptions: Schema<CreateOptions> = named("CreateOptions", object<CreateOptions>(createOptionsShape));

const execOptionsShape: Shape<ExecOptions> = {
  command: strings,
  env: optional(strings),
  user: optional(string()),
  workingDir: optional(string()),
  tty: optional(boolean()),
  rows: optional(integer()),
  columns: optional(integer()),
  stdin: optional(boolean()),
};

const imageConfig = object<Partial<ImageConfig>>({
  entrypoint: optional(strings),
  cmd: optional(strings),
  env: optional(strings),
  workingDir: optional(string()),
  user: optional(string()),
  stopSignal: optional(string()),
  volumes: optional(strings),
  labels: optional(tags),
});

const credentials: Schema<RegistryCredentials> = either(
  either(
    object<{ username: string; password: string }>({ username: string(), password: string() }),
    object<{ identityToken: string }>({ identityToken: string() }),
  ),
  either(
    object<{ registryToken: string }>({ registryToken: string() }),
    object<{ azureToken: string; tenant?: string }>({ azureToken: string(), tenant: optional(string()) }),
  ),
) as Schema<RegistryCredentials>;

export interface PullParams {
  reference: string;
  platform?: string;
  credentials?: RegistryCredentials;
  insecure?: boolean;
  progress?: boolean;
}

export interface Target {
  id: string;
}

const targetShape: Shape<Target> = { id: about("Id, unambiguous beginning of an id, or name.", string()) };
const target = object<Target>(targetShape);
const timedTarget = object<Target & { timeoutSeconds?: number }>({
  ...targetShape,
  timeoutSeconds: optional(number()),
});
const forcedTarget = object<Target & { force?: boolean }>({ ...targetShape, force: optional(boolean()) });

/** Where a subscription goes on: behind the item of this epoch and number. */
export interface Cursor {
  epoch: string;
  seq: number;
}

export const cursor: Schema<Cursor> = named("Cursor", object<Cursor>({ epoch: string(128), seq: integer() }));
const after = about("Go on behind this item.", cursor);

/** The params of every method, by their use. */
export const params = {
  none: object<Record<never, never>>({}),
  target,
  timedTarget,
  forcedTarget,
  create: createOptions,
  warm: object<WarmOptions>({ ...createOptionsShape, count: integer(0) }),
  list: object<ListFilter>({ all: optional(boolean()), tags: optional(tags) }),
  kill: object<Target & { signal?: string | number }>({
    ...targetShape,
    signal: optional(either(string(64), integer())),
  }),
  update: object<Target & { limits: Limits & { restart?: RestartPolicy } }>({
    ...targetShape,
    limits: object<Limits & { restart?: RestartPolicy }>({ ...limitsShape, restart: optional(restartPolicy) }),
  }),
  exec: object<Target & ExecOptions>({ ...targetShape, ...execOptionsShape }),
  attach: object<Target & AttachOptions>({
    ...targetShape,
    stdin: optional(boolean()),
    stdout: optional(boolean()),
    stderr: optional(boolean()),
  }),
  /** `id` names a container, `attachment` the one that an exec or attach gave. */
  resize: object<{ id?: string; attachment?: number; rows: number; columns: number }>({
    id: optional(string()),
    attachment: optional(integer()),
    rows: integer(1),
    columns: integer(1),
  }),
  logs: object<Target & { follow?: boolean; since?: string; tail?: number }>({
    ...targetShape,
    follow: optional(boolean()),
    since: optional(about("Only lines at or after this time (ISO 8601).", string(64))),
    tail: optional(about("Only so many last lines.", integer())),
  }),
  /** `progress` asks for a subscription whose last item names the images. */
  load: object<{ path: string; name?: string; progress?: boolean }>({
    path: string(),
    name: optional(string()),
    progress: optional(boolean()),
  }),
  import: object<{ path: string; name: string; config?: Partial<ImageConfig>; progress?: boolean }>({
    path: string(),
    name: string(),
    config: optional(imageConfig),
    progress: optional(boolean()),
  }),
  pull: object<PullParams>({
    reference: string(),
    platform: optional(string(64)),
    credentials: optional(credentials),
    insecure: optional(boolean()),
    progress: optional(boolean()),
  }),
  export: object<Target & { path: string }>({ ...targetShape, path: string() }),
  save: object<{ names: string[]; path: string }>({ names: strings, path: string() }),
  tag: object<Target & { name: string }>({ ...targetShape, name: string() }),
  pruneImages: object<{ all?: boolean }>({ all: optional(boolean()) }),
  verify: object<{ id?: string; progress?: boolean }>({ id: optional(string()), progress: optional(boolean()) }),
  events: object<{ after?: Cursor }>({
    after: optional(after),
  }),
  samples: object<{ id?: string; after?: Cursor }>({
    id: optional(about("One container; all of them unless told.", string())),
    after: optional(after),
  }),
  token: object<TokenOptions>({
    role: oneOf("reader", "operator", "admin"),
    name: optional(about("To list and revoke it by; its id unless told.", string(64))),
    selector: optional(about("Tags that every container it sees, touches or makes carries.", tags)),
    expiresInSeconds: optional(about("For ever unless told.", number())),
  }),
};
