import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, watch } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CreateOptions } from "../../src/api.js";
import type { ContainerCgroup } from "../../src/cgroup/container.js";
import { CgroupTree } from "../../src/cgroup/tree.js";
import { monitorPath, native, type SpawnReport } from "../../src/native.js";
import { buildContainerSpec, type ResolvedUser } from "../../src/spec/container-spec.js";
import { encodeLaunchPlan } from "../../src/spec/plan.js";

process.env["GRANULE_CGROUP"] = `granule-test-${process.pid}`;

export interface LaunchOptions extends Partial<CreateOptions> {
  layers?: string[];
  startNow?: boolean;
  user_?: ResolvedUser;
  /** Volumes of the image. */
  volumes?: string[];
  /** A compiled system call filter. */
  filter?: Uint8Array;
  log?: { maxBytes: number; maxFiles: number } | false;
  /** Hear of the end by the report. */
  wantsEnd?: boolean;
}

/** One container straight through plan and monitor, with busybox as its image and no runtime above it. */
export interface Launched {
  report: SpawnReport;
  folder: string;
  socketPath: string;
  logPath: string;
  cgroup: ContainerCgroup;
  /** The exit record, once it is there. */
  exit(): Promise<Record<string, string>>;
  /** What the process wrote, joined from the log's entries. */
  output(stream?: "stdout" | "stderr"): string;
}

export class LaunchBench {
  readonly folder = mkdtempSync(join(tmpdir(), "granule-launch-"));
  readonly tree = new CgroupTree();
  readonly #cgroups: ContainerCgroup[] = [];
  #count = 0;

  constructor() {
    this.tree.prepare();
  }

  /** A root file system folder with busybox and these applets. */
  layer(
    name: string,
    applets: string[] = ["sh", "cat", "echo", "id", "ls", "sleep", "true", "mknod", "head", "stty"],
  ): string {
    const layer = join(this.folder, name);
    mkdirSync(join(layer, "bin"), { recursive: true });
    copyFileSync("/bin/busybox", join(layer, "bin/busybox"));
    for (const applet of applets) symlinkSync("busybox", join(layer, "bin", applet));
    return layer;
  }

  async launch(command: string[], options: LaunchOptions = {}): Promise<Launched> {
    const { layers, startNow = true, user_, volumes = [], filter, log, wantsEnd, ...createOptions } = options;
    const id = `c${this.#count++}`;
    const folder = join(this.folder, id);
    for (const name of ["upper", "work"]) mkdirSync(join(folder, name), { recursive: true });
    const spec = buildContainerSpec({
      id,
      options: { image: "test", ...createOptions },
      image: { entrypoint: [], cmd: command, env: [], workingDir: "", user: "", volumes, labels: {} },
      user: user_ ?? { uid: 0, gid: 0, additionalGids: [], home: "/root" },
    });
    const cgroup = this.tree.create(id, {});
    this.#cgroups.push(cgroup);
    const socketPath = join(folder, "monitor.sock");
    const logPath = join(folder, "log");
    const exitRecordPath = join(folder, "exit");
    const plan = encodeLaunchPlan(spec, {
      root: {
        kind: "overlay",
        upper: join(folder, "upper"),
        work: join(folder, "work"),
        layers: layers ?? [this.base()],
      },
      deviceFilter: true,
      socketPath,
      ...(log === false ? {} : { log: { path: logPath, ...(log ?? { maxBytes: 0, maxFiles: 0 }) } }),
      exitRecordPath,
      cgroups: { unified: cgroup.unified, joins: cgroup.joins, monitors: this.tree.monitors },
      stdin: createOptions.stdin ?? false,
      startNow,
      ...(filter === undefined ? {} : { seccomp: filter }),
    });
    const report = await native().spawnMonitor(monitorPath, plan, wantsEnd);
    const output = (stream = "stdout"): string => {
      const entries = readFileSync(logPath, "latin1").split("\n").slice(0, -1);
      const mine = entries.filter((entry) => entry.slice(31, 37) === stream);
      return mine.map((entry) => entry.slice(40) + (entry[38] === "F" ? "\n" : "")).join("");
    };
    return { report, folder, socketPath, logPath, cgroup, exit: () => exitRecord(folder), output };
  }

  #base: string | undefined;

  base(): string {
    this.#base ??= this.layer("base");
    return this.#base;
  }

  async close(): Promise<void> {
    for (const cgroup of this.#cgroups) {
      if (!existsSync(cgroup.unified)) continue;
      cgroup.kill();
      await cgroup.waitEmpty();
      await cgroup.remove();
    }
    this.tree.removeIfEmpty();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function exitRecord(folder: string): Promise<Record<string, string>> {
  const path = join(folder, "exit");
  if (!existsSync(path)) {
    await new Promise<void>((resolve) => {
      const watcher = watch(folder, () => {
        if (!existsSync(path)) return;
        watcher.close();
        resolve();
      });
      if (existsSync(path)) {
        watcher.close();
        resolve();
      }
    });
  }
  const lines = readFileSync(path, "utf8").trim().split("\n");
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)]));
}
