import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Container, RuntimeEvent } from "../../src/api.js";
import type { ErrorCode } from "../../src/errors.js";
import { GranuleError } from "../../src/errors.js";
import { Fixture, logText, text } from "./fixture.js";

const container = suite("container");
let fixture: Fixture;

container.before(async () => {
  fixture = await Fixture.open();
});
container.after(() => (fixture as Fixture | undefined)?.close());

async function refusal(attempt: Promise<unknown>, code: ErrorCode): Promise<GranuleError> {
  try {
    await attempt;
  } catch (thrown) {
    assert.instance(thrown, GranuleError);
    assert.is((thrown as GranuleError).code, code, (thrown as GranuleError).message);
    return thrown as GranuleError;
  }
  throw new Error(`no refusal with ${code}`);
}

/** Runs a container, and waits until something has happened to it. */
async function until(action: RuntimeEvent["action"], run: () => Promise<Container>): Promise<Container> {
  const events = fixture.runtime.events()[Symbol.asyncIterator]();
  // The first is waited for before the start, so that none is missed.
  const first = events.next();
  const one = await run();
  for (let next = await first; !next.done; next = await events.next()) {
    if (next.value.action === action && next.value.id === one.id) break;
  }
  await events.return?.();
  return one;
}

container("tells the program's own exit code, and its output", async () => {
  const one = await fixture.run("echo out; echo err >&2; exit 7");
  const exit = await one.wait();
  assert.is(exit.code, 7);
  assert.is(exit.signal, undefined);
  assert.not(exit.oomKilled);
  assert.ok((exit.startedAt as string) < (exit.finishedAt as string));
  assert.is(await logText(one, "stdout"), "out\n");
  assert.is(await logText(one, "stderr"), "err\n");
  assert.is((await one.inspect()).state, "stopped");
  await one.remove();
});

container("tells a signal as 128 and its number", async () => {
  const one = await fixture.run("exec sleep 100");
  await one.kill("KILL");
  const exit = await one.wait();
  assert.is(exit.code, 137);
  assert.is(exit.signal, "SIGKILL");
  await one.remove();
});

container("waits in created until started", async () => {
  const one = await fixture.create("echo ran");
  assert.is((await one.inspect()).state, "created");
  assert.is(await logText(one), "");
  await one.start();
  assert.is((await one.wait()).code, 0);
  assert.is(await logText(one), "ran\n");
  await one.remove();
});

container("starts again what has stopped, with the files it wrote", async () => {
  const one = await fixture.run("test -e /mark && exit 5; touch /mark");
  assert.is((await one.wait()).code, 0);
  await one.start();
  assert.is((await one.wait()).code, 5);
  await one.remove();
});

container("refuses a command that is not there or no program, and leaves nothing", async () => {
  const { containers } = fixture.runtime;
  await refusal(containers.run({ image: "busybox", command: ["nope"] }), "COMMAND_NOT_FOUND");
  await refusal(containers.run({ image: "busybox", command: ["/bin/nope"] }), "COMMAND_NOT_FOUND");
  await refusal(containers.run({ image: "busybox", command: ["/etc/plain"] }), "COMMAND_NOT_EXECUTABLE");
  await refusal(containers.run({ image: "busybox", command: ["/etc"] }), "COMMAND_NOT_EXECUTABLE");
  assert.equal(await containers.list({ all: true }), []);
});

container("tells a created container's failed start by its exit", async () => {
  const one = await fixture.runtime.containers.create({ image: "busybox", command: ["nope"] });
  await refusal(one.start(), "COMMAND_NOT_FOUND");
  const info = await one.inspect();
  assert.is(info.state, "stopped");
  assert.is(info.exit?.code, 127);
  assert.is((await one.wait()).code, 127);
  await one.remove();
});

container("refuses a taken name, an unknown image and an unknown container", async () => {
  const one = await fixture.run("true", { name: "taken" });
  await refusal(fixture.run("true", { name: "taken" }), "ALREADY_EXISTS");
  await refusal(fixture.runtime.containers.run({ image: "nothere" }), "NOT_FOUND");
  await refusal(fixture.runtime.containers.get("nothere"), "NOT_FOUND");
  await one.wait();
  await one.remove();
  await refusal(one.inspect(), "NOT_FOUND");
  const two = await fixture.run("true", { name: "taken" });
  await two.wait();
  await two.remove();
});

