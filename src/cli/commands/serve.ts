import type { Command } from "commander";
import type { Runtime } from "../../api.js";
import { announceFailure, announceReady } from "../../channel/ready.js";
import { serveChannel } from "../../channel/server.js";
import { Deferred } from "../../runtime/deferred.js";
import { requireRoot, stateFolders } from "../connect.js";
import type { CliContext } from "../context.js";
import { openInProcess } from "../open.js";
import { parseDuration } from "../parse/time.js";

const defaultIdleMs = 30_000;

export function register(command: Command, context: CliContext): void {
  command
    .description("Own the state directory and serve it on a unix socket. Containers run on when it ends.")
    .option(
      "--idle-exit [duration]",
      "leave once nobody was connected and nothing ran for so long (30s)",
      parseDuration,
    )
    .action(async (options: { idleExit?: number | true }) => {
      try {
        await serve(context, options.idleExit === true ? defaultIdleMs : options.idleExit);
      } catch (thrown) {
        announceFailure(thrown);
        throw thrown;
      }
    });
}

async function serve(context: CliContext, idleMs: number | undefined): Promise<void> {
  requireRoot();
  const folders = stateFolders(context.globals);
  const left = leaving();
  await using runtime = await openInProcess(folders);
  const idle =
    idleMs === undefined ? undefined : { afterMs: idleMs, busy: () => isBusy(runtime), onIdle: () => left.resolve() };
  const server = await serveChannel(runtime, { path: folders.controlSocket, ...(idle === undefined ? {} : { idle }) });
  announceReady();
  if (process.stderr.isTTY)
    process.stderr.write(`granule: serving on unix:${server.path}; Ctrl-C ends it, containers run on\n`);
  await left.promise;
  await server.close();
}

/** A container that runs needs its owner: to be metered, and to be started again. */
async function isBusy(runtime: Runtime): Promise<boolean> {
  const containers = await runtime.containers.list();
  return containers.some(({ state }) => state === "creating" || state === "running" || state === "paused");
}

/** Settles at SIGTERM, SIGINT or when it is resolved. */
function leaving(): Deferred<void> {
  const left = new Deferred<void>();
  const leave = (): void => left.resolve();
  process.on("SIGTERM", leave);
  process.on("SIGINT", leave);
  // The terminal that started it may go: it serves on.
  process.on("SIGHUP", () => undefined);
  return left;
}
