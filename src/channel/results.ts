import type {
  ContainerInfo,
  ContainerState,
  ExitStatus,
  HostFeature,
  HostInfo,
  ImageCheck,
  ImageConfig,
  ImageInfo,
  ImagePruneResult,
  LoadProgress,
  Pressure,
  RuntimeEvent,
  Sample,
  TokenInfo,
} from "../api.js";
import { createOptions } from "./params.js";
import {
  about,
  array,
  boolean,
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
  time,
  unknown,
} from "./schema.js";

/** The data of api.ts as the server sends it. */

const tags = record(string());
const strings = array(string());

export const exitStatus: Schema<ExitStatus> = named(
  "ExitStatus",
  object<ExitStatus>({
    code: optional(
      about("As docker's: the program's own, or 128 + signal. Absent where nobody saw the exit.", integer()),
    ),
    signal: optional(about("Name of the signal that ended the process.", string())),
    oomKilled: boolean(),
    startedAt: optional(time()),
    finishedAt: optional(time()),
    reason: optional(about("Why the code is unknown, or why granule ended the container.", string())),
  }),
);

const containerState: Schema<ContainerState> = named(
  "ContainerState",
  oneOf("creating", "created", "running", "paused", "stopped", "removed"),
);

export const containerInfo: Schema<ContainerInfo> = named(
  "ContainerInfo",
  object<ContainerInfo>({
    id: string(),
    name: string(),
    image: string(),
    imageId: string(),
    state: containerState,
    tags,
    command: strings,
    cpus: optional(number()),
    memoryBytes: optional(integer()),
    pids: optional(integer()),
    cpuset: optional(string()),
    pid: optional(integer()),
    restarts: integer(),
    createdAt: time(),
    startedAt: optional(time()),
    finishedAt: optional(time()),
    exit: optional(exitStatus),
    options: about("What it was made from, with the limits now in force.", createOptions),
  }),
);

const imageConfig: Schema<ImageConfig> = named(
  "ImageConfig",
  object<ImageConfig>({
    entrypoint: strings,
    cmd: strings,
    env: strings,
    workingDir: string(),
    user: string(),
    stopSignal: optional(string()),
    volumes: strings,
    labels: tags,
  }),
);

export const imageInfo: Schema<ImageInfo> = named(
  "ImageInfo",
  object<ImageInfo>({
    id: about("Digest of the image configuration.", string()),
    names: strings,
    digests: about("Names by digest under which registries know it.", strings),
    size: about("Unpacked, in bytes.", integer()),
    createdAt: time(),
    architecture: string(),
    os: string(),
    variant: optional(about("Such as `v7`.", string())),
    layers: about("diffIDs, the lowest layer first.", strings),
    config: imageConfig,
  }),
);

export const loadProgress: Schema<LoadProgress> = named(
  "LoadProgress",
  object<LoadProgress>({
    stage: oneOf("read", "resolve", "found", "download", "unpack", "ready", "verify", "done"),
    layer: optional(about("Digest of its blob, or where that is not known its diffID.", string())),
    doneBytes: optional(about("Compressed bytes of the layer.", integer())),
    totalBytes: optional(integer()),
    digest: optional(about("With `found`: what the name stands for.", string())),
    layers: optional(
      about(
        "With `found`: every layer, the lowest first.",
        array(object<{ layer: string; totalBytes: number }>({ layer: string(), totalBytes: integer() })),
      ),
    ),
  }),
);

export const imageCheck: Schema<ImageCheck> = named(
  "ImageCheck",
  object<ImageCheck>({
    id: string(),
    names: strings,
    ok: boolean(),
    problems: about("One sentence each.", strings),
  }),
);

export const imagePruneResult: Schema<ImagePruneResult> = named(
  "ImagePruneResult",
  object<ImagePruneResult>({
    images: about("Ids of those that went.", strings),
    names: strings,
    freedBytes: about("Of blobs and layers.", integer()),
  }),
);

const pressure: Schema<Pressure> = named(
  "Pressure",
  object<Pressure>({
    someAvg10: about("Percent of the last 10 seconds.", number()),
    someTotalUsec: integer(),
    fullAvg10: optional(number()),
    fullTotalUsec: optional(integer()),
  }),
);

export const sample: Schema<Sample> = named(
  "Sample",
  object<Sample>({
    id: string(),
    time: about("When the counters were read.", time()),
    cpu: object<Sample["cpu"]>({
      usageUsec: integer(),
      userUsec: optional(integer()),
      systemUsec: optional(integer()),
      throttledUsec: optional(integer()),
      vcpus: optional(about("vCPUs over the interval.", number())),
    }),
    memory: optional(
      object<NonNullable<Sample["memory"]>>({
        currentBytes: integer(),
        peakBytes: optional(integer()),
        anonBytes: optional(integer()),
        fileBytes: optional(integer()),
        workingSetBytes: optional(integer()),
        oomKills: optional(integer()),
      }),
    ),
    pids: optional(object<NonNullable<Sample["pids"]>>({ current: integer() })),
    io: optional(
      object<NonNullable<Sample["io"]>>({
        readBytes: integer(),
        writeBytes: integer(),
        reads: integer(),
        writes: integer(),
      }),
    ),
    network: optional(
      object<NonNullable<Sample["network"]>>({
        rxBytes: integer(),
        txBytes: integer(),
        rxPackets: integer(),
        txPackets: integer(),
      }),
    ),
    pressure: optional(
      object<NonNullable<Sample["pressure"]>>({
        cpu: optional(pressure),
        memory: optional(pressure),
        io: optional(pressure),
      }),
    ),
  }),
);

const tokenShape: Shape<TokenInfo> = {
  id: string(),
  name: string(),
  role: oneOf("reader", "operator", "admin"),
  selector: optional(tags),
  createdAt: time(),
  expiresAt: optional(time()),
  lastUsedAt: optional(about("To the minute.", time())),
};

export const tokenInfo: Schema<TokenInfo> = named("TokenInfo", object<TokenInfo>(tokenShape));

/** A token at the one time that it is told. */
export const createdToken = object<TokenInfo & { token: string }>({
  ...tokenShape,
  token: about("What to present; only its hash is kept.", string()),
});

export const runtimeEvent: Schema<RuntimeEvent> = named(
  "RuntimeEvent",
  object<RuntimeEvent>({
    epoch: about("With seq, the cursor to resume after this event.", string()),
    seq: integer(),
    time: time(),
    type: oneOf("container", "image"),
    action: oneOf(
      "create",
      "start",
      "die",
      "oom",
      "pause",
      "resume",
      "update",
      "kill",
      "restart",
      "remove",
      "exec",
      "load",
      "pull",
      "import",
      "tag",
      "untag",
      "delete",
    ),
    id: string(),
    name: optional(string()),
    tags: optional(tags),
    exit: optional(exitStatus),
    details: optional(record(unknown())),
  }),
);

const hostFeature: Schema<HostFeature> = named(
  "HostFeature",
  object<HostFeature>({
    name: string(),
    available: boolean(),
    note: about("What it gives or, where missing, what its lack costs and how to mend it.", string()),
  }),
);

export const hostInfo: Schema<HostInfo> = named(
  "HostInfo",
  object<HostInfo>({
    version: string(),
    kernel: string(),
    architecture: string(),
    cpus: integer(),
    memoryBytes: integer(),
    cgroup: object<HostInfo["cgroup"]>({
      mode: oneOf("unified", "hybrid", "none"),
      path: optional(string()),
      controllers: record(oneOf("v2", "v1", "absent")),
    }),
    features: array(hostFeature),
    root: string(),
    state: string(),
    pid: integer(),
  }),
);
