import type { Command } from "commander";
import { type ConfigFlags, LONGEST_DRAIN_SECONDS } from "../../channel/config/config.js";
import { type LoadedConfig, loadConfig } from "../../channel/config/load.js";
import { metricsRoute } from "../../channel/http-routes.js";
import { activatedSockets } from "../../channel/listen/activation.js";
import { addressUrl } from "../../channel/listen/address.js";
import { createLogger, type Logger } from "../../channel/log.js";
import { announceFailure, announceReady } from "../../channel/ready.js";
import { Service } from "../../channel/service.js";
import { notifySystemd } from "../../channel/systemd/notify.js";
import { GranuleError } from "../../errors.js";
import { Deferred } from "../../runtime/deferred.js";
import type { LocalRuntime } from "../../runtime/runtime.js";
import { requireRoot, stateFolders } from "../connect.js";
import type { CliContext } from "../context.js";
import { painter } from "../format/colour.js";
import { openInProcess } from "../open.js";
import { printLine } from "../output.js";
import { collect } from "../parse/collect.js";
import { invalid } from "../parse/invalid.js";
import { parseDuration } from "../parse/time.js";

const defaultIdleMs = 30_000;

interface ServeFlags extends ConfigFlags {
  idleExit?: number | true;
  check?: boolean;
}

const asIs = (text: string): string => text;

export function register(command: Command, context: CliContext): void {
  command
    .description(
      "Own the state directory and serve it on its unix socket, and wherever --listen says. Containers run on when it " +
        "ends. A flag wins over its environment variable, and that over the file.",
    )
    .option("--config <file>", "settings (GRANULE_CONFIG, /etc/granule/granule.yaml)")
    .option(
      "--listen <url>",
      "listen there too: unix:/path, wss://address:port, ws://127.0.0.1:port (GRANULE_LISTEN; repeatable)",
      collect(asIs),
    )
    .option("--tls-cert <file>", "certificate and those above it, PEM (GRANULE_TLS_CERT)")
    .option("--tls-key <file>", "private key of it (GRANULE_TLS_KEY)")
    .option("--tls-client-ca <file>", "roots of client certificates (GRANULE_TLS_CLIENT_CA)")
    .option(
      "--insecure",
      "let ws:// listen on loopback, where any process of the host may try tokens (GRANULE_INSECURE)",
    )
    .option(
      "--allow-origin <origin>",
      "pages of this origin may connect, such as https://console.example (GRANULE_ALLOW_ORIGIN; repeatable)",
      collect(asIs),
    )
    .option("--log-level <level>", "trace, debug, info, warn, error, fatal or silent (GRANULE_LOG_LEVEL, info)")
    .option("--drain <duration>", "time for requests in flight after SIGTERM (GRANULE_DRAIN_SECONDS, 10s)", parseDrain)
    .option("--check", "check the settings, name every fault with its place, and end")
    .option(
      "--idle-exit [duration]",
      "leave once nobody was connected and nothing ran for so long (30s)",
      parseDuration,
    )
    .action(async (flags: ServeFlags) => {
      if (flags.check === true) {
        context.exitCode = reportCheck(loadConfig(flags));
        return;
      }
      try {
        await serve(context, flags);
      } catch (thrown) {
        announceFailure(thrown);
        throw thrown;
      }
    });
}

function parseDrain(text: string): number {
  const seconds = parseDuration(text) / 1000;
  if (seconds > LONGEST_DRAIN_SECONDS)
    throw invalid(`'${text}' is too long`, `at most ${LONGEST_DRAIN_SECONDS} seconds`);
  return seconds;
}

