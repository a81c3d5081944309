import type {
  Attachment,
  AttachOptions,
  Container,
  ContainerInfo,
  ExecOptions,
  ExitStatus,
  Limits,
  LogLine,
  LogOptions,
  RestartPolicy,
  Sample,
} from "../api.js";
import { GranuleError } from "../errors.js";
import { exportTree } from "../image/export-tree.js";
import { validateExecOptions, validateUpdateOptions } from "../spec/options.js";
import { MonitorAttachment } from "./attachment.js";
import { containerInfo, withLimits } from "./container-info.js";
import { exec, notRunning } from "./exec.js";
import { signalNumber } from "./exit.js";
import { launchError } from "./failure.js";
import { containerPaths } from "./folders.js";
import type { Lifecycle, Run } from "./lifecycle.js";
import { readLog } from "./logs.js";
import { MonitorClient, MonitorGone, MonitorRefusal } from "./monitor-client.js";
import { whilePending } from "./while-pending.js";

const defaultStopTimeoutSeconds = 10;

/** A container of this process's runtime. */
export class LocalContainer implements Container {
  readonly #life: Lifecycle;
  #execs = 0;

  constructor(lifecycle: Lifecycle) {
    this.#life = lifecycle;
  }

  get id(): string {
    return this.#life.record.id;
  }

  async inspect(): Promise<ContainerInfo> {
    const { record } = this.#life;
    // What has removed itself still tells how it ended.
    if (!record.options.autoRemove || !record.exit) this.#present();
    return containerInfo(record);
  }