container("is found by name, id and the beginning of its id", async () => {
  const one = await fixture.run("true", { name: "found", tags: { team: "a" } });
  const { containers } = fixture.runtime;
  for (const key of ["found", one.id, one.id.slice(0, 12)]) assert.is((await containers.get(key)).id, one.id);
  await one.wait();
  assert.equal(
    (await containers.list({ all: true, tags: { team: "a" } })).map((info) => info.name),
    ["found"],
  );
  assert.equal(await containers.list({ all: true, tags: { team: "b" } }), []);
  assert.equal(await containers.list(), []);
  assert.equal(await containers.prune(), [one.id]);
});

container("stops by the stop signal, and by SIGKILL where that is not heard", async () => {
  const polite = await fixture.run("trap 'exit 9' TERM; echo up; while :; do sleep 0.01; done");
  for await (const line of polite.logs({ follow: true })) if (text(line.data) === "up") break;
  assert.is((await polite.stop()).code, 9);
  const deaf = await fixture.run("trap '' TERM; echo up; while :; do sleep 0.01; done");
  for await (const line of deaf.logs({ follow: true })) if (text(line.data) === "up") break;
  assert.is((await deaf.stop({ timeoutSeconds: 0.2 })).signal, "SIGKILL");
  await polite.remove();
  await deaf.remove();
});

container("pauses and resumes", async () => {
  const one = await fixture.run("while :; do echo tick; sleep 0.01; done");
  await one.pause();
  assert.is((await one.inspect()).state, "paused");
  // What the pipe held at the freeze still reaches the log; after that nothing may.
  await new Promise((resolve) => setTimeout(resolve, 200));
  const before = (await logText(one)).length;
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.is((await logText(one)).length, before);
  await refusal(one.exec({ command: ["true"] }), "FAILED_PRECONDITION");
  await one.resume();
  assert.is((await one.inspect()).state, "running");
  await one.pause();
  assert.is((await one.stop({ timeoutSeconds: 0.1 })).signal, "SIGKILL");
  await one.remove();
});

container("refuses to remove what runs, unless forced", async () => {
  const one = await fixture.run("sleep 100");
  await refusal(one.remove(), "FAILED_PRECONDITION");
  await one.remove({ force: true });
  assert.equal(await fixture.runtime.containers.list({ all: true }), []);
});

container("removes itself where asked", async () => {
  const one = await fixture.run("exit 4", { autoRemove: true });
  assert.is((await one.wait()).code, 4);
  assert.equal(await fixture.runtime.containers.list({ all: true }), []);
});

container("tells the exit of one that has removed itself before anybody asked", async () => {
  const { id } = await until("remove", () => fixture.run("exit 5", { autoRemove: true, name: "gone" }));
  const one = await fixture.runtime.containers.get(id);
  assert.is((await one.wait()).code, 5);
  await refusal(fixture.runtime.containers.get("gone"), "NOT_FOUND");
  await fixture.run("true", { name: "gone" }).then((next) => next.remove({ force: true }));
});

container("follows the log of one that waits for its restart", async () => {
  const restart = { policy: "on-failure", maxRetries: 1 } as const;
  const one = await until("die", () => fixture.run("echo try; exit 1", { restart }));
  let lines = 0;
  for await (const { stream } of one.logs({ follow: true })) if (stream === "stdout") lines++;
  assert.is(lines, 2);
  await one.remove();
});

container("cancels a wait", async () => {
  const one = await fixture.run("sleep 100");
  const abort = new AbortController();
  const waiting = one.wait({ signal: abort.signal });
  abort.abort();
  await refusal(waiting, "CANCELLED");
  await one.remove({ force: true });
});

container("restarts on failure as often as told, and not after a stop", async () => {
  const failing = await fixture.run("echo try; exit 1", { restart: { policy: "on-failure", maxRetries: 2 } });
  assert.is((await failing.wait()).code, 1);
  assert.is(await logText(failing), "try\ntry\ntry\n");
  assert.is((await failing.inspect()).restarts, 2);
  const always = await fixture.run("sleep 100", { restart: { policy: "always" } });
  await always.stop({ timeoutSeconds: 0 });
  assert.is((await always.wait()).signal, "SIGKILL");
  assert.is((await always.inspect()).state, "stopped");
  await failing.remove();
  await always.remove();
});

container("tells its life as events", async () => {
  const abort = new AbortController();
  const seen: string[] = [];
  const reading = (async () => {
    for await (const event of fixture.runtime.events({ signal: abort.signal })) {
      seen.push(event.action);
      if (event.action === "remove") return;
    }
  })();
  const one = await fixture.create("exit 3");
  await one.start();
  await one.wait();
  await one.remove();
  await reading;
  assert.equal(seen, ["create", "start", "die", "remove"]);
});

container.run();