async function serve(context: CliContext, flags: ServeFlags): Promise<void> {
  requireRoot();
  const config = soundConfig(flags);
  const activated = activatedSockets(process.env);
  const folders = stateFolders(context.globals, config);
  const log = createLogger(config.logLevel);
  logWarnings(log);
  const signals = new ServeSignals();
  await using runtime = await openInProcess(folders);
  const idleMs = flags.idleExit === true ? defaultIdleMs : flags.idleExit;
  const service = await Service.start(runtime, {
    controlSocket: folders.controlSocket,
    config,
    log,
    activated,
    routes: {
      "/metrics": metricsRoute(
        () => runtime.usage.metrics(),
        (thrown) => log.error({ err: thrown }, "the metrics cannot be told"),
      ),
    },
    ...(idleMs !== undefined && {
      idle: { afterMs: idleMs, busy: () => isBusy(runtime), onIdle: () => signals.left.resolve() },
    }),
  });
  signals.onReload(() => reload(service, flags, log));
  announceReady();
  notifySystemd("READY=1");
  if (process.stderr.isTTY) {
    process.stderr.write(`granule: serving on ${service.urls.join(", ")}; Ctrl-C ends it, containers run on\n`);
  }
  await signals.left.promise;
  notifySystemd("STOPPING=1");
  signals.onHurry(() => service.hurry());
  await service.close();
}

/** @throws INVALID_ARGUMENT with the first of the faults */
function soundConfig(flags: ConfigFlags): LoadedConfig["config"] {
  const { config, faults } = loadConfig(flags);
  const [first] = faults;
  if (first === undefined) return config;
  const more = faults.length === 1 ? "" : ` (and ${faults.length - 1} more)`;
  throw new GranuleError("INVALID_ARGUMENT", `${first.place}: ${first.message}${more}`, {
    hint: "`granule serve --check` lists every fault",
  });
}

/** Certificates, tokens and rules anew. A configuration that does not hold changes nothing. */
function reload(service: Service, flags: ConfigFlags, log: Logger): void {
  notifySystemd("RELOADING=1", { reloading: true });
  try {
    service.reload(soundConfig(flags));
  } catch (thrown) {
    const { message, hint, path } = GranuleError.from(thrown);
    log.error({ fault: message, hint, path }, "not reloaded: all stays as it was");
  }
  notifySystemd("READY=1");
}

function reportCheck({ config, faults, file }: LoadedConfig): number {
  const paint = painter(process.stdout);
  for (const { place, message, hint } of faults) {
    printLine(`${paint("bold", place)}: ${message}${hint === undefined ? "" : paint("dim", ` (${hint})`)}`);
  }
  if (faults.length > 0) {
    printLine(paint("red", `${faults.length} ${faults.length === 1 ? "fault" : "faults"}`));
    return 1;
  }
  printLine(`${file ?? "no file"}: nothing wrong`);
  for (const { address } of config.listen) printLine(`listens at ${addressUrl(address)}`);
  return 0;
}

/** What node and the runtime warn of goes to the log like all else. */
function logWarnings(log: Logger): void {
  process.removeAllListeners("warning");
  process.on("warning", (warning: Error & { detail?: string }) => {
    log.warn({ warning: warning.name, detail: warning.detail }, warning.message);
  });
}

/** A container that runs needs its owner: to be metered, and to be started again. */
async function isBusy(runtime: LocalRuntime): Promise<boolean> {
  const containers = await runtime.containers.list();
  return containers.some(({ state }) => state === "creating" || state === "running" || state === "paused");
}

/** What the signals of a server mean: SIGTERM and SIGINT to drain, and once more to drain no longer; SIGHUP to reload. */
class ServeSignals {
  /** Settles when the server is to leave. */
  readonly left = new Deferred<void>();
  #reload: (() => void) | undefined;
  #hurry: (() => void) | undefined;
  #wanted = false;

  constructor() {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      process.on(signal, () => {
        this.left.resolve();
        this.#hurry?.();
      });
    }
    // The terminal that started it may go: it serves on.
    process.on("SIGHUP", () => {
      if (this.#reload === undefined) this.#wanted = true;
      else this.#reload();
    });
  }

  /** Hears of a further signal to leave. */
  onHurry(hurry: () => void): void {
    this.#hurry = hurry;
  }

  onReload(reload: () => void): void {
    this.#reload = reload;
    if (this.#wanted) reload();
  }
}
