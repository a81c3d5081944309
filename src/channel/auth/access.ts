import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { TokenInfo } from "../../api.js";
import { GranuleError } from "../../errors.js";
import type { PeerCredentials } from "../../native.js";
import type { Principal } from "../principal.js";
import { bearerToken } from "./bearer.js";
import { type ClientCertificate, certificateRule, clientCertificate } from "./certificate.js";
import { type AccessRules, type Grant, NO_RULES, type PeerRule } from "./rules.js";

/** What a server needs of the tokens. */
export interface TokenVerifier {
  verify(presented: string): TokenInfo | undefined;
  current(id: string): TokenInfo | undefined;
}

/** What a principal was recognized by, to be looked at again. */
type Credential =
  | { kind: "token"; id: string; expiresMs: number }
  | { kind: "certificate"; certificate: ClientCertificate; expiresMs: number }
  | { kind: "peer"; peer: PeerCredentials; expiresMs: number };

/** Decides at the HTTP upgrade who calls, before any frame, and later on whether that still holds. */
export class Access {
  #rules: AccessRules;
  readonly #tokens: TokenVerifier | undefined;
  /** Peers of unix sockets, as they were when they connected. */
  readonly #peers = new WeakMap<Socket, PeerCredentials>();
  readonly #credentials = new WeakMap<Principal, Credential>();

  constructor(rules: AccessRules = NO_RULES, tokens?: TokenVerifier) {
    this.#rules = rules;
    this.#tokens = tokens;
  }

  /** From now on other rules hold; `stillHolds` tells which connections they end. */
  replaceRules(rules: AccessRules): void {
    this.#rules = rules;
  }

  /** Remembers who connected to a unix socket. One that was never named here counts as a stranger. */
  connected(socket: Socket, peer: PeerCredentials): void {
    this.#peers.set(socket, peer);
  }

  /**
   * Who makes a request. A token that is presented decides alone, so that it never gives more than it says; then a
   * client certificate; then the peer of a unix socket.
   * @throws UNAUTHENTICATED or PERMISSION_DENIED, with what is missing
   */
  principalOf(request: IncomingMessage): Principal {
    const { origin } = request.headers;
    if (origin !== undefined && !this.#rules.origins.includes(origin)) {
      throw new GranuleError("PERMISSION_DENIED", `pages of ${printable(origin)} may not connect`, {
        hint: "add the origin to access.origins",
      });
    }
    const presented = bearerToken(request);
    if (presented !== undefined) return this.#byToken(presented);
    const certificate = clientCertificate(request);
    if (certificate !== undefined) return this.#byCertificate(certificate);
    const peer = this.#peers.get(request.socket);
    if (peer !== undefined) return this.#byPeer(peer);
    throw new GranuleError("UNAUTHENTICATED", "a token is needed");
  }

  /** Why a principal's connections have to end; undefined while they may go on. Reads nothing unless `thorough`. */
  lapsed(principal: Principal, thorough: boolean): string | undefined {
    const credential = this.#credentials.get(principal);
    if (credential === undefined) return undefined;
    if (credential.expiresMs <= Date.now()) return `the ${credential.kind} has expired`;
    if (!thorough) return undefined;
    const grant = this.#grantNow(credential);
    if (grant === undefined) return `the ${credential.kind} is no longer accepted`;
    return sameGrant(principal, grant) ? undefined : `what the ${credential.kind} allows has changed`;
  }

  /** The id of the token that a principal was recognized by. */
  tokenOf(principal: Principal): string | undefined {
    const credential = this.#credentials.get(principal);
    return credential?.kind === "token" ? credential.id : undefined;
  }

  #byToken(presented: string): Principal {
    const token = this.#tokens?.verify(presented);
    if (token === undefined) throw new GranuleError("UNAUTHENTICATED", "the token is unknown, revoked or expired");
    const expiresMs = token.expiresAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(token.expiresAt);
    return this.#admit(token.name === token.id ? `token:${token.id}` : `token:${token.name}:${token.id}`, token, {
      kind: "token",
      id: token.id,
      expiresMs,
    });
  }

  #byCertificate(certificate: ClientCertificate): Principal {
    const rule = certificateRule(this.#rules.certificates, certificate);
    if (rule === undefined) {
      throw new GranuleError("PERMISSION_DENIED", `the certificate ${printable(certificate.name)} has no role here`);
    }
    const { expiresMs } = certificate;
    return this.#admit(`certificate:${certificate.name}`, rule, { kind: "certificate", certificate, expiresMs });
  }

  #byPeer(peer: PeerCredentials): Principal {
    const grant = peerGrant(this.#rules.peers, peer);
    if (grant === undefined) {
      throw new GranuleError("PERMISSION_DENIED", `the user ${peer.uid} may not use this socket`, {
        hint: "add the user or a group of it to access.peers, or present a token",
      });
    }
    return this.#admit(`uid:${peer.uid}`, grant, { kind: "peer", peer, expiresMs: Number.POSITIVE_INFINITY });
  }

  #grantNow(credential: Credential): Grant | undefined {
    if (credential.kind === "token") return this.#tokens?.current(credential.id);
    if (credential.kind === "certificate") return certificateRule(this.#rules.certificates, credential.certificate);
    return peerGrant(this.#rules.peers, credential.peer);
  }

  #admit(name: string, { role, selector }: Grant, credential: Credential): Principal {
    const principal: Principal = selector === undefined ? { name, role } : { name, role, selector };
    this.#credentials.set(principal, credential);
    return principal;
  }
}

function peerGrant(rules: PeerRule[], peer: PeerCredentials): Grant | undefined {
  if (peer.uid === 0) return { role: "admin" };
  return rules.find(({ uid, gid }) =>
    gid === undefined ? uid === peer.uid : gid === peer.gid || peer.groups.includes(gid),
  );
}

function sameGrant(a: Grant | Principal, b: Grant): boolean {
  const tags = (selector: Readonly<Record<string, string>> = {}): string =>
    JSON.stringify(Object.entries(selector).sort(([x], [y]) => (x < y ? -1 : 1)));
  return a.role === b.role && tags(a.selector) === tags(b.selector);
}

/** What came from outside, fit for a log and a terminal. */
function printable(text: string): string {
  return text.slice(0, 200).replaceAll(/[^\x20-\x7e]/g, "?");
}
