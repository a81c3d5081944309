import { Fixture } from "./fixture.js";
import { stocked } from "./spare-state.js";

/** A process that owns spares, says where its root is and waits to be killed. */
const fixture = await Fixture.open();
const container = await fixture.run("true");
await container.wait();
await container.remove();
await stocked();
process.stdout.write(`${fixture.root}\n`);
setInterval(() => undefined, 1000);
