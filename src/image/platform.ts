import { readFileSync } from "node:fs";
import { arch } from "node:process";
import { GranuleError } from "../errors.js";
import type { Descriptor, DescriptorPlatform } from "./descriptor.js";

/** What an image runs on, in Go's names (image-spec image-index.md). */
export interface Platform {
  os: string;
  architecture: string;
  /** Such as `v7`; absent where any will do. */
  variant?: string;
}

/** GOARCH of this host, as platforms name it. */
export const hostArchitecture: string = { x64: "amd64", ia32: "386" }[arch as string] ?? arch;

/** Names that people use for architectures, by what images call them. */
const ALIASES: Readonly<Record<string, Omit<Platform, "os">>> = {
  x86_64: { architecture: "amd64" },
  "x86-64": { architecture: "amd64" },
  i386: { architecture: "386" },
  i686: { architecture: "386" },
  aarch64: { architecture: "arm64" },
  armhf: { architecture: "arm", variant: "v7" },
  armel: { architecture: "arm", variant: "v6" },
};

/**
 * Parses `linux/arm64`, `linux/arm/v7`, or an architecture alone.
 * @throws GranuleError INVALID_ARGUMENT
 */
export function parsePlatform(text: string): Platform {
  const parts = text.toLowerCase().split("/");
  if (parts.length > 3 || parts.some((part) => !/^[a-z0-9_.-]{1,32}$/.test(part))) {
    throw new GranuleError("INVALID_ARGUMENT", `invalid platform ${JSON.stringify(text)}`, {
      hint: "write it as os/architecture[/variant], such as linux/arm64 or linux/arm/v7",
    });
  }
  const [os = "", named = "", variant] = parts.length === 1 ? ["linux", ...parts] : parts;
  const { architecture, variant: implied } = ALIASES[named] ?? { architecture: named };
  const chosen = variant ?? implied;
  return { os, architecture, ...(chosen === undefined ? {} : { variant: chosen }) };
}

export function formatPlatform({ os, architecture, variant }: Partial<Platform>): string {
  return [os, architecture, variant].filter((part) => part).join("/");
}

/** This host's platform. */
export function hostPlatform(): Platform {
  return { os: "linux", architecture: hostArchitecture };
}

/**
 * The entry of an index that fits a platform best; undefined where none does. A newer variant comes before an older one,
 * as long as the host can run it.
 */
export function choosePlatform(manifests: readonly Descriptor[], wanted: Platform): Descriptor | undefined {
  const order = preferences(wanted);
  let best: { descriptor: Descriptor; rank: number } | undefined;
  for (const descriptor of manifests) {
    const rank = descriptor.platform ? rankOf(descriptor.platform, order) : order.length;
    if (rank >= 0 && (best === undefined || rank < best.rank)) best = { descriptor, rank };
  }
  return best?.descriptor;
}

/** Whether an image says it is for a platform that the wanted one can run. */
export function fitsPlatform(platform: Partial<DescriptorPlatform>, wanted: Platform): boolean {
  return rankOf({ os: "", architecture: "", variant: "", ...platform }, preferences(wanted)) >= 0;
}

function rankOf(platform: DescriptorPlatform, order: Platform[]): number {
  const { os, architecture } = platform;
  const variant = platform.variant || defaultVariant(architecture);
  return order.findIndex((one) => one.os === os && one.architecture === architecture && one.variant === variant);
}

/** Variants that an entry stands for where it names none. */
function defaultVariant(architecture: string): string {
  return { amd64: "v1", arm64: "v8", arm: "v7" }[architecture] ?? "";
}

function preferences({ os, architecture, variant }: Platform): Platform[] {
  const variants = variantsOf(architecture, variant);
  return variants.map((one) => ({ os, architecture, variant: one }));
}

/** Variants that run, the best first: each one runs what is for the ones before it. */
function variantsOf(architecture: string, wanted: string | undefined): string[] {
  if (architecture === "amd64") return downTo(wanted ?? amd64Level(), "v1");
  if (architecture === "arm") return downTo(wanted ?? "v7", "v5");
  if (architecture === "arm64") return wanted === undefined || wanted === "v8" ? ["v8"] : [wanted, "v8"];
  return [wanted ?? ""];
}

function downTo(from: string, to: string): string[] {
  const [high, low] = [from, to].map((text) => Number(/^v(\d)$/.exec(text)?.[1] ?? Number.NaN));
  if (high === undefined || low === undefined || Number.isNaN(high) || high < low) return [from];
  return Array.from({ length: high - low + 1 }, (_, step) => `v${high - step}`);
}

/** Flags that make the levels of the x86-64 psABI, each on top of the one before. */
const AMD64_LEVELS: readonly (readonly string[])[] = [
  ["cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3"],
  ["avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"],
  ["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"],
];

let knownLevel: string | undefined;

function amd64Level(): string {
  if (hostArchitecture !== "amd64") return "v1";
  knownLevel ??= `v${levelOf(readFileSync("/proc/cpuinfo", "utf8"))}`;
  return knownLevel;
}

function levelOf(cpuinfo: string): number {
  const flags = new Set(/^flags\s*:\s*(.*)$/m.exec(cpuinfo)?.[1]?.split(" "));
  const missing = AMD64_LEVELS.findIndex((level) => level.some((flag) => !flags.has(flag)));
  return 1 + (missing < 0 ? AMD64_LEVELS.length : missing);
}
