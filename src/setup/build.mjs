import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { filesBelow, fingerprint, Stamps } from "./fingerprint.mjs";
import { checkCompiler, hasCommand } from "./host.mjs";
import { run, SetupError, step } from "./step.mjs";

const nativeInputs = [
  "native",
  "bench/payload",
  "binding.gyp",
  "src/setup/musl.mjs",
  "package-lock.json",
  "build/isa-l",
];
const typescriptInputs = ["src", "test", "bench", "tsconfig.json", "package-lock.json"];

/** Installs node_modules where it is not what the lock file says. */
export async function installModules(root) {
  if (modulesMatchLock(root)) return;
  if (!hasCommand("npm")) throw new SetupError("npm is missing", "apt-get install npm");
  await step("installing the npm packages", "npm", ["ci", "--no-audit", "--no-fund"], { cwd: root, mend: "npm ci" });
}

/** npm writes what it installed to a lock file of its own; optional packages of other platforms are absent there. */
function modulesMatchLock(root) {
  const read = (path) => JSON.parse(readFileSync(join(root, path), "utf8")).packages;
  let installed;
  try {
    installed = read("node_modules/.package-lock.json");
  } catch {
    return false;
  }
  return Object.entries(read("package-lock.json")).every(
    ([path, wanted]) =>
      path === "" || installed[path]?.version === wanted.version || (wanted.optional && !installed[path]),
  );
}

/**
 * Compiles the addon and the monitor where their sources changed.
 * @param {string} root
 * @param {{ sanitize: boolean }} options `sanitize`: the ASan + UBSan build, in build/asan, beside the plain one
 */
export async function buildNative(root, { sanitize }) {
  const folder = sanitize ? join(root, "build/asan") : root;
  const name = sanitize ? "native-asan" : "native";
  const outputs = ["granule.node", "granule-monitor"].map((file) => join(folder, "build/Release", file));
  const stamps = new Stamps(join(root, "build/stamps.json"));
  const wanted = fingerprint(root, nativeInputs);
  if (stamps.get(name) === wanted && outputs.every(existsSync)) return;

  checkCompiler();
  if (sanitize) mirrorSources(root, folder);
  const gyp = join(root, "node_modules/node-gyp/bin/node-gyp.js");
  const env = { ...process.env, ...(await headers()) };
  const common = { cwd: folder, env, mend: "npm run build:native" };
  const defines = sanitize ? ["--", "-Dsanitize=1"] : [];
  const title = sanitize ? "compiling the native part with sanitizers" : "compiling the native part";
  // A build alone would not see new source files: gyp lists them when it configures.
  await run(process.execPath, [gyp, "configure", "--silent", ...defines], common);
  await step(title, process.execPath, [gyp, "build", "--silent", "--jobs", "max"], common);
  stamps.set(name, wanted);
}

/** node-gyp builds into the folder of its binding.gyp: a second build needs a second such folder. */
function mirrorSources(root, folder) {
  mkdirSync(folder, { recursive: true });
  for (const name of ["native", "src", "binding.gyp", "package.json", "node_modules"]) {
    rmSync(join(folder, name), { force: true });
    symlinkSync(join(root, name), join(folder, name));
  }
}

/**
 * Where node-gyp finds Node's headers: the configured folder, else those that came with this Node, else (by node-gyp
 * itself) a download. Node-API is stable, so that any release that has its headers will do.
 */
async function headers() {
  if (process.env.npm_config_nodedir) return {};
  const configured = hasCommand("npm")
    ? (await run("npm", ["config", "get", "nodedir"])).trim().split("\n").at(-1)
    : "";
  const prefixes = [configured, dirname(dirname(process.execPath)), "/usr"];
  const found = prefixes.find((prefix) => prefix && existsSync(join(prefix, "include/node/node_api.h")));
  return found === undefined ? {} : { npm_config_nodedir: found };
}

/** Compiles TypeScript to dist where it changed, and removes outputs whose source is gone. */
export async function buildTypescript(root) {
  const stamps = new Stamps(join(root, "build/stamps.json"));
  const wanted = fingerprint(root, typescriptInputs);
  if (stamps.get("typescript") === wanted && existsSync(join(root, "dist/.tsbuildinfo"))) return;
  for (const output of filesBelow(root, ["dist/src", "dist/test", "dist/bench"])) {
    const source = output.slice("dist/".length).replace(/(\.d\.ts|\.js)(\.map)?$/, ".ts");
    if (!existsSync(join(root, source))) rmSync(join(root, output));
  }
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  await step("compiling TypeScript", process.execPath, [tsc, "-p", "tsconfig.json"], {
    cwd: root,
    mend: "npm run build:ts",
  });
  stamps.set("typescript", wanted);
}
