import type { Command } from "commander";
import type { ContainerInfo, ImageInfo, Runtime } from "../../api.js";
import { GranuleError } from "../../errors.js";
import type { CliContext } from "../context.js";
import { reportFailure } from "../failure.js";
import { printJson } from "../output.js";

export function register(command: Command, context: CliContext): void {
  command
    .argument("<container-or-image...>")
    .addOption(command.createOption("--type <kind>", "look for this kind only").choices(["container", "image"]))
    .option("--image", "the same as --type image")
    .addOption(command.createOption("--json").hideHelp())
    .action(async (names: string[], options: { type?: "container" | "image"; image?: boolean }) => {
      const kind = options.image ? "image" : options.type;
      const runtime = await context.runtime();
      const found: (ContainerInfo | ImageInfo)[] = [];
      for (const name of names) {
        try {
          found.push(await inspect(runtime, name, kind));
        } catch (thrown) {
          context.exitCode = reportFailure(thrown);
        }
      }
      printJson(found);
    });
}

async function inspect(
  runtime: Runtime,
  name: string,
  kind?: "container" | "image",
): Promise<ContainerInfo | ImageInfo> {
  if (kind === "image") return runtime.images.inspect(name);
  try {
    return await (await runtime.containers.get(name)).inspect();
  } catch (thrown) {
    if (kind === "container" || GranuleError.from(thrown).code !== "NOT_FOUND") throw thrown;
  }
  try {
    return await runtime.images.inspect(name);
  } catch (thrown) {
    if (GranuleError.from(thrown).code !== "NOT_FOUND") throw thrown;
    throw new GranuleError("NOT_FOUND", `there is no container and no image '${name}'`, {
      hint: "`granule ps -a` and `granule images` list what there is",
    });
  }
}
