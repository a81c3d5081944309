/** Repository or package root: three levels above dist/bench/harness. */
export const packageRoot = new URL("../../../", import.meta.url);

const inRoot = (path: string): string => new URL(path, packageRoot).pathname;

/** The program that containers run, static and without a C library (bench/payload/payload.c). */
export const payloadPath = inRoot("build/Release/granule-bench-payload");

/** Starts a command again and again, and times it (bench/payload/spawn-loop.c). */
export const spawnLoopPath = inRoot("build/Release/granule-bench-spawn-loop");

/** Where `--install-peers` puts newer releases; looked at before PATH. */
export const peersFolder = inRoot("build/peers");

export const installPeersPath = inRoot("bench/peers/install");

export const runInVmPath = inRoot("test/vm/run-in-vm");
