import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { findCommand } from "./host.mjs";
import { run, SetupError } from "./step.mjs";

const folders = ["bin", "dev", "etc", "proc", "root", "sys", "tmp", "usr", "usr/bin", "var"];

/** Makes the root file system of the default image, build/base.tar, from the host's static busybox. */
export async function buildBaseImage(root) {
  const target = join(root, "build/base.tar");
  if (existsSync(target)) return;
  const busybox = findCommand("busybox");
  if (busybox === undefined) {
    throw new SetupError("the default image is made of busybox, which is missing", "apt-get install busybox-static");
  }
  const folder = mkdtempSync(join(tmpdir(), "granule-base-"));
  try {
    chmodSync(folder, 0o755);
    for (const name of folders) mkdirSync(join(folder, name));
    chmodSync(join(folder, "root"), 0o700);
    chmodSync(join(folder, "tmp"), 0o1777);
    copyFileSync(busybox, join(folder, "bin/busybox"));
    chmodSync(join(folder, "bin/busybox"), 0o755);
    for (const applet of (await run(busybox, ["--list"])).trim().split("\n")) {
      if (applet !== "busybox") symlinkSync("busybox", join(folder, "bin", applet));
    }
    writeFileSync(join(folder, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n");
    writeFileSync(join(folder, "etc/group"), "root:x:0:\nnogroup:x:65534:\n");
    mkdirSync(dirname(target), { recursive: true });
    // The same busybox makes the same bytes, and so the same image on every host.
    const owner = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner"];
    await run("tar", [...owner, "-C", folder, "-cf", `${target}.new`, "."]);
    renameSync(`${target}.new`, target);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
