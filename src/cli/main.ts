#!/usr/bin/env -S node --
import { runCli } from "./program.js";

// A reader such as `head` that has seen enough ends the command as SIGPIPE would.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(141);
    throw error;
  });
}

const code = await runCli(process.argv.slice(2));
// Exits although stdin may still be open, once what was written has left.
process.stdout.write("", () => process.stderr.write("", () => process.exit(code)));
