import type { Container, LoadProgress } from "../api.js";
import { GranuleError } from "../errors.js";
import { AttachmentBridge } from "./attachment-bridge.js";
import type { Call } from "./call.js";
import { openEvents, openLoad, openLogs, openSamples } from "./feeds.js";
import type { MethodName, Params, Result } from "./protocol.js";

/** How each method of the protocol is done by a runtime. */
export const HANDLERS: { [M in MethodName]: (call: Call, params: Params<M>) => Promise<Result<M>> } = {
  "channel.ping": async () => null,
  "runtime.info": (call) => call.runtime.info(),

  "runtime.warm": async (call, options) => {
    await call.runtime.warm(options);
    return null;
  },

  "images.list": (call) => call.runtime.images.list(),
  "images.inspect": (call, { id }) => call.runtime.images.inspect(id),
  "images.load": async (call, { path, name, progress }) => {
    const naming = name === undefined ? {} : { name };
    const load = async (signal: AbortSignal, onProgress?: (progress: LoadProgress) => void) => ({
      images: await call.runtime.images.load(path, { ...naming, signal, ...(onProgress && { onProgress }) }),
    });
    return progress === true ? openLoad(call, load) : load(call.signal);
  },
  "images.import": async (call, { path, name, config, progress }) => {
    const naming = config === undefined ? { name } : { name, config };
    const load = async (signal: AbortSignal, onProgress?: (progress: LoadProgress) => void) => ({
      images: [await call.runtime.images.import(path, { ...naming, signal, ...(onProgress && { onProgress }) })],
    });
    return progress === true ? openLoad(call, load) : load(call.signal);
  },
  "images.pull": async (call, { reference, progress, ...options }) => {
    const pull = async (signal: AbortSignal, onProgress?: (progress: LoadProgress) => void) => ({
      images: [await call.runtime.images.pull(reference, { ...options, signal, ...(onProgress && { onProgress }) })],
    });
    return progress === true ? openLoad(call, pull) : pull(call.signal);
  },
  "images.save": async (call, { names, path }) => {
    await call.runtime.images.save(names, path, { signal: call.signal });
    return null;
  },
  "images.tag": (call, { id, name }) => call.runtime.images.tag(id, name),
  "images.prune": (call, options) => call.runtime.images.prune(options),
  "images.verify": async (call, { id, progress }) => {
    const verify = async (signal: AbortSignal, onProgress?: (progress: LoadProgress) => void) => ({
      checks: await call.runtime.images.verify(id, { signal, ...(onProgress && { onProgress }) }),
    });
    return progress === true ? openLoad(call, verify) : verify(call.signal);
  },
  "images.remove": async (call, { id, ...options }) => {
    await call.runtime.images.remove(id, options);
    return null;
  },

  "containers.create": async (call, options) => ({ id: (await call.runtime.containers.create(options)).id }),
  "containers.run": async (call, options) => ({ id: (await call.runtime.containers.run(options)).id }),
  "containers.start": (call, { id }) => nothing(call, id, (container) => container.start()),
  "containers.inspect": async (call, { id }) => (await call.container(id)).inspect(),
  "containers.list": (call, filter) => call.runtime.containers.list(filter),
  "containers.wait": async (call, { id }) => (await call.container(id)).wait({ signal: call.signal }),
  "containers.kill": (call, { id, signal }) => nothing(call, id, (container) => container.kill(signal)),
  "containers.stop": async (call, { id, ...options }) => (await call.container(id)).stop(options),
  "containers.restart": (call, { id, ...options }) => nothing(call, id, (container) => container.restart(options)),
  "containers.pause": (call, { id }) => nothing(call, id, (container) => container.pause()),
  "containers.resume": (call, { id }) => nothing(call, id, (container) => container.resume()),
  "containers.update": async (call, { id, limits }) => (await call.container(id)).update(limits),
  "containers.export": (call, { id, path }) =>
    nothing(call, id, (container) => container.export(path, { signal: call.signal })),
  "containers.remove": (call, { id, ...options }) => nothing(call, id, (container) => container.remove(options)),
  "containers.prune": (call) => call.runtime.containers.prune(),
  "containers.resize": async (call, { id, attachment, rows, columns }) => {
    if (attachment === undefined) {
      if (id === undefined) throw new GranuleError("INVALID_ARGUMENT", "id: expected a value");
      return nothing(call, id, (container) => container.resize(rows, columns));
    }
    const terminal = call.host.terminals.get(attachment);
    if (terminal === undefined) throw new GranuleError("NOT_FOUND", `no attachment ${attachment} on this connection`);
    await terminal.resize(rows, columns);
    return null;
  },
  "containers.exec": async (call, { id, ...options }) => {
    const container = await call.container(id);
    const streams = bridge(call, await container.exec(options), options.stdin === true);
    call.remembered = Promise.reject(
      new GranuleError("FAILED_PRECONDITION", "the process was started before, and its streams went to that caller"),
    );
    call.remembered.catch(() => {});
    return streams;
  },
  "containers.attach": async (call, { id, ...options }) => {
    const container = await call.container(id);
    // As in-process: whoever attaches may write unless told otherwise.
    return bridge(call, await container.attach(options), options.stdin !== false);
  },
  "containers.logs": async (call, { id, ...options }) => openLogs(call, await call.container(id), options),

  "events.subscribe": async (call, { after }) => openEvents(call, after),
  "samples.subscribe": async (call, { id, after }) => {
    if (id === undefined) return openSamples(call, "", call.runtime, after);
    const container = await call.container(id);
    return openSamples(call, container.id, container, after);
  },
  "usage.query": (call, filter) => call.runtime.usage.query(filter),
  "usage.summarize": (call, options) => call.runtime.usage.summarize(options),
  "usage.curves": (call, filter) => call.runtime.usage.curves(filter),
  "usage.verify": (call, options) => call.runtime.usage.verify(options),
  "usage.prices": (call) => call.runtime.usage.prices(),
  "usage.setPrices": (call, sheet) => call.runtime.usage.setPrices(sheet),
  "usage.budgets": (call) => call.runtime.usage.budgets(),
  "usage.setBudget": (call, budget) => call.runtime.usage.setBudget(budget),
  "usage.setRetention": (call, retention) => call.runtime.usage.setRetention(retention),
  "usage.status": (call) => call.runtime.usage.status(),
  "usage.metrics": (call) => call.runtime.usage.metrics(),

  "tokens.create": (call, options) => call.runtime.tokens.create(options),
  "tokens.list": (call) => call.runtime.tokens.list(),
  "tokens.revoke": (call, { id }) => call.runtime.tokens.revoke(id),
};

/** The call that takes back what a call has made, where its caller gave it up before it knew. */
export const UNDO: { [M in MethodName]?: (result: unknown) => { method: MethodName; params: unknown } } = {
  "containers.create": removal,
  "containers.run": removal,
};

function removal(result: unknown): { method: MethodName; params: Params<"containers.remove"> } {
  const { id } = result as Result<"containers.create">;
  return { method: "containers.remove", params: { id, force: true } };
}

async function nothing(call: Call, id: string, act: (container: Container) => Promise<void>): Promise<null> {
  await act(await call.container(id));
  return null;
}

async function bridge(
  call: Call,
  attachment: Awaited<ReturnType<Container["attach"]>>,
  stdin: boolean,
): Promise<Result<"containers.exec">> {
  try {
    const joined = new AttachmentBridge(call.host, attachment, stdin);
    call.onAnswered(() => joined.start());
    return joined.streams;
  } catch (error) {
    await attachment.detach();
    throw error;
  }
}
