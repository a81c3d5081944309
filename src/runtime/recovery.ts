import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { ContainerRecord } from "../state/container-store.js";
import type { LocalContainers } from "./containers.js";
import { isoTime, readExitRecord } from "./exit.js";
import { containerPaths } from "./folders.js";
import { MonitorClient, MonitorGone } from "./monitor-client.js";
import type { MonitorState } from "./monitor-frames.js";
import type { Services } from "./services.js";

/**
 * Compares what is written down with what there is, and goes on from there: half-made containers go, running ones are
 * watched again, ended ones get the exit that their monitor recorded, and what belongs to nobody is cleared.
 */
export async function recover(containers: LocalContainers, services: Services): Promise<void> {
  const { directories, store } = services;
  const known = new Set<string>();
  await Promise.all(
    store.all().map(async (record) => {
      if (!existsSync(directories.container(record.id))) return settleRemoved(record, services);
      if (record.state === "creating" && !(await hasBegun(record, services))) return discard(record, services);
      known.add(record.id);
      await takeUp(record, containers, services);
    }),
  );
  await clearStrays(known, services);
  services.behind.flush();
  services.trash.resume();
}

/** Removed, but for what is written behind: the usage of its last run, and that it is gone. */
function settleRemoved(record: ContainerRecord, services: Services): void {
  const folder = services.trash.find(record.id);
  const end = folder === undefined ? undefined : readExitRecord(containerPaths(folder).exit);
  if (end?.kind === "exit") services.metering.stop(record, end, end.exit.oomKilled);
  services.store.delete(record);
}

/** That a start was done is written behind: its monitor knows it, or the record of its exit. */
async function hasBegun(record: ContainerRecord, { directories }: Services): Promise<boolean> {
  const state = await askMonitor(directories.monitorSocket(record.id));
  if (state?.state === "running") return true;
  return readExitRecord(containerPaths(directories.container(record.id)).exit)?.kind === "exit";
}

async function discard(record: ContainerRecord, services: Services): Promise<void> {
  await clearAway(record.id, services);
  services.store.delete(record);
}

/** What has a folder and is not written down: a spare, or a container that was never meant for good. */
async function clearAway(id: string, { cgroups, directories, trash }: Services): Promise<void> {
  const cgroup = cgroups.open(id, {});
  cgroup?.kill();
  await cgroup?.remove();
  trash.put(directories.container(id), id);
}

async function takeUp(record: ContainerRecord, containers: LocalContainers, services: Services): Promise<void> {
  const lifecycle = containers.hold(record);
  const cgroup = services.cgroups.open(record.id, record.options);
  if (record.state === "stopped") {
    // The owner ended between the end of the process and the clearing of what it left.
    cgroup?.kill();
    await cgroup?.remove();
    lifecycle.restartIfWanted();
    return;
  }
  const state = await askMonitor(services.directories.monitorSocket(record.id));
  if (state && state.state !== "stopped" && cgroup) {
    refresh(record, state, services);
    lifecycle.adopt(cgroup, record.monitorPid ?? 0);
    services.metering.resume(record, cgroup, { wallNs: state.startedNs, bootNs: state.startedBootNs });
    return;
  }
  const { exit } = containerPaths(services.directories.container(record.id));
  const end =
    readExitRecord(exit) ?? ({ kind: "unknown", reason: "neither it nor a record of its exit was found" } as const);
  await lifecycle.found(cgroup, end);
}

async function askMonitor(path: string): Promise<MonitorState | undefined> {
  try {
    return await MonitorClient.once(path, (client) => client.state());
  } catch (thrown) {
    if (thrown instanceof MonitorGone) return undefined;
    throw thrown;
  }
}

/** The last owner may have ended between a start and the note of it. */
function refresh(record: ContainerRecord, state: MonitorState, services: Services): void {
  record.pid = state.pid;
  if (state.state === "running" && (record.state === "created" || record.state === "creating")) {
    record.state = "running";
    record.startedAt = isoTime(state.startedNs);
  }
  services.store.update(record);
}

const socketName = /^([0-9a-f]{32})(\.\d+)?\.sock$/;

async function clearStrays(known: ReadonlySet<string>, services: Services): Promise<void> {
  const { directories } = services;
  const strays = readdirSync(directories.containers).filter((id) => !known.has(id));
  await Promise.all(strays.map((id) => clearAway(id, services)));
  for (const name of readdirSync(directories.state)) {
    const [, id, execNumber] = socketName.exec(name) ?? [];
    // Nobody can attach to an exec of the last owner any more; its monitor needs no socket to end.
    if (id !== undefined && (execNumber !== undefined || !known.has(id)))
      rmSync(join(directories.state, name), { force: true });
  }
}
