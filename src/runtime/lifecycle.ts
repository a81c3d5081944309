import { rmSync } from "node:fs";
import type { ExitStatus, RuntimeEvent } from "../api.js";
import type { ContainerCgroup } from "../cgroup/container.js";
import { GranuleError } from "../errors.js";
import { type Moment, now } from "../meter/moment.js";
import type { NativeEnd } from "../native.js";
import type { ContainerSpec } from "../spec/container-spec.js";
import type { ContainerRecord } from "../state/container-store.js";
import { limitsOf } from "./container-info.js";
import { Deferred } from "./deferred.js";
import { exitStatus, isoTime } from "./exit.js";
import { failureExitCode, launchError } from "./failure.js";
import { containerPaths, makeFolders } from "./folders.js";
import { containerSpec, launch } from "./launch.js";
import { MonitorClient, MonitorGone, MonitorRefusal } from "./monitor-client.js";
import { MonitorWatch, type ProcessEnd } from "./monitor-watch.js";
import { RestartBackoff } from "./restart.js";
import type { LaunchImage, Services } from "./services.js";
import type { Spare } from "./spare.js";

/** One process of a container, from its spawn until nothing is left of it. */
export interface Run {
  readonly cgroup: ContainerCgroup;
  readonly watch: MonitorWatch;
  readonly over: Deferred<ExitStatus>;
  /** Held while a start request is under way, so that the end is told after the start. */
  starting: Promise<unknown>;
}

/** The life of one container: launches, ends, restarts and its removal, each written down as it happens. */
export class Lifecycle {
  readonly record: ContainerRecord;
  readonly services: Services;
  readonly #onRemoved: () => void;
  readonly #backoff = new RestartBackoff();
  #run: Run | undefined;
  #settled = new Deferred<ExitStatus>();
  #spec: ContainerSpec | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #restartTimer: NodeJS.Timeout | undefined;
  #isRestarting = false;
  #detached = false;
  /** The last monitor has told that it removed its socket. */
  #socketGone = false;

  constructor(record: ContainerRecord, services: Services, onRemoved: () => void) {
    this.record = record;
    this.services = services;
    this.#onRemoved = onRemoved;
  }

  get run(): Run | undefined {
    return this.#run;
  }

  /** Settles when the container has stopped and no restart is to come. */
  get settled(): Promise<ExitStatus> {
    return this.#settled.promise;
  }

  /** One change at a time: acts run in the order of their calls. */
  exclusive<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(act);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  spec(image?: LaunchImage): ContainerSpec {
    this.#spec ??= containerSpec(this.record, image ?? this.image());
    return this.#spec;
  }

  image(): LaunchImage {
    return this.services.resolveImage(this.record.imageId);
  }

  /** Spawns the monitor. Where that fails, nothing is left of the attempt but the container's folder and row. */
  async launch(image: LaunchImage, startNow: boolean, spare?: Spare): Promise<void> {
    const { record, services } = this;
    let cgroup = spare?.cgroup;
    this.#socketGone = false;
    const isNew = record.state === "creating";
    const writeDown = (): void => {
      if (isNew) services.store.insert(record);
    };
    try {
      // The record of the last run's exit goes now.
      if (!isNew) services.behind.flush();
      cgroup ??= services.cgroups.create(record.id, limitsOf(record.options));
      if (spare === undefined) makeFolders(services.directories.container(record.id));
      const launched = await launch({
        record,
        spec: () => this.spec(image),
        image,
        cgroup,
        services,
        startNow,
        spare,
        writeDown,
      });
      record.pid = launched.pid;
      record.monitorPid = launched.monitorPid;
      if (isNew) this.publish("create");
      if (startNow) this.#started(launched.started, cgroup);
      else this.#save("created");
      this.adopt(cgroup, launched.monitorPid, launched.end);
    } catch (thrown) {
      cgroup?.kill();
      await cgroup?.remove();
      spare?.drop();
      this.#removeSocket();
      throw thrown;
    }
  }

