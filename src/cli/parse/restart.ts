import type { RestartPolicy } from "../../api.js";
import { invalid } from "./invalid.js";
import { parseCount } from "./number.js";

/** `no`, `never`, `always`, `on-failure` or `on-failure:3`. */
export function parseRestart(text: string): RestartPolicy {
  if (text === "no" || text === "never") return { policy: "never" };
  if (text === "always") return { policy: "always" };
  if (text === "on-failure") return { policy: "on-failure" };
  const retries = /^on-failure:(.+)$/.exec(text)?.[1];
  if (retries !== undefined) return { policy: "on-failure", maxRetries: parseCount(retries) };
  throw invalid(`'${text}' is not a restart policy`, "the policies are no, always, on-failure and on-failure:N");
}
