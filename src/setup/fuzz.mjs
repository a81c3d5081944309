import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import { fingerprint, Stamps } from "./fingerprint.mjs";
import { hasCommand } from "./host.mjs";
import { run, SetupError } from "./step.mjs";

const inputs = ["native/unpack", "native/kernel", "test/fuzz"];
const flags = ["-std=c++20", "-g", "-O1", "-Wall", "-Wextra", "-Werror", "-fno-omit-frame-pointer"];

/** Compiles each target of test/fuzz, with zlib in place of isa-l, whose assembler no sanitizer sees into. */
export async function buildFuzzTargets(root) {
  const folder = join(root, "build/fuzz");
  const sources = readdirSync(join(root, "test/fuzz")).filter((name) => name.endsWith(".cc"));
  const targets = sources.map((name) => join(folder, basename(name, ".cc")));
  const stamps = new Stamps(join(root, "build/stamps.json"));
  const wanted = fingerprint(root, inputs);
  if (stamps.get("fuzz") === wanted && targets.every(existsSync)) return;

  if (!hasCommand("clang++")) throw new SetupError("clang++ is missing", "apt-get install clang libclang-rt-14-dev");
  process.stderr.write("setup: compiling the fuzz targets\n");
  mkdirSync(folder, { recursive: true });
  const units = readdirSync(join(root, "native/unpack"))
    .filter((name) => name.endsWith(".cc") && name !== "bindings.cc" && name !== "inflate_isal.cc")
    .map((name) => join("native/unpack", name));
  const object = (unit) => join(folder, `${unit.replaceAll("/", "-")}.o`);
  const pending = [...units, ...sources.map((name) => join("test/fuzz", name))];
  const lane = async () => {
    for (let unit = pending.shift(); unit !== undefined; unit = pending.shift()) {
      const sanitize = "-fsanitize=fuzzer-no-link,address,undefined";
      await run("clang++", [...flags, sanitize, "-Inative", "-c", unit, "-o", object(unit)], { cwd: root });
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, lane));
  for (const [index, target] of targets.entries()) {
    const objects = [join("test/fuzz", sources[index]), ...units].map(object);
    const libraries = ["-lz", "-lzstd", "-lpthread"];
    await run("clang++", ["-fsanitize=fuzzer,address,undefined", ...objects, "-o", target, ...libraries], {
      cwd: root,
    });
  }
  stamps.set("fuzz", wanted);
}
