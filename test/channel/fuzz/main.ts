/** `npm run fuzz:channel [-- --seconds N --seed N]`: exits with 1 where the server does not come out as it went in. */
import { parseArgs } from "node:util";
import { connect } from "../../../src/channel/connect.js";
import { fuzz } from "./fuzz.js";
import { Host } from "./host.js";

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "60" }, seed: { type: "string", default: `${Date.now() >>> 0}` } },
});
const seed = Number(values.seed);
console.log(`fuzzing the channel for ${values.seconds} s; --seed ${seed} repeats it`);
await using host = await Host.open();
await fuzz(host.server.path, host.ids, { seed: seed + 1000, seconds: 2 });
await host.settled();
const states = await host.states();
const before = await host.held();
const totals = await fuzz(host.server.path, host.ids, { seed, seconds: Number(values.seconds) });
await host.settled();
const after = await host.held();
const client = await connect(`unix:${host.server.path}`);
const answers = (await client.containers.list()).length === host.containers.length;
await client.close();
const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
console.log(`${totals.connections} connections, ${totals.messages} messages`);
console.log(`memory ${mebibytes(before.memoryBytes)} MiB before, ${mebibytes(after.memoryBytes)} MiB after`);
console.log(`descriptors ${before.descriptors} before, ${after.descriptors} after`);
const untouched = JSON.stringify(await host.states()) === JSON.stringify(states);
console.log(`containers ${untouched ? "untouched" : "TOUCHED"}; server ${answers ? "answers" : "DOES NOT ANSWER"}`);
const flat = after.memoryBytes - before.memoryBytes < 8 << 20 && after.descriptors <= before.descriptors;
if (!untouched || !answers || !flat) process.exitCode = 1;
