import type { ErrorCode } from "../errors.js";
import * as items from "./items.js";
import { params } from "./params.js";
import * as results from "./results.js";
import type { Role } from "./roles.js";
import { array, either, type Infer, nothing, type Schema, string } from "./schema.js";
import * as usage from "./usage-schemas.js";

/**
 * `unary`: one response. `stream`: the response names streams of bytes. `subscription`: the response names a
 * subscription, whose items follow.
 */
export type MethodKind = "unary" | "stream" | "subscription";

/**
 * How far a method reaches. `scoped`: containers, their events, samples and usage, which the runtime of a principal with
 * a selector keeps to it. `shared`: what all callers of a host have in common; the role alone decides. `host`: files of
 * the host, or what serves every caller; never for a principal with a selector.
 */
export type Reach = "scoped" | "shared" | "host";

export interface Method<P, R, I = never> {
  summary: string;
  kind: MethodKind;
  /** Least role that may call it. */
  role: Role;
  /** How far it reaches: see Reach. */
  reach: Reach;
  /** Changes state: takes an idempotency key, and is told to the audit. */
  changes: boolean;
  params: Schema<P>;
  result: Schema<R>;
  /** Items of the subscription that the result may name. */
  items?: Schema<I>;
  /** Errors beside COMMON_ERRORS. */
  errors: readonly ErrorCode[];
}

/** Errors that any method may end with. */
export const COMMON_ERRORS = [
  "INVALID_ARGUMENT",
  "UNSUPPORTED",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "UNAVAILABLE",
  "CANCELLED",
  "DEADLINE_EXCEEDED",
  "INTERNAL",
] as const satisfies readonly ErrorCode[];

const LOOK = { kind: "unary", role: "reader", changes: false } as const;
const OPERATE = { kind: "unary", role: "operator", changes: true } as const;
const ADMINISTER = { kind: "unary", role: "admin", changes: true } as const;
const LAUNCH_ERRORS = [
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "FAILED_PRECONDITION",
  "COMMAND_NOT_FOUND",
  "COMMAND_NOT_EXECUTABLE",
  "CORRUPT",
] as const;
const TARGET_ERRORS = ["NOT_FOUND", "FAILED_PRECONDITION"] as const;

function method<P, R, I = never>(definition: Method<P, R, I>): Method<P, R, I> {
  return definition;
}

