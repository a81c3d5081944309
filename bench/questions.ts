import { GranuleError } from "../src/errors.js";
import type { Question } from "./harness/question.js";

type Load = () => Promise<{ question: Question }>;

/** Every question by name, in the order of a run of all: one file beside this one each. */
export const questions: Record<string, Load> = {
  start: () => import("./start.js"),
  throughput: () => import("./throughput.js"),
  exec: () => import("./exec.js"),
  logs: () => import("./logs.js"),
  enforce: () => import("./enforce.js"),
  sampling: () => import("./sampling.js"),
  metering: () => import("./metering.js"),
  density: () => import("./density.js"),
  scale: () => import("./scale.js"),
  thousand: () => import("./thousand.js"),
  unpack: () => import("./unpack.js"),
  pull: () => import("./pull.js"),
  channel: () => import("./channel.js"),
};

export async function loadQuestion(name: string): Promise<Question> {
  const load = questions[name];
  if (load === undefined) {
    throw new GranuleError("INVALID_ARGUMENT", `there is no question ${name}`, {
      hint: `there are ${Object.keys(questions).join(", ")}`,
    });
  }
  return (await load()).question;
}
