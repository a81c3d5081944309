import type { Command } from "commander";
import type { CliContext } from "../context.js";
import { addContainerOptions, type ContainerOptions, createOptionsOf } from "../create-options.js";
import { ensureImage } from "../ensure-image.js";
import { printLine } from "../output.js";

export function register(command: Command, context: CliContext): void {
  addContainerOptions(command).action(async (image: string, words: string[], options: ContainerOptions) => {
    const create = createOptionsOf(image, words, options);
    const runtime = await context.runtime();
    await ensureImage(runtime, image, options);
    printLine((await runtime.containers.create(create)).id);
  });
}
