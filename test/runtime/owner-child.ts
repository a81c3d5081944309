import { openRuntime } from "../../src/runtime/runtime.js";

/** A process that owns a root, runs containers, says so and waits to be killed. */
const [, , root = "", count = "0"] = process.argv;
const runtime = await openRuntime({ root });
const script = 'i=0; while [ ! -e /stop ]; do echo "line $i"; i=$((i+1)); sleep 0.02; done; exit $CODE';
for (let index = 0; index < Number(count); index++) {
  await runtime.containers.run({
    image: "busybox",
    name: `c${index}`,
    command: ["sh", "-c", script],
    env: [`CODE=${index}`],
  });
}
await runtime.containers.create({ image: "busybox", name: "waiting", command: ["sh", "-c", "exit 33"] });
process.stdout.write("ready\n");
setInterval(() => undefined, 1000);
