import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Container, CreateOptions, Role } from "../../src/api.js";
import type { Frame } from "../../src/channel/frames.js";
import { METHODS, type MethodName } from "../../src/channel/methods.js";
import type { Principal } from "../../src/channel/principal.js";
import { roleAllows } from "../../src/channel/roles.js";
import { type ChannelServer, serveChannel } from "../../src/channel/server.js";
import type { WireError } from "../../src/channel/wire-error.js";
import { Fixture } from "../runtime/fixture.js";
import { RawClient } from "./raw-client.js";
import { removeTestCgroup } from "./test-cgroup.js";

interface World {
  folder: string;
  fixture: Fixture;
  servers: ChannelServer[];
  clients: RawClient[];
  /** Another team's, running and stopped. */
  foreign: Container;
  foreignStopped: Container;
  own: Container;
}

const test = suite<World>("roles and selectors");
const foreignName = "orchid";
const missing = "0123456789abcdef0123456789abcdef";
const sleeps: CreateOptions = { image: "busybox", command: ["sh", "-c", "trap 'exit 0' TERM; sleep 600 & wait"] };

test.before(async (context) => {
  context.folder = mkdtempSync(join(tmpdir(), "granule-scope-"));
  context.servers = [];
  context.clients = [];
  context.fixture = await Fixture.open();
  const { containers } = context.fixture.runtime;
  context.foreign = await containers.run({ ...sleeps, name: foreignName, tags: { team: "a" } });
  context.foreignStopped = await containers.run({ image: "busybox", command: ["true"], tags: { team: "a" } });
  await context.foreignStopped.wait();
  context.own = await containers.run({ ...sleeps, name: "own", tags: { team: "b", tier: "web" } });
});

test.after(async (context) => {
  for (const client of context.clients) client.socket.terminate();
  for (const server of context.servers) await server.close({ graceMs: 0 });
  await context.fixture.close();
  rmSync(context.folder, { recursive: true });
  removeTestCgroup();
});

async function clientOf(context: World, principal: Principal): Promise<RawClient> {
  const path = join(context.folder, `${context.servers.length}.sock`);
  context.servers.push(await serveChannel(context.fixture.runtime, { path, authenticate: () => principal }));
  const client = await RawClient.open(`unix:${path}`);
  context.clients.push(client);
  return client;
}

const bound = (role: Role): Principal => ({ name: `${role} of b`, role, selector: { team: "b" } });

let lastId = 0;

async function ask(client: RawClient, method: MethodName, params: object = {}): Promise<unknown> {
  const frame = await client.ask(++lastId, method, params);
  if (frame[0] === 3) return Promise.reject(frame[2]);
  return frame[2];
}

async function errorOf(promise: Promise<unknown>): Promise<WireError> {
  try {
    await promise;
  } catch (thrown) {
    return thrown as WireError;
  }
  throw new Error("expected an error");
}

/** What else a method takes besides the container that it is about. */
const TARGETED: Partial<Record<MethodName, object>> = {
  "containers.start": {},
  "containers.inspect": {},
  "containers.wait": {},
  "containers.kill": { signal: "SIGKILL" },
  "containers.stop": { timeoutSeconds: 0 },
  "containers.restart": { timeoutSeconds: 0 },
  "containers.pause": {},
  "containers.resume": {},
  "containers.update": { limits: { pids: 7 } },
  "containers.remove": { force: true },
  "containers.resize": { rows: 5, columns: 5 },
  "containers.exec": { command: ["true"] },
  "containers.attach": {},
  "containers.logs": {},
  "samples.subscribe": {},
};

/** What a method that names no container shows or makes is tested one by one below. */
const BY_HAND: readonly MethodName[] = [
  "channel.ping",
  "runtime.info",
  "images.list",
  "images.inspect",
  "containers.create",
  "containers.run",
  "containers.list",
  "containers.prune",
  "events.subscribe",
  "usage.query",
  "usage.summarize",
  "usage.curves",
  "usage.prices",
  "usage.budgets",
];

