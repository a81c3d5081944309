import type { IncomingMessage } from "node:http";
import { TLSSocket } from "node:tls";
import { GranuleError } from "../../errors.js";
import type { CertificateRule } from "./rules.js";

export interface ClientCertificate {
  /** Attributes of the subject. One that stands there more than once is left out: it names nobody. */
  subject: Record<string, string>;
  /** Subject as text: `CN=ci,O=Example`. */
  name: string;
  expiresMs: number;
}

/**
 * The certificate that the client proved to hold, where the listener has a client CA and there is one.
 * @throws UNAUTHENTICATED where it does not hold
 */
export function clientCertificate({ socket }: IncomingMessage): ClientCertificate | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  const certificate = socket.getPeerCertificate();
  // Without one, an empty object comes back.
  if (certificate?.subject === undefined) return undefined;
  if (!socket.authorized) {
    // The types say Error; it is a code such as CERT_HAS_EXPIRED.
    const why = String(socket.authorizationError);
    throw new GranuleError("UNAUTHENTICATED", `the client certificate is not accepted: ${why}`);
  }
  const attributes = Object.entries<unknown>({ ...certificate.subject });
  const subject = Object.fromEntries(
    attributes.filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
  return {
    subject,
    name: attributes.map(([key, value]) => `${key}=${escaped(String(value))}`).join(","),
    expiresMs: Date.parse(certificate.valid_to),
  };
}

/** As RFC 4514 writes it, so that no value looks like a further attribute. */
function escaped(value: string): string {
  return value.replaceAll(/[,=+\\"<>;#\n]/g, (character) => `\\${character}`);
}

/** The first rule whose subject a certificate has. */
export function certificateRule(
  rules: CertificateRule[],
  { subject }: Pick<ClientCertificate, "subject">,
): CertificateRule | undefined {
  return rules.find((rule) => {
    const wanted = Object.entries(rule.subject);
    return wanted.length > 0 && wanted.every(([key, value]) => Object.hasOwn(subject, key) && subject[key] === value);
  });
}
