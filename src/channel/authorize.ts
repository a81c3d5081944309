import type { Runtime } from "../api.js";
import { GranuleError } from "../errors.js";
import { METHODS, type MethodName } from "./methods.js";
import type { Principal } from "./principal.js";
import { roleAllows } from "./roles.js";
import { GuardedRuntime, ScopedRuntime } from "./scope/bounded-runtime.js";
import { selectorText } from "./scope/selector.js";

/**
 * Whether a principal may call a method: the one place where roles are checked, from the table.
 * @throws PERMISSION_DENIED naming the role that it takes.
 */
export function authorize(principal: Principal, method: MethodName): void {
  const least = METHODS[method].role;
  if (!roleAllows(principal.role, least)) {
    throw new GranuleError(
      "PERMISSION_DENIED",
      `${method} needs the role ${least}; ${principal.name} has ${principal.role}`,
    );
  }
  if (principal.selector !== undefined && METHODS[method].reach === "host") {
    const bound = selectorText(principal.selector);
    throw new GranuleError(
      "PERMISSION_DENIED",
      `${method} reaches the whole host; ${principal.name} is bound to ${bound}`,
    );
  }
}

/** The methods that a principal may call. */
export function methodsOf(principal: Principal): MethodName[] {
  return (Object.keys(METHODS) as MethodName[]).filter((method) => {
    try {
      authorize(principal, method);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * The runtime as a principal may see it: the one place where selectors are enforced, since a call has nothing but this
 * to reach containers with. Gives the same object for the same bounds, so that connections share what they watch.
 */
export function runtimeFor(principal: Principal, runtime: Runtime): Runtime {
  const { role, selector } = principal;
  if (selector === undefined && role === "admin") return runtime;
  const bounds = JSON.stringify([role, Object.entries(selector ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))]);
  const ofRuntime = bounded.get(runtime) ?? new Map<string, Runtime>();
  bounded.set(runtime, ofRuntime);
  const found = ofRuntime.get(bounds);
  if (found !== undefined) return found;
  const made =
    selector === undefined ? new GuardedRuntime(runtime, principal) : new ScopedRuntime(runtime, principal, selector);
  ofRuntime.set(bounds, made);
  return made;
}

const bounded = new WeakMap<Runtime, Map<string, Runtime>>();
