import type { Command } from "commander";
import type { ImageInfo, LoadProgress } from "../../api.js";
import type { CliContext } from "../context.js";
import { reportFailure } from "../failure.js";
import { printJson, printLine } from "../output.js";
import { ImageProgress } from "../progress/image-progress.js";
import { pullOptionsOf } from "../pull-options.js";

interface PullOptions {
  platform?: string;
  insecure?: boolean;
  creds?: string;
  quiet?: boolean;
  json?: boolean;
}

export function register(command: Command, context: CliContext): void {
  command
    .argument("<image...>", "such as debian:12, localhost:5000/app or registry.example/app@sha256:...")
    .option("--platform <os/arch[/variant]>", "such as linux/arm64; this host's unless given")
    .option("--insecure", "allow plain http, and a certificate that nobody vouches for")
    .option("--creds <user:password>", "in place of those of `granule login`")
    .option("-q, --quiet", "print nothing")
    .option("--json", "print a JSON array")
    .action(async (names: string[], options: PullOptions) => {
      const pulled: ImageInfo[] = [];
      for (const name of names) {
        try {
          pulled.push(await pull(context, name, options));
        } catch (thrown) {
          context.exitCode = reportFailure(thrown);
        }
      }
      if (options.json) {
        printJson(
          pulled.map(({ id, names: all, digests, size, createdAt }) => ({ id, names: all, digests, size, createdAt })),
        );
      }
    });
}

async function pull(context: CliContext, name: string, options: PullOptions): Promise<ImageInfo> {
  const silent = options.quiet === true || options.json === true;
  const pullOptions = await pullOptionsOf(name, options);
  const { images } = await context.runtime();
  using progress = new ImageProgress(silent);
  let digest = "";
  let fetched = false;
  const onProgress = (step: LoadProgress): void => {
    if (step.stage === "found") digest = step.digest ?? "";
    if (step.stage === "download" || step.stage === "unpack") fetched = true;
    progress.show(step);
  };
  const image = await images.pull(name, { ...pullOptions, onProgress });
  progress.finish();
  if (!silent) printLine(`${name} ${fetched ? "is here now" : "is up to date"}: ${digest || image.id}`);
  return image;
}
