import type {
  ContainerInfo,
  ExitStatus,
  HostInfo,
  ImageInfo,
  LoadProgress,
  RuntimeEvent,
  Sample,
  UsageRecord,
} from "../api.js";
import { params } from "./params.js";
import type { Role } from "./roles.js";
import type { Infer, Schema } from "./schema.js";

export type { Frame, Hello, RequestOptions } from "./frames.js";
export { FrameType } from "./frames.js";
export type { ChannelLimits } from "./limits.js";
export { DEFAULT_LIMITS } from "./limits.js";
export type { Role } from "./roles.js";
export type { WireError } from "./wire-error.js";

/** WebSocket subprotocols, the preferred one first. */
export const SUBPROTOCOLS = ["granule.v1.cbor", "granule.v1.json"] as const;
export type Subprotocol = (typeof SUBPROTOCOLS)[number];

/**
 * `unary`: one response. `stream`: the response names streams of bytes. `subscription`: the response names a
 * subscription, whose items follow.
 */
export type MethodKind = "unary" | "stream" | "subscription";

export interface Method<P, R> {
  kind: MethodKind;
  /** Least role that may call it. */
  role: Role;
  params: Schema<P>;
  /** Carries the type of the result only. */
  readonly result?: R;
}

/** Streams of an exec or attach. `attachment` is the subscription that delivers the exit, and the handle for resize. */
export interface AttachmentStreams {
  attachment: number;
  stdin?: number;
  stdout: number;
  stderr: number;
}

/** A subscription that the response opened. */
export interface Opened {
  subscription: number;
}

/** The last item of an attachment. */
export interface ExitItem {
  seq: number;
  exit: ExitStatus;
}

/** Samples that were read in one go; a hole in `seq` tells how many items a slow subscriber lost. */
export interface SamplesItem {
  seq: number;
  samples: Sample[];
}

/** Progress of a load, and as the last item its images. */
export interface LoadItem {
  seq: number;
  progress?: LoadProgress;
  images?: ImageInfo[];
}

/** An event as it travels; the cursor is its own epoch and seq. */
export type EventItem = RuntimeEvent;

function unary<P, R>(role: Role, schema: Schema<P>): Method<P, R> {
  return { kind: "unary", role, params: schema };
}

function stream<P, R>(role: Role, schema: Schema<P>): Method<P, R> {
  return { kind: "stream", role, params: schema };
}

function subscription<P, R>(role: Role, schema: Schema<P>): Method<P, R> {
  return { kind: "subscription", role, params: schema };
}

type P<K extends keyof typeof params> = Infer<(typeof params)[K]>;
type Created = { id: string };
type Loaded = { images: ImageInfo[] } | Opened;

/** Every method: its kind, the least role, its params and result. Server, clients and documents all come from it. */
export const METHODS = {
  "runtime.info": unary<P<"none">, HostInfo>("reader", params.none),
  "images.list": unary<P<"none">, ImageInfo[]>("reader", params.none),
  "images.inspect": unary<P<"target">, ImageInfo>("reader", params.target),
  "images.load": unary<P<"load">, Loaded>("admin", params.load),
  "images.import": unary<P<"import">, Loaded>("admin", params.import),
  "images.remove": unary<P<"forcedTarget">, null>("admin", params.forcedTarget),
  "containers.create": unary<P<"create">, Created>("operator", params.create),
  "containers.run": unary<P<"create">, Created>("operator", params.create),
  "containers.start": unary<P<"target">, null>("operator", params.target),
  "containers.inspect": unary<P<"target">, ContainerInfo>("reader", params.target),
  "containers.list": unary<P<"list">, ContainerInfo[]>("reader", params.list),
  "containers.wait": unary<P<"target">, ExitStatus>("reader", params.target),
  "containers.kill": unary<P<"kill">, null>("operator", params.kill),
  "containers.stop": unary<P<"timedTarget">, ExitStatus>("operator", params.timedTarget),
  "containers.restart": unary<P<"timedTarget">, null>("operator", params.timedTarget),
  "containers.pause": unary<P<"target">, null>("operator", params.target),
  "containers.resume": unary<P<"target">, null>("operator", params.target),
  "containers.update": unary<P<"update">, ContainerInfo>("operator", params.update),
  "containers.remove": unary<P<"forcedTarget">, null>("operator", params.forcedTarget),
  "containers.prune": unary<P<"none">, string[]>("operator", params.none),
  "containers.resize": unary<P<"resize">, null>("operator", params.resize),
  "containers.exec": stream<P<"exec">, AttachmentStreams>("operator", params.exec),
  "containers.attach": stream<P<"attach">, AttachmentStreams>("operator", params.attach),
  "containers.logs": stream<P<"logs">, { logs: number }>("reader", params.logs),
  "events.subscribe": subscription<P<"events">, Opened>("reader", params.events),
  "samples.subscribe": subscription<P<"samples">, Opened>("reader", params.samples),
  "usage.query": unary<P<"usage">, UsageRecord[]>("reader", params.usage),
} as const;

export type MethodName = keyof typeof METHODS;
export type Params<M extends MethodName> = Infer<(typeof METHODS)[M]["params"]>;
export type Result<M extends MethodName> = Exclude<(typeof METHODS)[M]["result"], undefined>;

/** Whether a method of that name exists. */
export function isMethodName(name: string): name is MethodName {
  return Object.hasOwn(METHODS, name);
}
