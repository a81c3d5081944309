import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RegistrySettings } from "../../../src/image/registry/settings.js";
import { ImageStore } from "../../../src/image/store.js";
import { openDatabase } from "../../../src/state/database.js";

export interface PullStore extends Disposable {
  folder: string;
  root: string;
  /** HOME of the credentials and certificates that are looked up. */
  home: string;
  store: ImageStore;
  /** Names in blobs/sha256. */
  blobs(): string[];
  /** Names of unpacked layers, and of what an unpacking may leave. */
  layers(): string[];
}

/** Pauses short enough for a test, and nothing of this host's own configuration. */
export function testSettings(home: string, more: Partial<RegistrySettings> = {}): Partial<RegistrySettings> {
  return {
    environment: { HOME: home, PATH: process.env["PATH"] },
    configurationFile: join(home, "registries.json"),
    certificateFolders: [join(home, "certs.d")],
    firstPauseMs: 5,
    longestPauseMs: 20,
    ...more,
  };
}

export function openPullStore(more: Partial<RegistrySettings> = {}): PullStore {
  const folder = mkdtempSync(join(tmpdir(), "granule-pull-"));
  const [root, home] = [join(folder, "root"), join(folder, "home")];
  for (const path of [root, home]) mkdirSync(path);
  const { database } = openDatabase(join(root, "granule.db"));
  return {
    folder,
    root,
    home,
    store: new ImageStore(root, database, undefined, testSettings(home, more)),
    blobs: () => readdirSync(join(root, "blobs/sha256")).sort(),
    layers: () => readdirSync(join(root, "layers")).filter((name) => name !== ".records"),
    [Symbol.dispose]: () => {
      database.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
