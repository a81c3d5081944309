/** `npm run bench -- [QUESTION...] [options]`; without a question it asks all of them, in a short form. */
import { Command, CommanderError } from "commander";
import { reportFailure } from "../src/cli/failure.js";
import { addBench } from "./command-line.js";

const command = addBench(new Command("npm run bench --").exitOverride(), (code) => (process.exitCode = code));
try {
  await command.parseAsync(process.argv.slice(2), { from: "user" });
} catch (thrown) {
  // What commander said stands on stderr already.
  process.exitCode = thrown instanceof CommanderError ? thrown.exitCode : reportFailure(thrown);
}
