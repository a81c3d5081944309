import { spawn } from "node:child_process";

/** What the reader must mend before set-up can go on: one sentence and, where there is one, the command. */
export class SetupError extends Error {
  /**
   * @param {string} message one sentence that says what is missing or failed
   * @param {string} [command] what mends it
   * @param {string} [output] the tail of a failed command's output
   */
  constructor(message, command, output) {
    super(message);
    this.command = command;
    this.output = output;
  }
}

const heartbeatMs = 15_000;
const tailBytes = 6_000;

/**
 * Runs a command as one named step: says that it starts, that it still runs, and how long it took.
 * Its output stays silent unless it fails.
 * @param {string} title
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, mend?: string }} [options] `mend`: the command that a failure suggests
 * @returns {Promise<string>} standard output and error, interleaved
 */
export async function step(title, command, args, options = {}) {
  const startedAt = performance.now();
  const seconds = () => `${((performance.now() - startedAt) / 1000).toFixed(0)} s`;
  process.stderr.write(`setup: ${title}\n`);
  const heartbeat = setInterval(() => process.stderr.write(`setup: ${title}, ${seconds()} so far\n`), heartbeatMs);
  try {
    const output = await run(command, args, options);
    process.stderr.write(`setup: ${title}: done in ${seconds()}\n`);
    return output;
  } finally {
    clearInterval(heartbeat);
  }
}

/**
 * Runs a command to its end without a word.
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, mend?: string }} [options]
 * @returns {Promise<string>}
 */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text) => (output += text));
    child.stderr.setEncoding("utf8").on("data", (text) => (output += text));
    const line = [command, ...args].join(" ");
    child.once("error", (error) =>
      reject(new SetupError(`\`${line}\` could not be run: ${error.message}`, options.mend)),
    );
    child.once("close", (code, signal) => {
      if (code === 0) resolve(output);
      else reject(new SetupError(`\`${line}\` ended with ${signal ?? code}`, options.mend, output.slice(-tailBytes)));
    });
  });
}