test("every method has been decided on", () => {
  const host = Object.entries(METHODS).filter(([, { reach }]) => reach === "host");
  const decided = [...Object.keys(TARGETED), ...BY_HAND, ...host.map(([name]) => name)].sort();
  assert.equal(decided, Object.keys(METHODS).sort(), "a new method needs a case here");
});

test("a method is refused to each role below its own, and said to be in the hello", async (context) => {
  for (const role of ["reader", "operator", "admin"] as const) {
    const client = await clientOf(context, { name: role, role });
    const allowed: MethodName[] = [];
    for (const method of Object.keys(METHODS) as MethodName[]) {
      // Params that fit no method: whoever may call it hears of them.
      const frame = await client.ask(
        ++lastId,
        method,
        METHODS[method].role === "reader" ? { id: 7, tags: 7, after: 7 } : 7,
      );
      const code = frame[0] === 3 ? frame[2].code : "OK";
      assert.is(code === "PERMISSION_DENIED", !roleAllows(role, METHODS[method].role), `${role} ${method}: ${code}`);
      if (code !== "PERMISSION_DENIED") allowed.push(method);
    }
    const hello = client.frames.find((frame) => frame[0] === 0) as Extract<Frame, [0, ...unknown[]]>;
    assert.equal(hello[1].methods, allowed);
  }
});

test("methods that reach the host are closed to a selector, whatever the role", async (context) => {
  const client = await clientOf(context, bound("admin"));
  for (const [method, { reach }] of Object.entries(METHODS)) {
    if (reach !== "host") continue;
    assert.is((await errorOf(ask(client, method as MethodName))).code, "PERMISSION_DENIED", method);
  }
  const hello = client.frames.find((frame) => frame[0] === 0) as Extract<Frame, [0, ...unknown[]]>;
  assert.equal(
    hello[1].methods.filter((name) => METHODS[name as MethodName].reach === "host"),
    [],
  );
});

test("a foreign container is answered for as one that never was, by id, prefix and name", async (context) => {
  const client = await clientOf(context, bound("operator"));
  const targets = [context.foreign.id, context.foreign.id.slice(0, 9), foreignName, context.foreignStopped.id];
  for (const [method, more] of Object.entries(TARGETED) as [MethodName, object][]) {
    const none = await errorOf(ask(client, method, { ...more, id: missing }));
    assert.is(none.code, "NOT_FOUND", method);
    for (const id of targets) {
      const error = await errorOf(ask(client, method, { ...more, id }));
      assert.equal(JSON.parse(JSON.stringify(error).replaceAll(id, missing)), none, `${method} ${id}`);
    }
  }
  const info = await context.foreign.inspect();
  assert.is(info.state, "running");
  assert.is(info.restarts, 0);
  assert.is(info.options.pids, undefined);
  assert.is((await context.foreignStopped.inspect()).state, "stopped");
});

test("one's own is reached as ever, also where a foreign one is in the way of a prefix", async (context) => {
  const client = await clientOf(context, bound("operator"));
  const { id } = context.own;
  for (const named of [id, id.slice(0, 12), "own"]) {
    assert.is(((await ask(client, "containers.inspect", { id: named })) as { id: string }).id, id);
  }
  // Of seventeen ids, two begin with the same digit.
  const { containers } = context.fixture.runtime;
  const made = [];
  for (let count = 0; count < 16; count++) made.push(await containers.create({ ...sleeps, tags: { team: "a" } }));
  const mine = await ask(client, "containers.create", { ...sleeps, name: "prefixed" });
  const ids = [...made.map((container) => container.id), (mine as { id: string }).id];
  const doubled = ids.find((one) => ids.some((other) => other !== one && other[0] === one[0]));
  const error = await errorOf(ask(client, "containers.inspect", { id: "f".repeat(31) }));
  assert.is(error.code, "NOT_FOUND");
  const foreignDigit = await ask(client, "containers.inspect", { id: doubled?.[0] }).catch(
    (thrown: WireError) => thrown.code,
  );
  const own = await containers.list({ all: true, tags: { team: "b" } });
  const fits = own.filter((info) => info.id[0] === doubled?.[0]);
  if (fits.length === 0) assert.is(foreignDigit, "NOT_FOUND");
  else if (fits.length === 1) assert.is((foreignDigit as { id: string }).id, fits[0]?.id);
  else assert.is(foreignDigit, "INVALID_ARGUMENT");
  for (const container of made) await container.remove();
});