  /** Watches a process that runs: one just launched, with the end it is to tell, or one that an earlier owner left. */
  adopt(cgroup: ContainerCgroup, monitorPid: number, end?: NativeEnd): void {
    const { directories } = this.services;
    const { exit } = containerPaths(directories.container(this.record.id));
    const watch = new MonitorWatch(
      this.services.bursts,
      directories.monitorSocket(this.record.id),
      exit,
      monitorPid,
      end,
    );
    const run: Run = { cgroup, watch, over: new Deferred(), starting: Promise.resolve() };
    this.#run = run;
    watch.ended
      .then((end) => this.#finish(run, end))
      .catch((thrown: unknown) => this.services.warn(`the end of container ${this.record.name}`, thrown));
  }

  /** Lets the process that waits for it start. */
  async startCreated(run: Run): Promise<void> {
    const started = this.#requestStart(run);
    run.starting = started.catch(() => undefined);
    try {
      await started;
    } catch (thrown) {
      await run.over.promise;
      throw thrown;
    }
  }

  async #requestStart(run: Run): Promise<void> {
    const client = await MonitorClient.connect(this.services.directories.monitorSocket(this.record.id));
    try {
      await client.start();
      const started = await client.state().then(
        (state): Moment => ({ wallNs: state.startedNs, bootNs: state.startedBootNs }),
        (thrown: unknown) => {
          // A process that has ended already tells its times by its exit.
          if (thrown instanceof MonitorGone) return now();
          throw thrown;
        },
      );
      this.#started(started, run.cgroup);
    } catch (thrown) {
      run.cgroup.kill();
      if (thrown instanceof MonitorRefusal) throw launchError(thrown.failure, this.spec().oci.process.args[0] ?? "");
      throw GranuleError.from(thrown, "UNAVAILABLE");
    } finally {
      client.close();
    }
  }

  /** A new process for a stopped container. */
  async relaunch(): Promise<void> {
    const { id, options } = this.record;
    this.services.metering.admit(id, options.tags, options.budget);
    this.cancelRestart();
    this.#settled = new Deferred();
    this.record.desired = "running";
    try {
      await this.launch(this.image(), true);
    } catch (thrown) {
      this.record.desired = "stopped";
      this.#settle(this.#failed(GranuleError.from(thrown)));
      throw thrown;
    }
  }

