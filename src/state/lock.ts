import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GranuleError } from "../errors.js";
import { native } from "../native.js";

export interface Owner {
  pid: number;
  socket: string;
}

/** How long the lock of an owner that is gone may be held on. */
const lingerMilliseconds = 1000;
const pollMilliseconds = 5;

/** One owner of a directory at a time: flock(2) on a descriptor that no child inherits. */
export class OwnerLock implements Disposable {
  readonly #descriptors: number[];

  private constructor(descriptors: number[]) {
    this.#descriptors = descriptors;
  }

  /**
   * Locks every directory, or none.
   *
   * @throws GranuleError FAILED_PRECONDITION naming the owner's pid and socket.
   */
  static acquire(directories: Iterable<string>, owner: Owner): OwnerLock {
    const lock = new OwnerLock([]);
    try {
      for (const directory of new Set(directories)) lock.#take(join(directory, "owner.lock"), owner);
    } catch (thrown) {
      lock[Symbol.dispose]();
      throw thrown;
    }
    return lock;
  }

  #take(path: string, owner: Owner): void {
    let descriptor = native().lockFile(path);
    // A monitor that a killed owner was about to start holds the descriptor until its exec closes it.
    const deadline = performance.now() + lingerMilliseconds;
    while (descriptor < 0 && ownerIsGone(path) && performance.now() < deadline) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pollMilliseconds);
      descriptor = native().lockFile(path);
    }
    if (descriptor < 0) throw refusal(path);
    this.#descriptors.push(descriptor);
    writeFileSync(path, `${owner.pid}\n${owner.socket}\n`, { mode: 0o600 });
  }

  [Symbol.dispose](): void {
    for (const descriptor of this.#descriptors.splice(0)) native().unlockFile(descriptor);
  }
}

function refusal(path: string): GranuleError {
  const owner = readOwner(path);
  const who = owner ? `process ${owner.pid}` : "another process";
  return new GranuleError("FAILED_PRECONDITION", `${who} owns this state directory`, {
    path,
    hint: owner ? `speak to it on ${owner.socket}, or end it first` : "end it first, or use another state directory",
    ...(owner ? { details: { pid: owner.pid, socket: owner.socket } } : {}),
  });
}

/** Whether the process that a lock file names has ended, reaped or not (proc_pid_stat(5), field 3). */
function ownerIsGone(path: string): boolean {
  const owner = readOwner(path);
  if (owner === undefined) return false;
  try {
    const stat = readFileSync(`/proc/${owner.pid}/stat`, "latin1");
    return "ZX".includes(stat.charAt(stat.lastIndexOf(")") + 2));
  } catch (thrown) {
    return ["ENOENT", "ESRCH"].includes((thrown as NodeJS.ErrnoException).code ?? "");
  }
}

/** Whom a lock file names; undefined where it holds no whole entry. */
export function readOwner(path: string): Owner | undefined {
  const [pid, socket] = readFileSync(path, "utf8").split("\n");
  const number = Number(pid);
  return Number.isSafeInteger(number) && number > 0 && socket ? { pid: number, socket } : undefined;
}
