import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import type { Container, ExitStatus, LogLine, Runtime, Sample } from "../../api.js";
import { baseImageName } from "../../image/base-image.js";
import { requireRoot, stateFolders } from "../connect.js";
import type { CliContext } from "../context.js";
import { demoWorkload } from "../demo-workload.js";
import { exitCodeOfStatus } from "../foreground.js";
import { painter } from "../format/colour.js";
import { decimal, humanSize } from "../format/human.js";
import { sizeText, throttledText, vcpusText } from "../format/sample.js";
import { formatTable } from "../format/table.js";
import { recordTable } from "../format/usage.js";
import { openInProcess } from "../open.js";
import { printLine, printLines } from "../output.js";

const image = baseImageName;
const cpus = 0.5;
const memory = 128 * 2 ** 20;

export function register(command: Command, context: CliContext): void {
  command.action(async () => {
    requireRoot();
    const root = await mkdtemp(join(tmpdir(), "granule-demo-"));
    try {
      await using runtime = await openInProcess(stateFolders({ root }));
      context.exitCode = await demo(runtime);
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  });
}

async function demo(runtime: Runtime): Promise<number> {
  const paint = painter(process.stdout);
  printLine(paint("bold", `A container from ${image} at ${cpus} vCPU and ${humanSize(memory)}:`));
  const asked = performance.now();
  const container = await runtime.containers.run({
    image,
    name: "demo",
    command: [...demoWorkload],
    cpus,
    memory,
    // A host with cgroup v1 counts only where it limits.
    pids: 64,
    mounts: [{ type: "tmpfs", target: "/tmp" }],
  });
  const interrupt = (): void => void container.kill("SIGKILL").catch(() => undefined);
  process.on("SIGINT", interrupt).on("SIGTERM", interrupt);
  // A reader that has seen enough ends the demo as a signal does: the command's own way out would leave the container.
  process.stdout.removeAllListeners("error").on("error", interrupt);
  try {
    printLine(paint("dim", `running after ${(performance.now() - asked).toFixed(0)} ms`));
    const exit = await watch(container);
    const usage = await runtime.usage.query({ id: container.id });
    printLine(`exit code ${exit.code ?? "unknown"}${exit.signal === undefined ? "" : ` (${exit.signal})`}`);
    printLine("");
    printLine(paint("bold", "Usage record: what it had, and what it used of it"));
    const { columns, rows } = recordTable(usage);
    printLines(formatTable(columns, rows));
    return exitCodeOfStatus(exit, memory);
  } finally {
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
    await container.remove({ force: true });
  }
}

/** Prints the container's lines and samples as they come, until it has ended. */
async function watch(container: Container): Promise<ExitStatus> {
  const abort = new AbortController();
  const samples = printSamples(container.samples({ signal: abort.signal }));
  await printLog(container.logs({ follow: true }));
  const exit = await container.wait();
  abort.abort();
  await samples;
  return exit;
}

async function printLog(lines: AsyncIterable<LogLine>): Promise<void> {
  for await (const { data } of lines) printLine(`  ${Buffer.from(data).toString("utf8")}`);
}

async function printSamples(samples: AsyncIterable<Sample>): Promise<void> {
  for await (const sample of samples) printLine(sampleText(sample));
}

function sampleText(sample: Sample): string {
  const paint = painter(process.stdout);
  const fields = [
    `vCPUs ${vcpusText(sample).padStart(4)} of ${decimal(cpus, 2)}`,
    `throttled ${throttledText(sample.cpu.throttledUsec).padStart(6)}`,
    `memory ${sizeText(sample.memory?.currentBytes).padStart(8)}`,
    `peak ${sizeText(sample.memory?.peakBytes).padStart(8)}`,
    `pids ${sample.pids?.current ?? "-"}`,
  ];
  return `${paint("cyan", sample.time.slice(11, 19))}  ${fields.join("   ")}`;
}
