/** A way to authenticate that a server offers (RFC 9110, 11.6.1). */
export interface Challenge {
  /** Lower case, such as `bearer` or `basic`. */
  scheme: string;
  /** By lower-case name. */
  parameters: Record<string, string>;
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const PARAMETER = new RegExp(`^(${TOKEN})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|(${TOKEN}))`);
const SCHEME = new RegExp(`^(${TOKEN})(?=\\s|,|$)`);

/** The challenges of WWW-Authenticate headers, in their order. What is not understood is passed over. */
export function parseChallenges(header: string | readonly string[] | undefined): Challenge[] {
  const found: Challenge[] = [];
  for (const text of header === undefined ? [] : typeof header === "string" ? [header] : header) {
    let rest = text.trim();
    while (rest !== "") {
      const parameter = PARAMETER.exec(rest);
      const scheme = parameter ? undefined : SCHEME.exec(rest)?.[1];
      const current = found.at(-1);
      if (parameter && current) {
        const [, name = "", quoted, plain] = parameter;
        current.parameters[name.toLowerCase()] = quoted === undefined ? (plain ?? "") : quoted.replace(/\\(.)/g, "$1");
      } else if (scheme !== undefined) {
        found.push({ scheme: scheme.toLowerCase(), parameters: {} });
      }
      const taken = parameter?.[0].length ?? scheme?.length ?? 1;
      rest = rest.slice(taken).replace(/^[\s,]+/, "");
    }
  }
  return found;
}
