import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";

/**
 * What binding.gyp asks about musl libc, which the monitor is linked with where it is there: glibc's start of a static
 * program asks the processor for its caches by dozens of CPUID instructions, each of which a virtual machine traps, and
 * that costs more than the rest of a monitor's start.
 */
const compiler = process.env.CXX ?? "g++";
const ask = (...options) => execFileSync(compiler, options, { encoding: "utf8" }).trim();

/** Debian's name of the machine, of which musl has its own: `x86_64-linux-musl`. */
const machine = ask("-dumpmachine");
const musl = machine.replace(/-gnu$/, "-musl");
const libraries = `/usr/lib/${musl}`;

const answers = {
  has: () => (machine !== musl && existsSync(`${libraries}/libc.a`) && existsSync(`/usr/include/${musl}`) ? "1" : "0"),
  // libstdc++'s headers over musl's, and the kernel's last.
  cflags: () => {
    const version = ask("-dumpversion").split(".")[0];
    const headers = [
      `/usr/include/c++/${version}`,
      `/usr/include/${machine}/c++/${version}`,
      `/usr/include/${musl}`,
      ask("-print-file-name=include"),
    ];
    return [
      "-nostdinc",
      ...headers.map((folder) => `-isystem${folder}`),
      `-idirafter/usr/include/${machine}`,
      "-idirafter/usr/include",
    ].join("\n");
  },
  ldflags: () =>
    [
      "-nostdlib",
      "-no-pie",
      `-L${libraries}`,
      `${libraries}/crt1.o`,
      `${libraries}/crti.o`,
      ask("-print-file-name=crtbeginT.o"),
    ].join("\n"),
  libraries: () => ["-lc", "-lgcc", ask("-print-file-name=crtend.o"), `${libraries}/crtn.o`].join("\n"),
};

process.stdout.write(answers[process.argv[2]]());
