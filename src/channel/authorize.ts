import type { Runtime } from "../api.js";
import { GranuleError } from "../errors.js";
import { METHODS, type MethodName } from "./methods.js";
import type { Principal } from "./principal.js";
import { roleAllows } from "./roles.js";

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
}

/**
 * The runtime as a principal may see it: the one place where selectors are enforced, since a call has nothing but this
 * to reach containers with. Gives the same object for the same bounds, so that connections share what they watch.
 * @throws UNSUPPORTED for a principal with a selector: better no access than access without bounds.
 */
export function runtimeFor(principal: Principal, runtime: Runtime): Runtime {
  if (principal.selector === undefined) return runtime;
  throw new GranuleError("UNSUPPORTED", "this server does not enforce selectors");
}
