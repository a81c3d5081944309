import { readdirSync, rmSync } from "node:fs";
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
  const known = new Set<string>();
  await Promise.all(
    services.store.all().map(async (record) => {
      if (record.state === "creating") return discard(record, services);
      known.add(record.id);
      await takeUp(record, containers, services);
    }),
  );
  await clearStrays(known, services);
  services.trash.resume();
}

async function discard(record: ContainerRecord, services: Services): Promise<void> {
  await clearAway(record.id, services);
  services.store.delete(record.id);
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
  if (state.state === "running" && record.state === "created") {
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
