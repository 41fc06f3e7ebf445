// SPDX-License-Identifier: MIT

import { encodeHex } from "../binary/index.ts";
import { nodeRuntime, Wakefulness } from "../edge/node/index.ts";
import {
  type InheritedSocket,
  listenUnix,
  type PeerCredentialsReader,
  PeerPrograms,
  type UnixConnection,
  type UnixListener,
} from "../edge/unix/index.ts";
import { defaultLimits, EmbeddedManager, type ManagerLimits } from "../manager/index.ts";
import { assertNever, type Runtime } from "../pcsc/index.ts";
import { defaultServerLimits, PcscliteServer, type ServerLimits } from "../pcsclite-server/index.ts";
import { clientPeer } from "./client-peer.ts";
import { type DaemonConfig, DEFAULT_AWAKE_US } from "./config.ts";
import type { ControlCommand, ReportedReader, WhoReport } from "./control-messages.ts";
import { serveControl } from "./control-server.ts";
import type { Log } from "./log.ts";
import { controlPathOf } from "./paths.ts";
import { DaemonReaders } from "./readers.ts";

/** Any local user may connect, as with pcscd: who may do what is for the access rules. */
const DEFAULT_MODE = 0o666;

/** The control socket is for the owner alone. */
const CONTROL_MODE = 0o600;

/** So many clients more than the limit are let in to be told that the daemon is too busy; beyond they are cut off. */
const TURNED_AWAY_AT_ONCE = 256;

/**
 * Where the daemon is not as the profile of pcsc-lite says, if the configuration does not say either: what a program
 * verified must not stay verified for the next one (Microsoft, SCardDisconnect, Remarks).
 */
const daemonSemantics = { resetOnExit: "always" } as const;

/** What a daemon is started with. */
export interface DaemonOptions {
  readonly config: DaemonConfig;
  /** Where it listens if the configuration does not say; or the socket that the service manager opened for it. */
  readonly socket: string | InheritedSocket;
  /** Tells who clients are; without it they are all unknown. */
  readonly credentials: PeerCredentialsReader | undefined;
  readonly log: Log;
}

/** The manager as a service: programs that were written for pcscd run on it. */
export class Daemon {
  /** Where clients connect; undefined where a service manager opened the socket and the system does not tell. */
  readonly socketPath: string | undefined;
  readonly controlPath: string;
  readonly #options: DaemonOptions;
  readonly #runtime: Runtime;
  readonly #startedAt: number;
  readonly #manager: EmbeddedManager;
  readonly #server: PcscliteServer;
  readonly #readers: DaemonReaders;
  readonly #programs: PeerPrograms;
  readonly #wakefulness: Wakefulness;
  #config: DaemonConfig;
  #listeners: UnixListener[] = [];
  #reloading: Promise<void> = Promise.resolve();
  #stopping = false;

