import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { exportTree } from "../../src/image/export-tree.js";

const test = suite("export of a root file system");
let folder: string;
test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "granule-export-"));
});
test.after.each(() => rmSync(folder, { recursive: true }));

const shell = (script: string): string => execFileSync("sh", ["-ec", script], { cwd: folder, encoding: "utf8" });

/** What GNU tar lists of each entry that counts, as the kernel merges the layers and as the export has it. */
const fields = "%P %y %m %U %G %T@ %l";
const listing = [
  // Links of a folder are the file system's business.
  `find . -mindepth 1 -type d -printf '${fields}\\n' | sort`,
  `find . ! -type d -printf '${fields} %n\\n' | sort`,
  "find . -type f | sort | xargs -d '\\n' sha256sum",
  "getcap -r . 2>/dev/null",
].join("; ");

test("it holds what the kernel's overlay shows: every type, owner, time, link and capability", async () => {
  for (const name of ["low", "up", "work", "merged", "out"]) mkdirSync(join(folder, name));
  shell(`
    cd low
    mkdir -p etc dir/deep gone opaque; echo low > etc/both; echo kept > etc/low; echo x > gone/file; echo y > opaque/hidden
    ln -s ../etc/both dir/link; ln etc/low dir/hard; mkfifo dir/fifo; mknod dir/null c 1 3; mknod dir/loop b 7 300
    chmod 4755 etc/low; chown 12345:3000000 etc/both; chmod 1777 dir; touch -d '2001-02-03 04:05:06.789' etc/both dir/deep
    cp /bin/true dir/capable; setcap cap_net_raw+ep dir/capable
    longest=$(printf 'n%.0s' $(seq 120)); echo long > "dir/$longest"; echo uml > 'dir/ü ñ'; : > dir/empty
    head -c 3000000 /dev/urandom > dir/random
    cd ..
    unshare -m --propagation private sh -ec '
      mount -t overlay -o lowerdir=low,upperdir=up,workdir=work none merged
      cd merged; echo up > etc/both; rm -r gone opaque; mkdir opaque; echo new > opaque/shown; rm dir/fifo; mkdir -p added/tree
      ( ${listing.replaceAll("'", `'"'"'`)} ) > ../expected'
  `);
  const archive = join(folder, "root.tar");
  await exportTree([join(folder, "up"), join(folder, "low")], archive);
  shell("tar -xpf root.tar --xattrs --xattrs-include='*' --numeric-owner -C out");
  const [expected, actual] = [shell("cat expected"), shell(`cd out; ${listing}`)];
  assert.is(actual, expected);
  assert.ok(expected.includes("cap_net_raw"));
});

test("one that is aborted leaves no archive", async () => {
  mkdirSync(join(folder, "low"));
  shell("head -c 3000000 /dev/zero > low/file");
  const abort = new AbortController();
  abort.abort();
  const archive = join(folder, "root.tar");
  const failure = await exportTree([join(folder, "low")], archive, abort.signal).catch((thrown: unknown) => thrown);
  assert.is((failure as { code: string }).code, "CANCELLED");
  assert.is(shell("ls"), "low\n");
});

test.run();
