import { spawnSync } from "node:child_process";
import { hasCommand } from "./host.mjs";
import { SetupError, step } from "./step.mjs";

/** Debian packages by what needs them. */
const packages = {
  build: [
    "g++",
    "make",
    "musl-dev",
    "python3",
    "libseccomp-dev",
    "libzstd-dev",
    "zlib1g-dev",
    "busybox-static",
    "nasm",
    "xz-utils",
  ],
  test: [
    "qemu-system-x86",
    "qemu-system-common",
    "e2fsprogs",
    "zstd",
    "iproute2",
    "libcap2-bin",
    "docker-registry",
    "skopeo",
    "apache2-utils",
    "openssl",
    "clang",
    "libclang-rt-14-dev",
    "python3-websockets",
    "python3-cbor2",
    "chromium",
  ],
  check: ["clang-format-19"],
};

/** Those of the names that dpkg does not hold as installed. */
function missingOf(names) {
  const query = spawnSync("dpkg-query", ["-W", "-f", "${Package} ${db:Status-Status}\n", ...names], {
    encoding: "utf8",
  });
  const installed = new Set();
  for (const line of query.stdout.split("\n")) {
    const [name, status] = line.split(" ");
    if (status === "installed") installed.add(name);
  }
  return names.filter((name) => !installed.has(name));
}

/**
 * Installs the system packages that are missing, and only those.
 * @param {("build" | "test" | "check")[]} groups
 */
export async function installPackages(groups) {
  const names = groups.flatMap((group) => packages[group]);
  if (!hasCommand("dpkg-query")) {
    process.stderr.write(
      `setup: this is no Debian system, so its packages are left as they are; Debian calls what is needed: ${names.join(" ")}\n`,
    );
    return;
  }
  const missing = missingOf(names);
  if (missing.length === 0) return;
  const install = `apt-get install --no-install-recommends ${missing.join(" ")}`;
  if (!hasCommand("apt-get")) {
    throw new SetupError(`these packages are missing and there is no apt-get to install them: ${missing.join(" ")}`);
  }
  if (process.geteuid() !== 0) {
    throw new SetupError(`these system packages are missing: ${missing.join(" ")}`, `sudo ${install}`);
  }
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const mend = `apt-get update && ${install}`;
  await step("refreshing the package lists", "apt-get", ["update", "-q"], { env, mend });
  await step(`installing ${missing.join(" ")}`, "apt-get", ["install", "-qy", "--no-install-recommends", ...missing], {
    env,
    mend,
  });
}
