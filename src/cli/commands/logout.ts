import type { Command } from "commander";
import { logout, registryDomain } from "../../image/registry/login.js";
import type { CliContext } from "../context.js";
import { printLine } from "../output.js";

export function register(command: Command, _context: CliContext): void {
  command.argument("[registry]", "host[:port]; Docker Hub unless given").action(async (registry = "docker.io") => {
    const domain = registryDomain(registry);
    printLine((await logout(domain)) ? `logged out of ${domain}` : `there was no login to ${domain}`);
  });
}
