import type { Metering } from "./metering.js";

/** Metering that measures nothing, for a host where the sampler cannot run. */
export const idleMetering: Metering = {
  start: () => undefined,
  resume: () => undefined,
  resize: () => undefined,
  stop: () => undefined,
  samples: async function* () {},
  usage: () => [],
  close: () => undefined,
};