  private constructor(options: DaemonOptions) {
    const { config, log, socket } = options;
    this.#options = options;
    this.#config = config;
    this.socketPath = typeof socket === "string" ? (config.socket.path ?? socket) : socket.path;
    this.controlPath = config.control.path ?? controlPathOf(this.socketPath);
    this.#runtime = nodeRuntime({
      trace: ({ at: _, ...event }) => {
        if (log.writes("trace")) log.write("trace", event.kind, event);
      },
    });
    this.#programs = new PeerPrograms(this.#runtime.clock);
    this.#wakefulness = new Wakefulness((config.limits.awakeUs ?? DEFAULT_AWAKE_US) / 1000);
    this.#startedAt = this.#runtime.clock.now();
    this.#manager = new EmbeddedManager({
      runtime: this.#runtime,
      profile: config.profile ?? "pcsclite",
      semantics: { ...daemonSemantics, ...config.semantics },
      limits: pick(config.limits, defaultLimits) as Partial<ManagerLimits>,
    });
    this.#readers = new DaemonReaders(this.#manager, this.#runtime);
    this.#server = new PcscliteServer({
      runtime: this.#runtime,
      manager: this.#manager,
      limits: pick(config.limits, defaultServerLimits) as Partial<ServerLimits>,
      log: ({ level, message, ...details }) => log.write(level, message, details),
    });
  }

  /**
   * Starts a daemon. When the promise has settled, clients can connect.
   *
   * @throws sharing-violation (another daemon answers on the socket), and what readers, cards and sockets fail with;
   * nothing is left behind then
   */
  static async start(options: DaemonOptions): Promise<Daemon> {
    const daemon = new Daemon(options);
    try {
      await daemon.#start();
    } catch (error) {
      await daemon.stop();
      throw error;
    }
    return daemon;
  }

  /** Names of the readers that are there, in order of arrival. */
  get readerNames(): string[] {
    return this.#manager.readers().map((reader) => reader.name);
  }

  /**
   * Takes a new configuration in: readers that it has no more leave, new ones come, access rules and log level change.
   * Clients and all other readers do not notice. What can only be set at the start is told in the log.
   */
  reload(config: DaemonConfig): Promise<void> {
    // One after the other: two at once would each put the same new reader into service.
    this.#reloading = this.#reloading.then(() => this.#reload(config));
    return this.#reloading;
  }

  /** Ends the daemon: who waits is told that the service has stopped, cards are powered off, the sockets are gone. */
  async stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    await this.#server.close();
    await this.#manager.close();
    await this.#readers.close();
    await Promise.all(this.#listeners.map((listener) => listener.close()));
  }

  async #start(): Promise<void> {
    const { config, credentials, log, socket } = this.#options;
    const { clock } = this.#runtime;
    const onTrouble = (message: string): void => log.write("warn", `a connection was not taken: ${message}`);
    const control = await listenUnix({
      at: { path: this.controlPath, mode: CONTROL_MODE },
      clock,
      onTrouble,
      onConnection: (connection) => serveControl(connection, (command) => this.#control(command)),
    });
    this.#listeners.push(control);
    const [failure] = await this.#readers.apply(config.readers);
    if (failure !== undefined) throw failure;
    const { sessions } = { ...defaultServerLimits, ...config.limits };
    const { unsentBytes } = config.limits;
    const { group, mode = DEFAULT_MODE } = config.socket;
    const at =
      typeof socket === "string"
        ? { path: this.socketPath ?? socket, mode, ...(group !== undefined && { group }) }
        : { fd: socket.fd };
    const clients = await listenUnix({
      at,
      clock,
      credentials,
      limits: {
        connections: sessions + TURNED_AWAY_AT_ONCE,
        ...(unsentBytes !== undefined && { maxUnsentBytes: unsentBytes }),
      },
      onTrouble,
      onConnection: (connection) => this.#accept(connection),
    });
    this.#listeners.push(clients);
  }

  #accept(connection: UnixConnection): void {
    const { log } = this.#options;
    if (this.#stopping) {
      connection.close("the daemon is stopping");
      return;
    }
    const peer = clientPeer(connection, { log, programs: this.#programs, rules: () => this.#config.access });
    if (log.writes("debug")) log.write("debug", "a client has connected", { client: peer.identity });
    const session = this.#server.accept(peer);
    this.#wakefulness.stir();
    connection.listen({
      received: (bytes) => {
        this.#wakefulness.stir();
        session.received(bytes);
      },
      closed: (reason, dropped) => {
        session.closed();
        if (dropped) log.write("warn", `a client was cut off: ${reason}`, { client: peer.identity });
        else if (log.writes("debug")) log.write("debug", "a client has gone", { client: peer.identity, reason });
      },
    });
  }

  async #reload(config: DaemonConfig): Promise<void> {
    if (this.#stopping) return;
    const { log } = this.#options;
    const before = this.#config;
    this.#config = config;
    log.setLevel(config.log.level ?? "info");
    for (const failure of await this.#readers.apply(config.readers)) log.write("error", failure.message);
    const fixed = ["profile", "semantics", "limits", "socket", "control"] as const;
    const changed = fixed.filter((key) => JSON.stringify(config[key]) !== JSON.stringify(before[key]));
    if (changed.length > 0) log.write("warn", `needs a new start to take effect: ${changed.join(", ")}`);
    log.write("info", "the configuration was read anew", { readers: this.readerNames });
  }

  async #control(command: ControlCommand): Promise<unknown> {
    switch (command.command) {
      case "who":
        return this.#who();
      case "readers":
        return this.#manager.readers().map(({ card, ...reader }) => ({ ...reader, card: card && inHex(card) }));
      case "insert":
        await this.#readers.insert(command.reader, command.card);
        return {};
      case "remove":
        this.#readers.remove(command.reader);
        return {};
      case "eject":
        await this.#readers.eject(command.reader);
        return {};
      default:
        return assertNever(command, "a control command");
    }
  }

  async #who(): Promise<WhoReport> {
    const { clients, readers } = await this.#manager.inspect();
    const { waiting } = this.#server;
    const reported = readers.map(
      ({ card, ...reader }): ReportedReader => ({ ...reader, ...(card && { card: inHex(card) }) }),
    );
    return {
      daemon: {
        pid: process.pid,
        ...(this.socketPath !== undefined && { socket: this.socketPath }),
        profile: this.#manager.profile.name,
        runningMs: this.#runtime.clock.now() - this.#startedAt,
        knowsClients: this.#options.credentials !== undefined,
        sessions: this.#server.sessions,
      },
      readers: reported,
      clients: clients.map((entry) => (waiting.has(entry.client) ? { ...entry, statusWaits: 1 } : entry)),
    };
  }
}

function inHex<T extends { readonly atr: Uint8Array }>(card: T): Omit<T, "atr"> & { readonly atr: string } {
  return { ...card, atr: encodeHex(card.atr) };
}

/** The limits that one part of the daemon knows. */
function pick(limits: DaemonConfig["limits"], known: object): object {
  return Object.fromEntries(Object.entries(limits).filter(([name]) => name in known));
}
