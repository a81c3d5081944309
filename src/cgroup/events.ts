import { type FSWatcher, watch } from "node:fs";
import { GranuleError } from "../errors.js";
import { errnoOf, keyedNumber, readControl } from "./files.js";

/** How often the file is read where inotify has no watch left to give. */
const POLL_MS = 10;

/**
 * And where it has: the kernel tells of a change by a work item (kernfs_notify), which tells nobody any more where another
 * process has removed the cgroup meanwhile.
 */
const POLL_WATCHED_MS = 100;

/** Whether a v2 cgroup holds a process, itself or below. One that is gone holds none. */
export function isPopulated(cgroup: string): boolean {
  return keyedNumber(readControl(`${cgroup}/cgroup.events`), "populated") === 1;
}

function watchAndPoll(path: string, check: () => void): () => void {
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(path, check);
  } catch (thrown) {
    const errno = errnoOf(thrown);
    if (errno === "ENOENT") return () => {};
    if (errno !== "ENOSPC" && errno !== "EMFILE") throw thrown;
  }
  watcher?.on("error", check);
  const timer = setInterval(check, watcher ? POLL_WATCHED_MS : POLL_MS);
  return () => {
    clearInterval(timer);
    watcher?.close();
  };
}

/**
 * Waits until a field of cgroup.events has a value; the kernel tells by inotify (admin-guide/cgroup-v2.rst,
 * "cgroup.events"). A cgroup that is gone counts as `0`.
 * @throws GranuleError DEADLINE_EXCEEDED
 */
export function awaitEvent(
  cgroup: string,
  field: "populated" | "frozen",
  value: 0 | 1,
  timeoutMilliseconds: number,
): Promise<void> {
  const path = `${cgroup}/cgroup.events`;
  const reached = () => (keyedNumber(readControl(path), field) ?? 0) === value;
  if (reached()) return Promise.resolve();
  return new Promise((resolve, reject) => {
    let stop = () => {};
    const settle = (act: () => void) => {
      stop();
      clearTimeout(deadline);
      act();
    };
    const check = () => {
      try {
        if (reached()) settle(resolve);
      } catch (thrown) {
        settle(() => reject(thrown));
      }
    };
    const deadline = setTimeout(() => {
      const message = `${field} did not become ${value} within ${timeoutMilliseconds} ms`;
      settle(() => reject(new GranuleError("DEADLINE_EXCEEDED", message, { path, retryable: true })));
    }, timeoutMilliseconds);
    try {
      stop = watchAndPoll(path, check);
    } catch (thrown) {
      clearTimeout(deadline);
      reject(GranuleError.from(thrown));
      return;
    }
    // The change may have come between the first look and the watch.
    check();
  });
}