  start(): Promise<void> {
    return this.#life.exclusive(async () => {
      const { record } = this.#present();
      if (record.state === "running") return;
      if (record.state === "paused") throw precondition(`container ${record.name} is paused`, "resume it");
      const run = this.#life.run;
      if (run) await this.#life.startCreated(run);
      else await this.#life.relaunch();
    });
  }

  async kill(signal: string | number = "SIGKILL"): Promise<void> {
    const number = signalNumber(signal);
    this.#running();
    await this.#signal(number);
    this.#life.publish("kill", { details: { signal: number } });
  }

  stop(options: { timeoutSeconds?: number } = {}): Promise<ExitStatus> {
    return this.#life.exclusive(() => this.#stop(options.timeoutSeconds));
  }

  restart(options: { timeoutSeconds?: number } = {}): Promise<void> {
    return this.#life.exclusive(async () => {
      const { record } = this.#present();
      if (record.state === "created" && this.#life.run) return this.#life.startCreated(this.#life.run);
      if (this.#life.run) await this.#stop(options.timeoutSeconds);
      await this.#life.relaunch();
      this.#life.publish("restart");
    });
  }

  pause(): Promise<void> {
    return this.#life.exclusive(async () => {
      const run = this.#running();
      if (this.#life.record.state === "paused") return;
      await run.cgroup.freeze();
      if (this.#life.run === run) this.#life.change("paused", "pause");
    });
  }

  resume(): Promise<void> {
    return this.#life.exclusive(async () => {
      const run = this.#running();
      if (this.#life.record.state !== "paused") return;
      await run.cgroup.thaw();
      if (this.#life.run === run) this.#life.change("running", "resume");
    });
  }

  update(changes: Limits & { restart?: RestartPolicy }): Promise<ContainerInfo> {
    return this.#life.exclusive(async () => {
      const { record, services } = this.#present();
      const { restart, ...limits } = validateUpdateOptions(changes);
      const options = withLimits(record.options, limits, restart, services.cgroups.host);
      this.#life.run?.cgroup.update(limits);
      record.options = options;
      services.store.updateOptions(record);
      if (record.state === "running" || record.state === "paused") services.metering.resize(record);
      this.#life.publish("update");
      return containerInfo(record);
    });
  }

  async exec(given: ExecOptions): Promise<Attachment> {
    const options = validateExecOptions(given);
    const run = this.#running();
    if (this.#life.record.state === "paused")
      throw precondition(`container ${this.#life.record.name} is paused`, "resume it");
    const attachment = await exec(this.#life, run.cgroup, ++this.#execs, options);
    this.#life.publish("exec", { details: { command: options.command } });
    return attachment;
  }

  async attach(options?: AttachOptions): Promise<Attachment> {
    const { record, services } = this.#present();
    if (!this.#life.run) throw notRunning(record.name);
    return this.#monitor(() => MonitorAttachment.open(services.directories.monitorSocket(record.id), options));
  }

  async resize(rows: number, columns: number): Promise<void> {
    const { record, services } = this.#present();
    if (!this.#life.run) throw notRunning(record.name);
    const path = services.directories.monitorSocket(record.id);
    await this.#monitor(() => MonitorClient.once(path, (client) => client.resize(rows, columns)));
  }

  logs(options: LogOptions = {}): AsyncIterable<LogLine> {
    const { record, services } = this.#present();
    const isOver = record.state === "stopped" && !this.#life.run && !this.#life.restarting;
    const ended = isOver ? Promise.resolve() : this.#life.settled;
    return readLog(containerPaths(services.directories.container(record.id)).log, options, ended);
  }

  samples(options: { signal?: AbortSignal } = {}): AsyncIterable<Sample> {
    const { record, services } = this.#present();
    return services.metering.samples({ id: record.id, ...options });
  }

  async wait(options: { signal?: AbortSignal } = {}): Promise<ExitStatus> {
    const { signal } = options;
    if (!signal) return this.#life.settled;
    signal.throwIfAborted();
    const { settled } = this.#life;
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        leave();
        reject(new GranuleError("CANCELLED", "the wait was cancelled", { cause: signal.reason }));
      };
      const done = (): void => signal.removeEventListener("abort", abort);
      const leave = whilePending(
        settled,
        (exit) => {
          done();
          resolve(exit);
        },
        (reason) => {
          done();
          reject(reason);
        },
      );
      signal.addEventListener("abort", abort, { once: true });
    });
  }

  async export(path: string, options: { signal?: AbortSignal } = {}): Promise<void> {
    const { record, services } = this.#present();
    const { upper } = containerPaths(services.directories.container(record.id));
    await exportTree([upper, ...this.#life.image().layers], path, options.signal);
  }

  async remove(options: { force?: boolean } = {}): Promise<void> {
    const { record } = this.#present();
    const isUp = record.state === "running" || record.state === "paused";
    if (isUp && !options.force)
      throw precondition(`container ${record.name} is ${record.state}`, "stop it first, or use force");
    // One that is stopped for good is deleted in this very turn, and what is wanted of it with it.
    if (this.#life.run || this.#life.restarting) this.#life.suspendRestarts();
    // Not behind a stop that waits: force is what ends that one.
    this.#life.run?.cgroup.kill();
    await this.#life.exclusive(async () => {
      const run = this.#life.run;
      run?.cgroup.kill();
      await run?.over.promise;
      this.#life.delete();
    });
  }

  async #stop(timeoutSeconds: number | undefined): Promise<ExitStatus> {
    const { record } = this.#present();
    const run = this.#life.run;
    if (record.state === "created" && run)
      throw precondition(`container ${record.name} was not started`, "remove it, or start it");
    this.#life.suspendRestarts();
    if (!run) return record.exit ?? { oomKilled: false };
    const timeoutMs = 1000 * (timeoutSeconds ?? record.options.stopTimeoutSeconds ?? defaultStopTimeoutSeconds);
    if (record.state === "paused") {
      await run.cgroup.thaw();
      this.#life.change("running", "resume");
    }
    const stopSignal = record.options.stopSignal ?? this.#life.image().config.stopSignal ?? "SIGTERM";
    if (timeoutMs > 0) await this.#signal(signalNumber(stopSignal));
    const killing = setTimeout(() => run.cgroup.kill(), timeoutMs);
    try {
      return await run.over.promise;
    } finally {
      clearTimeout(killing);
    }
  }

  /** A process that ended meanwhile needs no signal any more. */
  async #signal(number: number): Promise<void> {
    const { record, services } = this.#life;
    try {
      await MonitorClient.once(services.directories.monitorSocket(record.id), (client) => client.kill(number));
    } catch (thrown) {
      if (thrown instanceof MonitorGone) return;
      if (thrown instanceof MonitorRefusal && thrown.failure.errno === "ESRCH") return;
      throw thrown instanceof MonitorRefusal ? launchError(thrown.failure, "") : GranuleError.from(thrown);
    }
  }

  async #monitor<T>(request: () => Promise<T>): Promise<T> {
    try {
      return await request();
    } catch (thrown) {
      if (thrown instanceof MonitorGone) throw notRunning(this.#life.record.name);
      if (thrown instanceof MonitorRefusal) {
        const { step, errno } = thrown.failure;
        throw new GranuleError("FAILED_PRECONDITION", `${step}: ${errno}`, { syscall: step, errno });
      }
      throw GranuleError.from(thrown);
    }
  }

  #present(): Lifecycle {
    const { record } = this.#life;
    if (record.state !== "removed") return this.#life;
    throw new GranuleError("NOT_FOUND", `container ${record.name} was removed`);
  }

  #running(): Run {
    const { record, run } = this.#present();
    if (run && (record.state === "running" || record.state === "paused")) return run;
    throw notRunning(record.name);
  }
}

function precondition(message: string, hint: string): GranuleError {
  return new GranuleError("FAILED_PRECONDITION", message, { hint });
}