test("lists, usage and images show nothing foreign, whatever is filtered by", async (context) => {
  const client = await clientOf(context, bound("reader"));
  const { foreign, own } = context;
  const answers = [
    await ask(client, "channel.ping"),
    await ask(client, "runtime.info"),
    await ask(client, "images.list"),
    await ask(client, "images.inspect", { id: "busybox" }),
    await ask(client, "containers.list", { all: true }),
    await ask(client, "containers.list", { all: true, tags: { team: "a" } }),
    await ask(client, "usage.query", {}),
    await ask(client, "usage.query", { tags: { team: "a" } }),
    await ask(client, "usage.query", { id: foreign.id }),
    await ask(client, "usage.summarize", { by: ["id"] }),
    await ask(client, "usage.summarize", { id: foreign.id }),
    await ask(client, "usage.curves", { id: foreign.id }),
    await ask(client, "usage.prices", {}),
    await ask(client, "usage.budgets", {}),
  ];
  const text = JSON.stringify(answers);
  for (const secret of [foreign.id, context.foreignStopped.id, foreignName]) assert.not(text.includes(secret));
  const [, , , , listed, narrowed, used, usedNarrowed, usedById] = answers as { id: string }[][];
  assert.ok(listed?.some(({ id }) => id === own.id));
  assert.equal(narrowed, []);
  assert.ok(used?.some(({ id }) => id === own.id));
  assert.equal(usedNarrowed, []);
  assert.equal(usedById, []);
  const tier = (await ask(client, "containers.list", { tags: { tier: "web" } })) as { id: string }[];
  assert.equal(
    tier.map(({ id }) => id),
    [own.id],
  );
});

test("what is made carries the selector's tags, and no others in their place", async (context) => {
  const client = await clientOf(context, bound("operator"));
  const { containers } = context.fixture.runtime;
  for (const method of ["containers.create", "containers.run"] as const) {
    const { id } = (await ask(client, method, { ...sleeps, tags: { tier: "db" } })) as { id: string };
    const container = await containers.get(id);
    assert.equal((await container.inspect()).tags, { tier: "db", team: "b" });
    await container.remove({ force: true });
    const count = (await containers.list({ all: true })).length;
    assert.is((await errorOf(ask(client, method, { ...sleeps, tags: { team: "a" } }))).code, "PERMISSION_DENIED");
    assert.is((await containers.list({ all: true })).length, count);
  }
});

test("that a name is taken tells not by whom, unless it is one's own", async (context) => {
  const client = await clientOf(context, bound("operator"));
  const error = await errorOf(ask(client, "containers.create", { ...sleeps, name: foreignName }));
  assert.is(error.code, "ALREADY_EXISTS");
  assert.is(error.details, undefined);
  assert.not(JSON.stringify(error).includes(context.foreign.id));
  const own = await errorOf(ask(client, "containers.create", { ...sleeps, name: "own" }));
  assert.is(own.details?.["id"], context.own.id);
});

test("prune leaves foreign ones", async (context) => {
  const client = await clientOf(context, bound("operator"));
  const { id } = (await ask(client, "containers.run", { image: "busybox", command: ["true"] })) as { id: string };
  await ask(client, "containers.wait", { id });
  const pruned = (await ask(client, "containers.prune")) as string[];
  assert.ok(pruned.includes(id));
  assert.is((await context.foreignStopped.inspect()).state, "stopped");
});

