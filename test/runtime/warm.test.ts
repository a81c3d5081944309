import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Container, CreateOptions } from "../../src/api.js";
import { awaitEvent } from "../../src/cgroup/events.js";
import type { GranuleError } from "../../src/errors.js";
import { Fixture } from "./fixture.js";
import { childrenReady, pidsOf, subtree } from "./spare-state.js";

const warm = suite("warm slots");
let fixture: Fixture;

warm.before(async () => {
  // Whatever cgroup there is, is a slot's or a container's.
  fixture = await Fixture.open({ spares: 0 });
});
warm.after(() => (fixture as Fixture | undefined)?.close());

const shape: CreateOptions = { image: "busybox", command: ["sh", "-c", "echo here; exit 7"], env: ["A=b"] };

async function endOf(container: Container): Promise<[code: number | undefined, output: string]> {
  const { code } = await container.wait();
  let text = "";
  for await (const { data } of container.logs()) text += Buffer.from(data).toString();
  return [code, text];
}

warm("a start of the same options takes a slot, whatever its name and tags, and another is made", async () => {
  await fixture.runtime.warm({ ...shape, count: 2 });
  const before = await childrenReady(2);
  const container = await fixture.runtime.containers.run({ ...shape, name: "named", tags: { team: "a" } });
  assert.ok(before.includes(container.id));
  const info = await container.inspect();
  assert.equal([info.name, info.tags], ["named", { team: "a" }]);
  assert.equal(await endOf(container), [7, "here"]);
  await container.remove();
  const after = await childrenReady(2);
  assert.is(after.filter((id) => before.includes(id)).length, 1);
});

warm("a start of other options takes none", async () => {
  const before = await childrenReady(2);
  for (const other of [{ env: ["A=c"] }, { memory: 64 * 2 ** 20 }, { command: ["sh", "-c", "exit 7"] }]) {
    const container = await fixture.runtime.containers.run({ ...shape, ...other });
    assert.not.ok(before.includes(container.id));
    await container.wait();
    await container.remove();
  }
  assert.equal((await childrenReady(2)).sort(), before.sort());
});

warm("a slot that died is passed over", async () => {
  const before = await childrenReady(2);
  for (const id of before) for (const pid of pidsOf(id)) process.kill(pid, "SIGKILL");
  await Promise.all(before.map((id) => awaitEvent(`${subtree()}/${id}`, "populated", 0, 5000)));
  const container = await fixture.runtime.containers.run(shape);
  assert.equal(await endOf(container), [7, "here"]);
  await container.remove();
});

warm("what was not started runs nothing, and shows nowhere", async () => {
  await fixture.runtime.warm({ ...shape, count: 2 });
  await childrenReady(2);
  assert.equal(await fixture.runtime.containers.list({ all: true }), []);
  assert.equal(await fixture.runtime.usage.query({ tags: { nobody: "x" } }), []);
});

warm("0 gives the slots up, and the end of their image does", async () => {
  await fixture.runtime.warm({ ...shape, count: 0 });
  assert.equal(await childrenReady(0), []);
  await fixture.runtime.warm({ ...shape, count: 1 });
  await childrenReady(1);
  await fixture.runtime.images.remove("busybox", { force: true });
  assert.equal(await childrenReady(0), []);
});

warm("what no slot can be is refused", async () => {
  for (const [more, code] of [
    [{ network: "host" }, "UNSUPPORTED"],
    [{ count: -1 }, "INVALID_ARGUMENT"],
    [{ image: "nothere" }, "NOT_FOUND"],
  ] as const) {
    try {
      await fixture.runtime.warm({ ...shape, count: 1, ...more });
      assert.unreachable();
    } catch (thrown) {
      assert.is((thrown as GranuleError).code, code);
    }
  }
});

warm.run();
