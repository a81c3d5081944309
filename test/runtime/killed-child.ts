import { writeSync } from "node:fs";
import { openRuntime } from "../../src/runtime/runtime.js";

/** A process that owns a root, brings one container so far, says which one and is gone within the same turn of its loop. */
const [, , root = "", moment = ""] = process.argv;
const runtime = await openRuntime({ root });
const script = moment === "running" ? "sleep 1000" : "exit 7";
const container = await runtime.containers.run({ image: "busybox", name: "one", command: ["sh", "-c", script] });
if (moment !== "running") await container.wait();
if (moment === "removed") await container.remove();
writeSync(1, container.id);
process.kill(process.pid, "SIGKILL");