test("events of foreign containers leave no trace, not even a hole in the numbers", async (context) => {
  const client = await clientOf(context, bound("reader"));
  const { subscription } = (await ask(client, "events.subscribe")) as { subscription: number };
  await context.own.pause();
  for (let count = 0; count < 3; count++) {
    await context.foreign.pause();
    await context.foreign.resume();
  }
  await context.own.resume();
  const isItem = (frame: Frame): boolean => frame[0] === 9 && frame[1] === subscription;
  type Event = { id: string; seq: number; epoch: string; action: string };
  const item = (frame: Frame): Event => frame[2] as Event;
  await client.until((frame) => isItem(frame) && item(frame).action === "resume");
  const events = client.frames.filter(isItem).map(item);
  assert.equal(
    events.map(({ id, action }) => [id, action]),
    [
      [context.own.id, "pause"],
      [context.own.id, "resume"],
    ],
  );
  const [first, second] = events;
  assert.is(second?.seq, (first?.seq ?? 0) + 1);
  // A cursor of one connection resumes on another; one of the host's own numbers does not.
  const later = await clientOf(context, bound("reader"));
  const after = { epoch: first?.epoch, seq: first?.seq };
  const resumed = (await ask(later, "events.subscribe", { after })) as { subscription: number };
  const again = await later.until((frame) => frame[0] === 9 && frame[1] === resumed.subscription);
  assert.is(item(again).action, "resume");
  const unbound = await clientOf(context, { name: "all", role: "reader" });
  const host = (await ask(unbound, "events.subscribe")) as { subscription: number };
  await context.own.pause();
  const seen = item(await unbound.until((frame) => frame[0] === 9 && frame[1] === host.subscription));
  await context.own.resume();
  assert.is.not(seen.epoch, first?.epoch);
  const foreignCursor = { after: { epoch: seen.epoch, seq: seen.seq } };
  assert.is((await errorOf(ask(later, "events.subscribe", foreignCursor))).code, "CURSOR_EXPIRED");
});

test("samples are of one's own alone", async (context) => {
  const client = await clientOf(context, bound("reader"));
  const { subscription } = (await ask(client, "samples.subscribe")) as { subscription: number };
  const isItem = (frame: Frame): boolean => frame[0] === 9 && frame[1] === subscription;
  await client.until(isItem);
  client.frames.length = 0;
  await client.until(isItem);
  const ids = client.frames.filter(isItem).flatMap((frame) => (frame[2] as { samples: { id: string }[] }).samples);
  assert.ok(ids.some(({ id }) => id === context.own.id));
  assert.not(ids.some(({ id }) => id === context.foreign.id));
});

test("only an admin without a selector makes containers that reach the host", async (context) => {
  const reaching: object[] = [
    { mounts: [{ type: "bind", source: "/tmp", target: "/host" }] },
    { network: "host" },
    { capAdd: ["SYS_ADMIN"] },
    { seccomp: "unconfined" },
  ];
  const contained = { mounts: [{ type: "tmpfs", target: "/t" }], network: "none", capAdd: [], seccomp: "default" };
  const refused: Principal[] = [{ name: "o", role: "operator" }, bound("operator"), bound("admin")];
  for (const principal of refused) {
    const client = await clientOf(context, principal);
    for (const options of reaching) {
      for (const method of ["containers.create", "containers.run"] as const) {
        const { code } = await errorOf(ask(client, method, { ...sleeps, ...options }));
        assert.is(code, "PERMISSION_DENIED", `${principal.name} ${JSON.stringify(options)}`);
      }
    }
    for (const options of reaching) {
      const { code } = await errorOf(ask(client, "runtime.warm", { ...sleeps, ...options, count: 1 }));
      assert.is(code, "PERMISSION_DENIED", `${principal.name} warms ${JSON.stringify(options)}`);
    }
    const { id } = (await ask(client, "containers.create", { ...sleeps, ...contained })) as { id: string };
    await ask(client, "containers.remove", { id });
  }
  const admin = await clientOf(context, { name: "root", role: "admin" });
  const { id } = (await ask(admin, "containers.create", { ...sleeps, ...reaching[0] })) as { id: string };
  await ask(admin, "containers.remove", { id });
});

test.run();
