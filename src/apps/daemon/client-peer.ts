// SPDX-License-Identifier: MIT

import type { ServerPeer } from "../../faces/pcsclite-server/index.ts";
import type { PeerCredentials, PeerProgram, PeerPrograms, UnixConnection } from "../../platform/node/unix/index.ts";
import { type AccessDecision, type AccessSubject, type ClientIdentity, decideAccess } from "../../port/index.ts";
import type { AccessRules } from "./config.ts";
import type { Log } from "./log.ts";

/** What the access check of a connection needs. */
export interface PeerDeps {
  /** The current rules: new ones apply to connected clients too. */
  rules(): AccessRules;
  readonly programs: PeerPrograms;
  /** Writes to the log. */
  readonly write: Log["write"];
}

/**
 * Makes a client of a connection: its identity, and its rights. The system is asked at once, while the connecting
 * process exists: its pid may be reused later.
 */
export function clientPeer(connection: UnixConnection, deps: PeerDeps): ServerPeer {
  return new ClientPeer(connection, deps);
}

class ClientPeer implements ServerPeer {
  readonly #connection: UnixConnection;
  readonly #deps: PeerDeps;
  #known: { readonly subject: AccessSubject; readonly identity: ClientIdentity } | undefined;
  /** The decision, and its rule; new rules are evaluated again. */
  #admission: { readonly rules: AccessRules; readonly admitted: boolean } | undefined;

  constructor(connection: UnixConnection, deps: PeerDeps) {
    this.#connection = connection;
    this.#deps = deps;
  }

  get identity(): ClientIdentity {
    return this.#lookUp().identity;
  }

  get admitted(): boolean {
    const { rules, write } = this.#deps;
    const current = rules();
    if (this.#admission?.rules !== current) {
      const { subject } = this.#lookUp();
      const decision = decideAccess(current.daemon, subject);
      if (!decision.allowed) logRefusal(write, subject, { list: "daemon", decision });
      this.#admission = { rules: current, admitted: decision.allowed };
    }
    return this.#admission.admitted;
  }

  mayUse(reader: string): boolean {
    const { rules, write } = this.#deps;
    const { subject } = this.#lookUp();
    const decision = decideAccess(rules().readers, subject, reader);
    if (!decision.allowed) logRefusal(write, subject, { list: "readers", decision, reader });
    return decision.allowed;
  }

  send(bytes: Uint8Array): void {
    this.#connection.send(bytes);
  }

  get unsentBytes(): number {
    return this.#connection.unsentBytes;
  }

  close(reason: string, how?: { readonly atOnce: boolean }): void {
    this.#connection.close(reason, how);
  }

  pause(): void {
    this.#connection.pause();
  }

  resume(): void {
    this.#connection.resume();
  }

  #lookUp(): { readonly subject: AccessSubject; readonly identity: ClientIdentity } {
    if (this.#known === undefined) {
      const { credentials } = this.#connection;
      const { programs } = this.#deps;
      const program =
        credentials?.pid === undefined
          ? undefined
          : programs.lookUp(credentials.pid, credentials.uid, credentials.started ?? "");
      this.#known = { subject: { credentials, program }, identity: identityOf(credentials, program) };
    }
    return this.#known;
  }
}

function identityOf(credentials: PeerCredentials | undefined, program: PeerProgram | undefined): ClientIdentity {
  return {
    name: program?.name ?? "unknown",
    ...(credentials?.pid !== undefined && { pid: credentials.pid }),
    ...(credentials !== undefined && { uid: credentials.uid }),
  };
}

/** Logs the rule, and the entry that would allow the client. */
function logRefusal(
  write: Log["write"],
  { credentials, program }: AccessSubject,
  refused: { list: keyof AccessRules; decision: AccessDecision; reader?: string },
): void {
  const { decision, list, reader } = refused;
  const rule = `$.access.${list}[${decision.rule ?? 0}]`;
  const allow = { effect: "allow", uid: credentials?.uid, ...(reader !== undefined && { reader }) };
  const what = reader === undefined ? "a client may not reach the daemon" : "a client may not use a reader";
  write("warn", `refused: ${what}`, {
    ...(reader !== undefined && { reader }),
    rule,
    uid: credentials?.uid,
    gid: credentials?.gid,
    pid: credentials?.pid,
    program: program?.path ?? program?.name,
    remedy:
      credentials === undefined
        ? `the system does not identify the client: only rules without uid, gid and program can allow it`
        : `to allow it, put ${JSON.stringify(allow)} before ${rule} and send the daemon SIGHUP`,
  });
}
