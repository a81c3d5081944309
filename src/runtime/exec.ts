import { rmSync } from "node:fs";
import { join } from "node:path";
import type { ExecOptions } from "../api.js";
import type { ContainerCgroup } from "../cgroup/container.js";
import { GranuleError } from "../errors.js";
import { buildExecProcess } from "../spec/exec-spec.js";
import { encodeExecPlan } from "../spec/plan.js";
import { MonitorAttachment } from "./attachment.js";
import { launchError } from "./failure.js";
import { containerPaths } from "./folders.js";
import { lookUpUser, systemCallFilter } from "./launch.js";
import type { Lifecycle } from "./lifecycle.js";
import { processStartTicks } from "./process.js";

/** Runs a further process in a running container, with a monitor of its own; its output goes to the attachment alone. */
export async function exec(
  lifecycle: Lifecycle,
  cgroup: ContainerCgroup,
  number: number,
  options: ExecOptions,
): Promise<MonitorAttachment> {
  const { record, services } = lifecycle;
  const pid = record.pid;
  const startTimeTicks = pid === undefined ? undefined : processStartTicks(pid);
  if (pid === undefined || startTimeTicks === undefined) throw notRunning(record.name);
  const folder = services.directories.container(record.id);
  const { upper } = containerPaths(folder);
  const user = options.user === undefined ? undefined : lookUpUser(options.user, [upper, ...lifecycle.image().layers]);
  const spec = lifecycle.spec();
  const execProcess = buildExecProcess(spec.oci.process, options, user);
  const seccomp = systemCallFilter(record, spec, services);
  const socketPath = services.directories.execSocket(record.id, number);
  const exitRecordPath = join(folder, `exec-${number}`);
  const plan = encodeExecPlan(spec.oci, execProcess, {
    pid,
    startTimeTicks,
    socketPath,
    exitRecordPath,
    cgroups: { unified: cgroup.unified, joins: cgroup.joins, monitors: services.cgroups.monitors },
    stdin: options.stdin === true,
    startNow: true,
    ...(seccomp === undefined ? {} : { seccomp }),
  });
  const tidy = (): void => {
    for (const path of [socketPath, exitRecordPath]) rmSync(path, { force: true });
  };
  try {
    return await services.bursts.during(async () => {
      const report = await services.spares.enter(plan);
      if (!report.ok) throw launchError(report, options.command[0] ?? "");
      // It runs by now; its monitor holds what it writes until somebody is attached.
      const attachment = await MonitorAttachment.open(socketPath, { stdin: options.stdin === true });
      attachment.wait().then(tidy, tidy);
      return attachment;
    });
  } catch (thrown) {
    tidy();
    throw GranuleError.from(thrown);
  }
}

export function notRunning(name: string): GranuleError {
  return new GranuleError("FAILED_PRECONDITION", `container ${name} is not running`, { hint: "start it first" });
}
