import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const packages = 1_500;
const filesEach = 30;
const words = ["const", "return", "module", "exports", "function", "await", "import", "length", "value", "undefined"];

/**
 * An application as node_modules make them: 45,000 files of 0 to 16 KiB in 4,500 folders, with some symlinks. The
 * same on every host, and as compressible as code is.
 */
export function writeSmallFiles(folder: string): void {
  const next = generator(20_261_124);
  for (let i = 0; i < packages; i++) {
    const home = join(folder, "srv/app/node_modules", `package-${i}`);
    for (const name of ["lib", "dist"]) mkdirSync(join(home, name), { recursive: true });
    for (let j = 0; j < filesEach; j++) {
      const place = j < 3 ? home : join(home, j % 2 ? "lib" : "dist");
      // Many small ones and few large ones.
      writeFileSync(join(place, `file-${j}.js`), code(Math.floor(16_384 * (next() / 2 ** 32) ** 3), next));
    }
    symlinkSync("../lib/file-3.js", join(home, "dist/index.js"));
  }
}

function code(bytes: number, next: () => number): string {
  let text = "";
  while (text.length < bytes) text += `${words[next() % words.length]} ${(next() % 65_536).toString(36)};\n`;
  return text.slice(0, bytes);
}

/** xorshift32: no secret, only the same numbers each time. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
}
