import type { ExitStatus, ImageCheck, ImageInfo, LoadProgress, RuntimeEvent, Sample } from "../api.js";
import { type Cursor, cursor } from "./params.js";
import * as results from "./results.js";
import { about, array, integer, named, object, optional, type Schema, string } from "./schema.js";

/** What responses open, and the items that follow on it. */

/** Streams of an exec or attach. `attachment` is the subscription that delivers the exit, and the handle for resize. */
export interface AttachmentStreams {
  attachment: number;
  stdin?: number;
  stdout: number;
  stderr: number;
}

export const attachmentStreams: Schema<AttachmentStreams> = named(
  "AttachmentStreams",
  object<AttachmentStreams>({
    attachment: about("Subscription whose one item is the exit; its reset detaches; the handle for resize.", integer()),
    stdin: optional(about("Stream that takes bytes; an end is end of file.", integer())),
    stdout: about("Stream of bytes.", integer()),
    stderr: about("Stream of bytes.", integer()),
  }),
);

/** A subscription that the response opened. */
export interface Opened {
  subscription: number;
}

export const opened: Schema<Opened> = named("Opened", object<Opened>({ subscription: integer() }));

/** A subscription that can be resumed. */
export interface Subscribed extends Opened {
  cursor?: Cursor;
}

export const subscribed: Schema<Subscribed> = named(
  "Subscribed",
  object<Subscribed>({
    subscription: integer(),
    cursor: optional(about("Where it begins, to resume from when no item came.", cursor)),
  }),
);

export const openedLogs: Schema<{ logs: number }> = named(
  "OpenedLogs",
  object<{ logs: number }>({
    logs: about("Stream of bytes: one line an entry, `<time> <stdout|stderr> <F|P> <bytes>`.", integer()),
  }),
);

/** The last item of an attachment. */
export interface ExitItem {
  seq: number;
  exit: ExitStatus;
}

export const exitItem: Schema<ExitItem> = named(
  "ExitItem",
  object<ExitItem>({ seq: integer(1), exit: results.exitStatus }),
);

/** Samples that were read in one go. `epoch` and `seq` are the cursor; a hole in `seq` is what was lost or held none. */
export interface SamplesItem {
  epoch: string;
  seq: number;
  samples: Sample[];
}

export const samplesItem: Schema<SamplesItem> = named(
  "SamplesItem",
  object<SamplesItem>({
    epoch: about("With seq, the cursor to resume after this item.", string()),
    seq: about("Number of the reading; a slow reader loses the oldest, which shows as a hole.", integer(1)),
    samples: array(results.sample),
  }),
);

/** Progress of a load, pull or check, and as the last item its result. */
export interface LoadItem {
  seq: number;
  progress?: LoadProgress;
  images?: ImageInfo[];
  checks?: ImageCheck[];
}

export const loadItem: Schema<LoadItem> = named(
  "LoadItem",
  object<LoadItem>({
    seq: integer(1),
    progress: optional(results.loadProgress),
    images: optional(array(results.imageInfo)),
    checks: optional(array(results.imageCheck)),
  }),
);

/** An event as it travels; the cursor is its own epoch and seq. */
export type EventItem = RuntimeEvent;

export interface Created {
  id: string;
}

export const created: Schema<Created> = named("Created", object<Created>({ id: string() }));

export type Loaded = { images: ImageInfo[] } | Opened;

export const imagesLoaded: Schema<{ images: ImageInfo[] }> = named(
  "Loaded",
  object<{ images: ImageInfo[] }>({ images: array(results.imageInfo) }),
);

export const imagesChecked: Schema<{ checks: ImageCheck[] }> = named(
  "Checked",
  object<{ checks: ImageCheck[] }>({ checks: array(results.imageCheck) }),
);
