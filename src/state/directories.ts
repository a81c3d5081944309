import { chmodSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { GranuleError } from "../errors.js";

/** Bytes of sun_path in unix(7), less the closing NUL. */
const socketPathBytes = 107;

/** Longest socket name below the state directory: 32 of the id, 8 of an exec's number, `.sock`. */
const longestSocketName = 32 + 1 + 8 + ".sock".length;

export interface DirectoryOptions {
  /** What must last: images, container folders, the database. */
  root?: string;
  /** What ends with the boot: sockets and the lock. */
  state?: string;
}

/** Where everything of one runtime lies. All folders are 0700. */
export class Directories {
  readonly root: string;
  readonly state: string;

  /**
   * Given options win over GRANULE_ROOT and GRANULE_STATE, and those over /var/lib/granule and /run/granule. Where
   * only the root is given, the state is `run` in it.
   */
  constructor(options: DirectoryOptions = {}, environment: NodeJS.ProcessEnv = process.env) {
    const root = options.root ?? (environment["GRANULE_ROOT"] || undefined);
    const state = options.state ?? (options.root === undefined ? environment["GRANULE_STATE"] || undefined : undefined);
    this.root = resolve(root ?? "/var/lib/granule");
    this.state = resolve(state ?? (root === undefined ? "/run/granule" : join(root, "run")));
    const longest = Buffer.byteLength(join(this.state, "x".repeat(longestSocketName)));
    if (longest > socketPathBytes) {
      throw new GranuleError(
        "INVALID_ARGUMENT",
        `the state directory's path is ${longest - socketPathBytes} bytes too long`,
        {
          path: this.state,
          hint: "unix socket paths hold 107 bytes: give a shorter state directory",
        },
      );
    }
  }

  get database(): string {
    return join(this.root, "granule.db");
  }

  /** What containers had and used: a database of its own, so that damage to one costs nothing of the other. */
  get ledger(): string {
    return join(this.root, "usage.db");
  }

  get containers(): string {
    return join(this.root, "containers");
  }

  /** What can be made anew at any time. */
  get cache(): string {
    return join(this.root, "cache");
  }

  /** Folders on their way out; emptied in the background, and at the next open. */
  get trash(): string {
    return join(this.root, "trash");
  }

  container(id: string): string {
    return `${this.root}/containers/${id}`;
  }

  monitorSocket(id: string): string {
    return `${this.state}/${id}.sock`;
  }

  execSocket(id: string, number: number): string {
    return `${this.state}/${id}.${number}.sock`;
  }

  /** The control socket of `granule serve`. */
  get controlSocket(): string {
    return join(this.state, "granule.sock");
  }

  create(): void {
    for (const folder of [this.root, this.state, this.containers, this.trash]) {
      try {
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        chmodSync(folder, 0o700);
      } catch (thrown) {
        const cause = GranuleError.from(thrown, "UNAVAILABLE");
        const refused = cause.errno === "EACCES" || cause.errno === "EPERM";
        throw new GranuleError(
          refused ? "PERMISSION_DENIED" : "UNAVAILABLE",
          `cannot make ${folder}: ${cause.message}`,
          {
            ...(cause.errno === undefined ? {} : { errno: cause.errno }),
            path: folder,
            hint: refused
              ? "run as root, or set GRANULE_ROOT to a folder you may write"
              : "check the file system it lies on",
            cause: thrown,
          },
        );
      }
    }
  }
}
