// SPDX-License-Identifier: MIT

import { encodeHex, equalBytes } from "../../base/binary/index.ts";
import { type CancelTimer, type Runtime, SmartCardError } from "../../port/index.ts";
import {
  decodeHello,
  decodeIntroduction,
  defaultFarmTimes,
  encodeHelloAnswer,
  encodeWelcome,
  FARM_VERSION,
  type FarmBus,
  type FarmHello,
  type FarmMessage,
  type FarmRefusal,
  FarmSession,
  type FarmTimes,
  farmPrologue,
  helloSubject,
  inSubject,
  isFarmName,
  outSubject,
} from "../../wire/farm/index.ts";
import {
  NOISE_KEY_BYTES,
  type NoiseConnection,
  type NoiseCrypto,
  type NoiseKeys,
  NoiseResponder,
} from "../../wire/noise/index.ts";
import {
  PcscliteServer,
  type ServerLimits,
  type ServerLogEntry,
  type ServerManager,
  type ServerSession,
} from "../pcsclite-server/index.ts";
import { GrantedTable } from "./granted-table.ts";
import { type FarmClientGrant, isGranted } from "./grants.ts";

/** What a host may have at once. Times are in milliseconds. */
export interface FarmAgentLimits {
  /** Sessions of all clients. */
  readonly sessions: number;
  /** Sessions of one client. */
  readonly sessionsPerClient: number;
  /** How long a session may take from its handshake to its first message. */
  readonly firstMs: number;
}

/** The limits in force where none are given. */
const defaultFarmAgentLimits: FarmAgentLimits = { sessions: 4096, sessionsPerClient: 512, firstMs: 10_000 };

/** What one client's service may hold and how it takes turns: a turn is kept for a client whose next try is on its way through a network. */
const serverLimits: Partial<ServerLimits> = { clientBytes: 4_194_304, clientBytesPerUid: 4_194_304, graceMs: 2_000 };

/** What a host of a farm is made with. */
export interface FarmAgentOptions {
  readonly bus: FarmBus;
  readonly crypto: NoiseCrypto;
  readonly runtime: Runtime;
  /** The manager whose readers are offered. */
  readonly manager: ServerManager;
  readonly farm: string;
  /** The name of this host. */
  readonly host: string;
  readonly keys: NoiseKeys;
  /** The clients that are served; asked for each new session, so that the list may change. */
  readonly clients: () => readonly FarmClientGrant[];
  readonly times?: FarmTimes;
  readonly limits?: Partial<FarmAgentLimits>;
  readonly log?: (entry: ServerLogEntry) => void;
}

/** One client's service, and its sessions. */
interface Served {
  readonly grant: FarmClientGrant;
  readonly server: PcscliteServer;
  readonly sessions: Map<string, Open>;
}

/** A session that has begun. */
interface Open {
  readonly session: FarmSession;
  readonly end: (reason: string) => void;
}

/**
 * A host of a farm: it offers the readers of a manager to the clients that it knows, over a broker that it does not trust. Each session is
 * one of a program on this machine: locks stay here, waits are in the order in which they came, and where a session ends, its
 * transactions end with it and its cards are reset.
 */
export class FarmAgent {
  readonly #options: FarmAgentOptions;
  readonly #limits: FarmAgentLimits;
  readonly #log: (entry: ServerLogEntry) => void;
  readonly #served = new Map<string, Served>();
  #stops: (() => void)[] = [];
  #isStopping = false;

  /** @throws invalid-parameter for the name of a farm or a host that has other characters */
  constructor(options: FarmAgentOptions) {
    for (const [what, name] of [
      ["farm", options.farm],
      ["host", options.host],
    ] as const) {
      if (isFarmName(name)) continue;
      const message = `the name of the ${what} is "${name}"; give small letters, digits and hyphens`;
      throw new SmartCardError("invalid-parameter", message);
    }
    this.#options = options;
    this.#limits = { ...defaultFarmAgentLimits, ...options.limits };
    this.#log = options.log ?? (() => {});
  }

  /** Begins to answer. Settles when the broker knows of it. */
  async start(): Promise<void> {
    const { bus, farm, host } = this.#options;
    this.#stops = await Promise.all([
      bus.subscribe(inSubject(farm, host, "*", "*"), (message) => this.#take(message)),
      bus.subscribe(helloSubject(farm, host, "*"), (message) => this.#greet(message)),
    ]);
  }