  /** Writes down that a launch failed, as the exit that docker gives it. */
  #failed(error: GranuleError): ExitStatus {
    const exit = { code: failureExitCode(error), oomKilled: false, reason: error.message };
    this.#stopped(exit);
    return exit;
  }

  #started(started: Moment, cgroup: ContainerCgroup): void {
    const { record, services } = this;
    record.desired = "running";
    record.startedAt = isoTime(started.wallNs);
    record.finishedAt = undefined;
    record.exit = undefined;
    record.state = "running";
    services.store.note(record);
    services.metering.start(record, cgroup, started);
    this.publish("start");
  }

  /** Everything that has to happen between the end of a process and the news of it. */
  async #finish(run: Run, end: ProcessEnd): Promise<void> {
    await run.starting;
    const exit = this.#exitOf(run.cgroup, end);
    const wasStarted = this.record.state !== "created";
    await this.#clear(run.cgroup, end);
    if (this.#detached) return;
    if (wasStarted) this.services.metering.stop(this.record, end, exit.oomKilled);
    this.#stopped(exit, end.kind === "exit");
    if (exit.oomKilled) this.publish("oom");
    this.publish("die", { exit });
    this.#run = undefined;
    const delayMs = this.#restartDelay(exit, end);
    run.over.resolve(exit);
    if (delayMs !== undefined) this.#restartAfter(delayMs);
    else this.#settle(exit);
  }

  #exitOf(cgroup: ContainerCgroup | undefined, end: ProcessEnd): ExitStatus {
    if (end.kind === "never-started") {
      const error = launchError(end.failure, this.record.command[0] ?? "");
      return { code: failureExitCode(error), oomKilled: false, reason: error.message };
    }
    if (end.kind === "unknown") {
      const { startedAt } = this.record;
      const oomKilled = (cgroup?.oomKills() ?? 0) > 0;
      return { oomKilled, reason: end.reason, ...(startedAt === undefined ? {} : { startedAt }) };
    }
    const exit = exitStatus(end.exit);
    const reason = this.services.metering.budgetReason(this.record.id);
    return { ...exit, ...(reason === undefined ? {} : { reason }) };
  }

  /** @param recorded its monitor has written the same to disk */
  #stopped(exit: ExitStatus, recorded = false): void {
    const { record } = this;
    record.exit = exit;
    record.finishedAt = exit.finishedAt ?? new Date().toISOString();
    record.pid = undefined;
    record.monitorPid = undefined;
    record.startTicks = undefined;
    record.state = "stopped";
    if (recorded) {
      this.services.store.note(record);
    } else {
      this.services.behind.flush();
      this.services.store.update(record);
    }
  }

  #restartDelay(exit: ExitStatus, end: ProcessEnd): number | undefined {
    if (this.record.desired !== "running") return undefined;
    const ranNs = end.kind === "exit" ? end.exit.finishedBootNs - end.exit.startedBootNs : 0n;
    return this.#backoff.next(this.record.options.restart, exit, Number(ranNs / 1_000_000n));
  }

  #restartAfter(delayMs: number): void {
    this.#restartTimer = setTimeout(() => {
      this.#restartTimer = undefined;
      this.#isRestarting = true;
      void this.exclusive(() => this.#restart()).finally(() => (this.#isRestarting = false));
    }, delayMs);
  }

  async #restart(): Promise<void> {
    if (this.#detached || this.#run || this.record.desired !== "running" || this.record.state !== "stopped") return;
    this.record.restarts++;
    try {
      await this.launch(this.image(), true);
      this.publish("restart", { details: { restarts: this.record.restarts } });
    } catch (thrown) {
      const exit = this.#failed(GranuleError.from(thrown));
      const delayMs = this.#backoff.next(this.record.options.restart, exit, 0);
      if (delayMs !== undefined) this.#restartAfter(delayMs);
      else this.#settle(exit);
    }
  }

  /** Recovery's other way in: the process ended while nobody owned it. */
  async found(cgroup: ContainerCgroup | undefined, end: ProcessEnd): Promise<void> {
    // An exit tells that it ran, even where the last owner ended before it could note the start.
    const wasStarted = this.record.state !== "created" || end.kind === "exit";
    const exit = this.#exitOf(cgroup, end);
    if (cgroup) await this.#clear(cgroup, end);
    else this.#removeSocket();
    if (wasStarted) this.services.metering.stop(this.record, end, exit.oomKilled);
    this.#stopped(exit);
    this.publish("die", { exit });
    this.restartIfWanted();
  }

  /** Recovery's way in: what the policy wants of a container that is found stopped. */
  restartIfWanted(): void {
    const { record } = this;
    const exit = record.exit ?? { oomKilled: false };
    const delayMs = record.desired === "running" ? this.#backoff.next(record.options.restart, exit, 0) : undefined;
    if (delayMs !== undefined) this.#restartAfter(0);
    else this.#settle(exit);
  }

  /** The user wants it stopped: no restart from here on. */
  suspendRestarts(): void {
    this.record.desired = "stopped";
    this.services.store.update(this.record);
    this.#backoff.reset();
    if (this.cancelRestart() && this.record.exit) this.#settled.resolve(this.record.exit);
  }

  cancelRestart(): boolean {
    if (this.#restartTimer === undefined) return false;
    clearTimeout(this.#restartTimer);
    this.#restartTimer = undefined;
    return true;
  }

  #settle(exit: ExitStatus): void {
    this.#settled.resolve(exit);
    if (this.record.options.autoRemove) this.delete();
  }

  /** Whether a restart is to come, or on its way. */
  get restarting(): boolean {
    return this.#restartTimer !== undefined || this.#isRestarting;
  }

  /** Takes back a container that never came to be: nobody has heard of it. */
  abandon(): void {
    this.#erase();
    this.#settled.reject(new GranuleError("NOT_FOUND", `container ${this.record.name} was never started`));
  }

  /** Removes what is left of a container that has no process. */
  delete(): void {
    if (this.record.state === "removed") return;
    this.#erase();
    this.publish("remove");
    if (this.#settled.isSettled) return;
    this.#settled.reject(new GranuleError("NOT_FOUND", `container ${this.record.name} was removed`));
  }

  #erase(): void {
    const { record, services } = this;
    this.cancelRestart();
    this.#removeSocket();
    services.trash.put(services.directories.container(record.id), record.id);
    services.store.delete(record);
    record.state = "removed";
    this.#onRemoved();
  }

  async #clear(cgroup: ContainerCgroup, end: ProcessEnd): Promise<void> {
    try {
      // All processes of a container end with its first one: mostly there is nobody left to kill.
      if (!cgroup.removeIfEmpty()) {
        cgroup.kill();
        await cgroup.remove();
      }
    } catch (thrown) {
      this.services.warn(`the cgroup of container ${this.record.name} stays`, thrown);
    }
    this.#socketGone = end.kind === "exit" && end.told === true;
    this.#removeSocket();
  }

  #removeSocket(): void {
    if (!this.#socketGone) rmSync(this.services.directories.monitorSocket(this.record.id), { force: true });
  }

  #save(state: ContainerRecord["state"]): void {
    this.record.state = state;
    this.services.store.update(this.record);
  }

  /** Writes a change of state down and tells it. */
  change(state: ContainerRecord["state"], action: RuntimeEvent["action"]): void {
    this.#save(state);
    this.publish(action);
  }

  publish(action: RuntimeEvent["action"], more: Pick<RuntimeEvent, "exit" | "details"> = {}): void {
    const { id, name, options } = this.record;
    this.services.events.publish({
      type: "container",
      action,
      id,
      name,
      ...(options.tags ? { tags: options.tags } : {}),
      ...more,
    });
  }

  /** Lets go of the process; it runs on, and whoever waits for its end here is told so. */
  detach(): void {
    this.#detached = true;
    this.cancelRestart();
    this.#run?.watch.detach();
    const closed = new GranuleError("UNAVAILABLE", "the runtime was closed; the container goes on without it", {
      hint: "open the runtime again and wait there",
    });
    this.#run?.over.reject(closed);
    this.#settled.reject(closed);
  }
}