/** Every method: what it does, the least role, its params, result, items and errors. All else comes from here. */
export const METHODS = {
  "channel.ping": method({
    ...LOOK,
    reach: "shared",
    summary: "Answers, and so shows that the other end lives.",
    params: params.none,
    result: nothing(),
    errors: [],
  }),
  "runtime.info": method({
    ...LOOK,
    reach: "shared",
    summary: "Version, host and what it can enforce.",
    params: params.none,
    result: results.hostInfo,
    errors: [],
  }),
  "runtime.warm": method({
    ...OPERATE,
    reach: "host",
    summary: "Keeps warm slots for containers of one shape, of which `containers.run` takes one.",
    params: params.warm,
    result: nothing(),
    errors: ["INVALID_ARGUMENT", "UNSUPPORTED", "NOT_FOUND"],
  }),
  "images.list": method({
    ...LOOK,
    reach: "shared",
    summary: "Every image.",
    params: params.none,
    result: array(results.imageInfo),
    errors: [],
  }),
  "images.inspect": method({
    ...LOOK,
    reach: "shared",
    summary: "One image.",
    params: params.target,
    result: results.imageInfo,
    errors: ["NOT_FOUND"],
  }),
  "images.load": method({
    ...ADMINISTER,
    reach: "host",
    summary: "Loads an OCI layout or a `docker save` archive, by path on the server's host.",
    params: params.load,
    result: either(items.imagesLoaded, items.opened),
    items: items.loadItem,
    errors: ["NOT_FOUND", "CORRUPT", "ALREADY_EXISTS"],
  }),
  "images.import": method({
    ...ADMINISTER,
    reach: "host",
    summary: "Makes an image of one layer of a root file system tar, by path on the server's host.",
    params: params.import,
    result: either(items.imagesLoaded, items.opened),
    items: items.loadItem,
    errors: ["NOT_FOUND", "CORRUPT", "ALREADY_EXISTS"],
  }),
  "images.pull": method({
    ...OPERATE,
    reach: "host",
    summary: "Fetches an image from its registry; what is there already is not fetched again.",
    params: params.pull,
    result: either(items.imagesLoaded, items.opened),
    items: items.loadItem,
    errors: ["NOT_FOUND", "UNAUTHENTICATED", "FAILED_PRECONDITION", "CORRUPT"],
  }),
  "images.save": method({
    ...ADMINISTER,
    reach: "host",
    summary: "Writes images to an archive, by path on the server's host.",
    params: params.save,
    result: nothing(),
    errors: ["NOT_FOUND", "FAILED_PRECONDITION", "CORRUPT"],
  }),
  "images.tag": method({
    ...ADMINISTER,
    reach: "host",
    summary: "Gives an image a further name.",
    params: params.tag,
    result: results.imageInfo,
    errors: ["NOT_FOUND"],
  }),
  "images.prune": method({
    ...ADMINISTER,
    reach: "host",
    summary: "Removes images without a name, or with `all` any, that no container uses.",
    params: params.pruneImages,
    result: results.imagePruneResult,
    errors: [],
  }),
  "images.verify": method({
    ...LOOK,
    role: "operator",
    reach: "host",
    summary: "Checks an image, or every one, against its digests.",
    params: params.verify,
    result: either(items.imagesChecked, items.opened),
    items: items.loadItem,
    errors: ["NOT_FOUND", "CORRUPT"],
  }),
  "images.remove": method({
    ...ADMINISTER,
    reach: "host",
    summary: "Removes a name, and the image with its last one.",
    params: params.forcedTarget,
    result: nothing(),
    errors: TARGET_ERRORS,
  }),
  "containers.create": method({
    ...OPERATE,
    reach: "scoped",
    summary: "Makes a container, to be started later.",
    params: params.create,
    result: items.created,
    errors: LAUNCH_ERRORS,
  }),
  "containers.run": method({
    ...OPERATE,
    reach: "scoped",
    summary: "Makes a container and starts it: the fastest way to a running one.",
    params: params.create,
    result: items.created,
    errors: LAUNCH_ERRORS,
  }),
  "containers.start": method({
    ...OPERATE,
    reach: "scoped",
    summary: "Starts a created or stopped container.",
    params: params.target,
    result: nothing(),
    errors: LAUNCH_ERRORS,
  }),
  "containers.inspect": method({
    ...LOOK,
    reach: "scoped",
    summary: "All there is to know of a container.",
    params: params.target,
    result: results.containerInfo,
    errors: ["NOT_FOUND"],
  }),
  "containers.list": method({
    ...LOOK,
    reach: "scoped",
    summary: "Running containers, or all; those with all of the tags.",
    params: params.list,
    result: array(results.containerInfo),
    errors: [],
  }),
  "containers.wait": method({
    ...LOOK,
    reach: "scoped",
    summary: "Answers when the container has stopped for good.",
    params: params.target,
    result: results.exitStatus,
    errors: ["NOT_FOUND"],
  }),
  "containers.kill": method({
    ...OPERATE,
    reach: "scoped",
    summary: "Sends a signal to the first process; SIGKILL unless told.",
    params: params.kill,
    result: nothing(),
    errors: TARGET_ERRORS,
  }),
  "containers.stop": method({
    ...OPERATE,
    reach: "scoped",
    summary: "The stop signal, and SIGKILL after the time-out.",
    params: params.timedTarget,
    result: results.exitStatus,
    errors: TARGET_ERRORS,
  }),
  "containers.restart": method({
    ...OPERATE,
    reach: "scoped",
    summary: "Stops a container and starts it again.",
    params: params.timedTarget,
    result: nothing(),
    errors: LAUNCH_ERRORS,
  }),
  "containers.pause": method({
    ...OPERATE,
    reach: "scoped",
    summary: "Freezes every process.",
    params: params.target,
    result: nothing(),
    errors: TARGET_ERRORS,
  }),
  "containers.resume": method({
    ...OPERATE,
    reach: "scoped",
    summary: "Lets a paused container go on.",
    params: params.target,
    result: nothing(),
    errors: TARGET_ERRORS,
  }),
  "containers.update": method({
    ...OPERATE,
    reach: "scoped",
    summary: "Changes limits or the restart policy in place.",
    params: params.update,
    result: results.containerInfo,
    errors: TARGET_ERRORS,
  }),
  "containers.export": method({
    ...ADMINISTER,
    reach: "host",
    summary: "Writes a container's root file system to a tar, by path on the server's host.",
    params: params.export,
    result: nothing(),
    errors: ["NOT_FOUND", "FAILED_PRECONDITION", "CORRUPT"],
  }),
  "containers.remove": method({
    ...OPERATE,
    reach: "scoped",
    summary: "Removes a stopped container; a running one by force.",
    params: params.forcedTarget,
    result: nothing(),
    errors: TARGET_ERRORS,
  }),
  "containers.prune": method({
    ...OPERATE,
    reach: "scoped",
    summary: "Removes every stopped container; the ids that went.",
    params: params.none,
    result: array(string()),
    errors: [],
  }),
  "containers.resize": method({
    ...OPERATE,
    reach: "scoped",
    summary: "Sets the size of a container's terminal, or of an exec's.",
    params: params.resize,
    result: nothing(),
    errors: TARGET_ERRORS,
  }),
  "containers.exec": method({
    ...OPERATE,
    reach: "scoped",
    kind: "stream",
    summary: "Runs another process in a running container.",
    params: params.exec,
    result: items.attachmentStreams,
    items: items.exitItem,
    errors: ["NOT_FOUND", "FAILED_PRECONDITION", "COMMAND_NOT_FOUND", "COMMAND_NOT_EXECUTABLE"],
  }),
  "containers.attach": method({
    ...OPERATE,
    reach: "scoped",
    kind: "stream",
    changes: false,
    summary: "Joins the first process's input and output.",
    params: params.attach,
    result: items.attachmentStreams,
    items: items.exitItem,
    errors: TARGET_ERRORS,
  }),
  "containers.logs": method({
    ...LOOK,
    reach: "scoped",
    kind: "stream",
    summary: "The output so far, and as it comes.",
    params: params.logs,
    result: items.openedLogs,
    errors: ["NOT_FOUND"],
  }),
  "events.subscribe": method({
    ...LOOK,
    reach: "scoped",
    kind: "subscription",
    summary: "Events from now on, or behind a cursor; never with a gap.",
    params: params.events,
    result: items.subscribed,
    items: results.runtimeEvent,
    errors: ["CURSOR_EXPIRED"],
  }),
  "samples.subscribe": method({
    ...LOOK,
    reach: "scoped",
    kind: "subscription",
    summary: "Samples each second on the second, from now on or behind a cursor.",
    params: params.samples,
    result: items.subscribed,
    items: items.samplesItem,
    errors: ["NOT_FOUND", "CURSOR_EXPIRED"],
  }),
  "usage.query": method({
    ...LOOK,
    reach: "scoped",
    summary: "What containers had and used: what a bill is made of.",
    params: usage.usageFilter,
    result: array(usage.usageRecord),
    errors: [],
  }),
  "usage.summarize": method({
    ...LOOK,
    reach: "scoped",
    summary: "Sums of usage records by image, name, id or tags.",
    params: usage.usageSummary,
    result: array(usage.usageGroup),
    errors: [],
  }),
  "usage.curves": method({
    ...LOOK,
    reach: "scoped",
    summary: "Use over time: by the second for the last 15 minutes, else by the minute.",
    params: usage.usageFilter,
    result: array(usage.usageCurve),
    errors: [],
  }),
  "usage.verify": method({
    ...LOOK,
    reach: "host",
    summary: "Goes through the ledger's hash chain.",
    params: usage.usageVerify,
    result: usage.usageVerification,
    errors: [],
  }),
  "usage.prices": method({
    ...LOOK,
    reach: "shared",
    summary: "Every price sheet, the latest last.",
    params: params.none,
    result: array(usage.priceSheet),
    errors: [],
  }),
  "usage.setPrices": method({
    ...ADMINISTER,
    reach: "host",
    summary: "Adds a price sheet, valid from now on or later.",
    params: usage.priceSheet,
    result: usage.priceSheet,
    errors: [],
  }),
  "usage.budgets": method({
    ...LOOK,
    reach: "scoped",
    summary: "The budgets of tags, with what is used of them.",
    params: params.none,
    result: array(usage.tagBudget),
    errors: [],
  }),
  "usage.setBudget": method({
    ...ADMINISTER,
    reach: "host",
    summary: "Sets, changes or, without a limit, removes the budget of a tag.",
    params: usage.tagBudget,
    result: array(usage.tagBudget),
    errors: ["FAILED_PRECONDITION"],
  }),
  "usage.setRetention": method({
    ...ADMINISTER,
    reach: "host",
    summary: "How long the ledger keeps what.",
    params: usage.partialRetention,
    result: usage.usageRetention,
    errors: [],
  }),
  "usage.status": method({
    ...LOOK,
    reach: "host",
    summary: "How the meter itself is doing.",
    params: params.none,
    result: usage.meterStatus,
    errors: [],
  }),
  "usage.metrics": method({
    ...LOOK,
    reach: "host",
    summary: "Prometheus text exposition format.",
    params: params.none,
    result: string(1_000_000),
    errors: [],
  }),
  "tokens.create": method({
    ...ADMINISTER,
    reach: "host",
    // An outcome that is remembered by its key is written down, and a token is not.
    changes: false,
    summary: "Makes a token, and tells it this once.",
    params: params.token,
    result: results.createdToken,
    errors: ["ALREADY_EXISTS"],
  }),
  "tokens.list": method({
    ...ADMINISTER,
    reach: "host",
    changes: false,
    summary: "Every token, without what it takes to use it.",
    params: params.none,
    result: array(results.tokenInfo),
    errors: [],
  }),
  "tokens.revoke": method({
    ...ADMINISTER,
    reach: "host",
    summary: "Refuses a token from now on, and ends the connections that were opened with it.",
    params: params.target,
    result: results.tokenInfo,
    errors: ["NOT_FOUND"],
  }),
} as const;

export type MethodName = keyof typeof METHODS;
export type Params<M extends MethodName> = Infer<(typeof METHODS)[M]["params"]>;
export type Result<M extends MethodName> = Infer<(typeof METHODS)[M]["result"]>;
/** Items of the subscription that a method opens. */
export type Item<M extends MethodName> = Infer<NonNullable<(typeof METHODS)[M]["items"]>>;

/** Whether a method of that name exists. */
export function isMethodName(name: string): name is MethodName {
  return Object.hasOwn(METHODS, name);
}
