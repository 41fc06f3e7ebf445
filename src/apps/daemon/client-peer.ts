// SPDX-License-Identifier: MIT

import type { ServerPeer } from "../../faces/pcsclite-server/index.ts";
import type { PeerCredentials, PeerProgram, PeerPrograms, UnixConnection } from "../../platform/node/unix/index.ts";
import {
  type AccessDecision,
  type AccessRule,
  type AccessSubject,
  type ClientIdentity,
  decideAccess,
} from "../../port/index.ts";
import type { AccessRules } from "./config.ts";
import type { Log } from "./log.ts";

/** What the access check of a connection needs. */
export interface PeerDeps {
  /** The current rules: new ones apply to connected clients too. */
  rules(): AccessRules;
  readonly programs: PeerPrograms;
  /** Resolves when what is being answered has been sent. */
  breathe(): Promise<void>;
  /** Writes to the log. */
  readonly write: Log["write"];
}

/**
 * Makes a client of a connection: its identity, and its rights.
 *
 * Which program it runs takes a look into /proc, which takes longer than an answer. Where a rule asks for programs it is taken
 * at once: a process can become another program. Otherwise it is taken when the client has been answered its first request for a
 * card, while it most likely still runs, or when its name is wanted before.
 */
export function clientPeer(connection: UnixConnection, deps: PeerDeps): ServerPeer {
  return new ClientPeer(connection, deps);
}

/** The executables of clients, by their identities, as rules of a policy ask for them. */
const executables = new WeakMap<ClientIdentity, () => string | undefined>();

/** The path of a client's executable; undefined where it is not known. */
export function programOf(client: ClientIdentity): string | undefined {
  return executables.get(client)?.();
}

class ClientPeer implements ServerPeer {
  readonly #connection: UnixConnection;
  readonly #deps: PeerDeps;
  readonly #subject: AccessSubject;
  readonly identity: ClientIdentity;
  #program: { readonly known: PeerProgram | undefined } | undefined;
  #willBeNamed = false;
  /** The decision, and its rule; new rules are evaluated again. */
  #admission: { readonly rules: AccessRules; readonly admitted: boolean } | undefined;

  constructor(connection: UnixConnection, deps: PeerDeps) {
    this.#connection = connection;
    this.#deps = deps;
    const { credentials } = connection;
    const lookUp = (): PeerProgram | undefined => this.#lookUp();
    this.#subject = {
      credentials,
      get program() {
        return lookUp();
      },
    };
    this.identity = {
      get name() {
        return lookUp()?.name ?? "unknown";
      },
      ...(credentials?.pid !== undefined && { pid: credentials.pid }),
      ...(credentials !== undefined && { uid: credentials.uid }),
    };
    executables.set(this.identity, () => lookUp()?.path);
    const { daemon, readers } = deps.rules();
    if (daemon.some(asksForProgram) || readers.some(asksForProgram)) lookUp();
  }

  get admitted(): boolean {
    const { rules, write } = this.#deps;
    const current = rules();
    if (this.#admission?.rules !== current) {
      const decision = decideAccess(current.daemon, this.#subject);
      if (!decision.allowed) logRefusal(write, this.#subject, { list: "daemon", decision });
      this.#admission = { rules: current, admitted: decision.allowed };
    }
    return this.#admission.admitted;
  }

  mayUse(reader: string): boolean {
    const { breathe, rules, write } = this.#deps;
    if (!this.#willBeNamed) {
      this.#willBeNamed = true;
      void breathe().then(() => this.#lookUp());
    }
    const decision = decideAccess(rules().readers, this.#subject, reader);
    if (!decision.allowed) logRefusal(write, this.#subject, { list: "readers", decision, reader });
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

  #lookUp(): PeerProgram | undefined {
    this.#program ??= { known: programAt(this.#connection.credentials, this.#deps.programs) };
    return this.#program.known;
  }
}

function programAt(credentials: PeerCredentials | undefined, programs: PeerPrograms): PeerProgram | undefined {
  if (credentials?.pid === undefined) return undefined;
  return programs.lookUp(credentials.pid, credentials.uid, credentials.started ?? "");
}

function asksForProgram({ program }: AccessRule): boolean {
  return program !== undefined;
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
