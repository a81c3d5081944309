import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Stamps } from "./fingerprint.mjs";
import { hasCommand } from "./host.mjs";
import { run, SetupError, step } from "./step.mjs";

/** The Debian release whose source package is built: its newer ones serve as well, but one version is what is tested. */
const suite = "bookworm";
const privateApt = join(dirname(fileURLToPath(import.meta.url)), "private-apt");

/**
 * Builds isa-l's inflate as a static library in build/isa-l from Debian's source package, as Debian itself packages a
 * shared one alone and the addon shall need no package at run time. Where it cannot be had, gzip goes through zlib.
 * It is tried once in a checkout.
 */
export async function buildIsaL(root) {
  const target = join(root, "build/isa-l");
  const stamps = new Stamps(join(root, "build/stamps.json"));
  if (existsSync(join(target, "libisal.a")) || stamps.get("isa-l") === "none") return;
  const work = mkdtempSync(join(tmpdir(), "granule-isa-l-"));
  try {
    await compile(await fetchSources(work), target);
    stamps.set("isa-l", suite);
  } catch (thrown) {
    if (!(thrown instanceof SetupError)) throw thrown;
    rmSync(target, { recursive: true, force: true });
    process.stderr.write(
      `setup: isa-l cannot be had, so zlib unpacks gzip layers, at half the speed: ${thrown.message} (to try again: rm -r build)\n`,
    );
    stamps.set("isa-l", "none");
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function fetchSources(work) {
  for (const command of ["apt-get", "xz", ...(process.arch === "x64" ? ["nasm"] : [])]) {
    if (!hasCommand(command)) throw new SetupError(`${command} is missing`);
  }
  const said = await step("fetching the sources of isa-l, which unpacks gzip", privateApt, [
    join(work, "apt"),
    `source:${suite}`,
  ]);
  const env = { ...process.env, APT_CONFIG: said.trim().split("\n").at(-1) };
  // apt checks what it fetches against the archive's signature.
  await run("apt-get", ["source", "--download-only", "-q", "libisal"], { cwd: work, env });
  const archive = readdirSync(work).find((name) => name.includes(".orig.tar."));
  if (archive === undefined) throw new SetupError("Debian's source package has no sources");
  await run("tar", ["-xf", archive], { cwd: work });
  const folder = readdirSync(work).find((name) => existsSync(join(work, name, "Makefile.unx")));
  if (folder === undefined) throw new SetupError("Debian's source package is not laid out as expected");
  return join(work, folder);
}

async function compile(sources, target) {
  // DEBUG is the one variable that adds flags; the library becomes part of a shared object, which exports none of it.
  const flags = "DEBUG=-fPIC -fvisibility=hidden";
  const make = ["-s", "-j2", "-f", "Makefile.unx", "units=crc igzip", flags, "lib"];
  await step("compiling isa-l", "make", make, { cwd: sources });
  mkdirSync(target, { recursive: true });
  for (const header of ["igzip_lib.h", "types.h"]) copyFileSync(join(sources, "include", header), join(target, header));
  copyFileSync(join(sources, "bin/isa-l.a"), join(target, "libisal.a"));
}
