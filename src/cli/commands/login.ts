import { text } from "node:stream/consumers";
import type { Command } from "commander";
import type { RegistryCredentials } from "../../api.js";
import { login, registryDomain } from "../../image/registry/login.js";
import type { CliContext } from "../context.js";
import { printLine } from "../output.js";
import { invalid } from "../parse/invalid.js";
import { ask } from "../terminal/ask.js";

interface LoginOptions {
  username?: string;
  password?: string;
  passwordStdin?: boolean;
  azureTokenStdin?: boolean;
  tenant?: string;
  insecure?: boolean;
}

export function register(command: Command, _context: CliContext): void {
  command
    .argument("[registry]", "host[:port]; Docker Hub unless given")
    .option("-u, --username <name>", "asked for where it is not given")
    .option("-p, --password <password>", "seen by everybody on this host: better typed, or read by --password-stdin")
    .option("--password-stdin", "read the password or token from stdin")
    .option("--azure-token-stdin", "read an Azure AD access token from stdin and exchange it at an Azure registry")
    .option("--tenant <id>", "with --azure-token-stdin: the tenant of the token")
    .option("--insecure", "allow plain http, and a certificate that nobody vouches for")
    .action(async (registry: string | undefined, options: LoginOptions) => {
      const domain = registryDomain(registry ?? "docker.io");
      const credentials = await credentialsOf(domain, options);
      const place = await login(domain, credentials, { insecure: options.insecure === true });
      printLine(`logged in to ${domain}; the credentials are in ${place}`);
    });
}

async function credentialsOf(domain: string, options: LoginOptions): Promise<RegistryCredentials> {
  if (options.azureTokenStdin) {
    const azureToken = await secretOfStdin();
    return options.tenant === undefined ? { azureToken } : { azureToken, tenant: options.tenant };
  }
  if (options.passwordStdin && options.username === undefined) {
    throw invalid("--password-stdin needs a user name", "give it with -u");
  }
  if (!options.passwordStdin && options.password === undefined && !process.stdin.isTTY) {
    throw invalid("there is no terminal to ask for the password at", "pipe it in with -u NAME --password-stdin");
  }
  const username = options.username ?? (await ask(`Username for ${domain}: `, { echo: true }));
  if (username === "") throw invalid("the user name is empty", "give it with -u");
  const password = options.passwordStdin
    ? await secretOfStdin()
    : (options.password ?? (await ask(`Password of ${username}: `, { echo: false })));
  if (password === "") throw invalid("the password is empty", "try again");
  return { username, password };
}

/** Without the line's end that echo and files put behind it. */
async function secretOfStdin(): Promise<string> {
  return (await text(process.stdin)).replace(/\r?\n$/, "");
}