  /** How many sessions there are. */
  get sessions(): number {
    return [...this.#served.values()].reduce((sum, { sessions }) => sum + sessions.size, 0);
  }

  /** Ends the sessions of clients that are not known any more, or may use other readers now. */
  review(): void {
    const grants = this.#options.clients();
    for (const [name, { grant, sessions }] of this.#served) {
      const now = grants.find((each) => each.name === name);
      if (now !== undefined && JSON.stringify(now) === JSON.stringify(grant)) continue;
      this.#served.delete(name);
      for (const { end } of [...sessions.values()]) end("the rights of this client have changed");
    }
  }

  /** Ends all sessions, and answers no more. */
  async close(): Promise<void> {
    this.#isStopping = true;
    for (const stop of this.#stops) stop();
    await Promise.all([...this.#served.values()].map(({ server }) => server.close()));
    for (const { sessions } of this.#served.values()) {
      for (const { end } of [...sessions.values()]) end("the host has stopped");
    }
  }

  #take({ data, subject }: FarmMessage): void {
    const [session = "", client = ""] = subject.split(".").reverse();
    this.#served.get(client)?.sessions.get(session)?.session.take(data);
  }

  #greet(message: FarmMessage): void {
    const client = message.subject.split(".").at(-1) ?? "";
    const refuse = (why: FarmRefusal): void => message.respond(encodeHelloAnswer({ kind: "refused", why }));
    if (this.#isStopping) {
      refuse("stopping");
      return;
    }
    // The version stands first, in whatever version the rest is written.
    if (message.data[0] !== FARM_VERSION) {
      refuse("version");
      return;
    }
    const hello = decodeHello(message.data);
    const grant = this.#options.clients().find(({ name }) => name === client);
    if (!hello.ok || grant === undefined) refuse("unknown");
    else this.#shakeHands(message, hello.value, grant, refuse);
  }

  #shakeHands(
    message: FarmMessage,
    { handshake, session }: FarmHello,
    grant: FarmClientGrant,
    refuse: (why: FarmRefusal) => void,
  ): void {
    const { crypto, farm, host, keys, runtime, times = defaultFarmTimes } = this.#options;
    const name = encodeHex(session).toLowerCase();
    const responder = new NoiseResponder({
      crypto,
      own: keys,
      ephemeral: runtime.random.bytes(NOISE_KEY_BYTES),
      prologue: farmPrologue(farm, host, grant.name, name),
    });
    const opened = responder.read(handshake);
    const introduction = opened && decodeIntroduction(opened.payload);
    if (opened === undefined || !introduction?.ok || !equalBytes(opened.initiator, grant.publicKey)) {
      responder.clear();
      this.#log({
        level: "warn",
        message: "a client of the farm was refused: its key is another one",
        host,
        name: grant.name,
      });
      refuse("unknown");
      return;
    }
    const served = this.#servedOf(grant);
    if (served.sessions.has(name)) {
      // The same message again: its sender has no part in the session that it opened.
      responder.clear();
      return;
    }
    if (this.sessions >= this.#limits.sessions || served.sessions.size >= this.#limits.sessionsPerClient) {
      responder.clear();
      refuse("busy");
      return;
    }
    const finished = responder.finish(encodeWelcome(times));
    if (finished === undefined) {
      refuse("unknown");
      return;
    }
    this.#open(served, name, finished.connection, introduction.value);
    message.respond(encodeHelloAnswer({ kind: "welcome", handshake: finished.message }));
  }

  #servedOf(grant: FarmClientGrant): Served {
    const { manager, runtime } = this.#options;
    const known = this.#served.get(grant.name);
    if (known !== undefined) return known;
    const table = new GrantedTable(manager, (reader) => isGranted(grant, reader));
    const server = new PcscliteServer({ runtime, manager: table, limits: serverLimits, log: this.#log });
    const served = { grant, server, sessions: new Map<string, Open>() };
    this.#served.set(grant.name, served);
    return served;
  }

  /** The session is told to the service with its first message: until then all that is there may be a copy of an old message. */
  #open(
    served: Served,
    name: string,
    connection: NoiseConnection,
    { pid, program }: { readonly pid: number; readonly program: string },
  ): void {
    const { bus, farm, host, runtime, times = defaultFarmTimes } = this.#options;
    const subject = outSubject(farm, host, served.grant.name, name);
    let atServer: ServerSession | undefined;
    let cancelFirst: CancelTimer = () => {};
    const over = (): void => {
      cancelFirst();
      served.sessions.delete(name);
      // As a socket does: the service is told after its own call has returned.
      void Promise.resolve().then(() => atServer?.closed());
    };
    const end = (reason: string): void => {
      session.close(reason);
      over();
    };
    const session: FarmSession = new FarmSession({
      clock: runtime.clock,
      times,
      ...connection,
      publish: (message) => bus.publish(subject, message),
      received: (bytes) => {
        cancelFirst();
        atServer ??= served.server.accept({
          identity: { name: `${program}@${served.grant.name}`, ...(pid > 0 && { pid }) },
          admitted: true,
          mayUse: (reader) => isGranted(served.grant, reader),
          send: (answer) => session.write(answer),
          get unsentBytes() {
            return session.waitingBytes;
          },
          close: end,
          pause: () => session.pause(),
          resume: () => session.resume(),
        });
        atServer.received(bytes);
      },
      drained: () => atServer?.drained(),
      closed: over,
    });
    cancelFirst = runtime.clock.schedule(this.#limits.firstMs, "farm: first message", () => end("nothing was sent"), {
      background: true,
    });
    served.sessions.set(name, { session, end });
  }
}
