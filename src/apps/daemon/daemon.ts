// SPDX-License-Identifier: MIT

import { resolve } from "node:path";
import { encodeHex } from "../../base/binary/index.ts";
import { nodeChannel } from "../../entry/observe-channel.ts";
import { defaultServerLimits, PcscliteServer, type ServerLimits } from "../../faces/pcsclite-server/index.ts";
import { defaultLimits, EmbeddedManager, type ManagerLimits } from "../../managers/embedded/index.ts";
import { Observer } from "../../observe/calls/index.ts";
import { defaultAwakeUs, nodeRuntime } from "../../platform/node/runtime/index.ts";
import type { InheritedSocket, PeerCredentialsReader, UnixListener } from "../../platform/node/unix/index.ts";
import { type Runtime, SmartCardError, type Trace } from "../../port/index.ts";
import { VirtualReader } from "../../readers/virtual/index.ts";
import { Arrivals } from "./arrivals.ts";
import { connectionsFor, pick, sessionsIn } from "./client-limits.ts";
import { programOf } from "./client-peer.ts";
import { Clients } from "./clients.ts";
import { type DaemonConfig, emptyConfig, fixedSettings } from "./config.ts";
import { ControlCommands } from "./control-commands.ts";
import { serveControl } from "./control-server.ts";
import { type Doors, openDoors, problemOf, type StartProblem, triedDoors } from "./doors.ts";
import { LockLog } from "./lock-log.ts";
import { type Log, silentLog } from "./log.ts";
import type { Monitoring, MonitoringDeps } from "./monitoring.ts";
import { observedManager } from "./observed-manager.ts";
import { controlPathOf } from "./paths.ts";
import { quietLog } from "./quiet-log.ts";
import { DaemonReaders, ReaderFailure } from "./readers.ts";
import { echoCard, rehearse } from "./rehearsal.ts";

/** Any local user may connect, as with pcscd: the access rules decide the rest. */
const DEFAULT_MODE = 0o666;

/** The control socket is for the owner alone. */
const CONTROL_MODE = 0o600;

/**
 * The daemon's default that differs from the profile of pcsc-lite: a PIN that one program verified must not stay
 * verified for the next one (Microsoft, SCardDisconnect, Remarks).
 */
const daemonSemantics = { resetOnExit: "always" } as const;

/** Dependencies of a daemon. */
export interface DaemonOptions {
  readonly config: DaemonConfig;
  /** Where it listens if the configuration does not say; or the socket that the service manager opened for it. */
  readonly socket: string | InheritedSocket;
  /** Identifies clients; without it they are all unknown. */
  readonly credentials: PeerCredentialsReader | undefined;
  /** Gives memory back to the system; it is kept for later without. */
  readonly giveBackMemory?: () => void;
  /** How long it rehearses before it starts, in milliseconds. @default 0 */
  readonly rehearsalMs?: number;
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
  /** In front of what the clients get. */
  readonly #observer: Observer;
  readonly #locks: LockLog;
  /** Metrics, audit log and policy; undefined where none of them is configured. */
  readonly #monitoring: Monitoring | undefined;
  readonly #server: PcscliteServer;
  readonly #readers: DaemonReaders;
  /** For log lines caused by clients. */
  readonly #say: Log["write"];
  /** Clients at once: as configured, or as many as there are descriptors for. */
  readonly #sessions: number;
  #config: DaemonConfig;
  readonly #doors: Doors;
  #listeners: UnixListener[] = [];
  readonly #arrivals: Arrivals;
  readonly #clients: Clients;
  readonly #commands: ControlCommands;
  #reloading: Promise<void> = Promise.resolve();
  /** A reload that has not begun. */
  #nextReload: Promise<void> | undefined;
  #stopping = false;

  private constructor(options: DaemonOptions, doors: Doors, monitoring?: typeof Monitoring) {
    const { config, log, socket } = options;
    this.#doors = doors;
    this.#options = options;
    this.#config = config;
    this.socketPath = typeof socket === "string" ? (config.socket.path ?? socket) : socket.path;
    this.controlPath = config.control.path ?? controlPathOf(this.socketPath);
    const trace: Trace = ({ at: _, by: __, since: ___, ...event }) => {
      if (log.writes("trace")) log.write("trace", event.kind, event);
    };
    this.#runtime = nodeRuntime({ trace });
    this.#monitoring = monitoring && new monitoring(this.#monitored());
    const policy = this.#monitoring?.policy;
    this.#observer = new Observer({
      runtime: this.#runtime,
      ...(policy !== undefined && { policy }),
      channel: nodeChannel(),
      atrOf: (reader) => this.#atrOf(reader),
      failed: (error) => this.#say("error", "a listener of events has failed", { detail: String(error) }),
    });
    this.#locks = new LockLog(this.#runtime.clock);
    const observed: Trace = (event) => {
      trace(event);
      this.#observer.trace(event);
      this.#locks.trace(event);
    };
    this.#say = quietLog(log, this.#runtime.clock);
    this.#sessions = sessionsIn(config, log);
    this.#startedAt = this.#runtime.clock.now();
    this.#manager = new EmbeddedManager({
      runtime: {
        ...this.#runtime,
        trace: observed,
      },
      profile: config.profile ?? "pcsclite",
      semantics: { ...daemonSemantics, ...config.semantics },
      limits: pick(config.limits, defaultLimits) as Partial<ManagerLimits>,
    });
    this.#readers = new DaemonReaders({
      manager: this.#manager,
      runtime: this.#runtime,
      limit: { ...defaultLimits, ...config.limits }.readers,
      listen: (wanted) => doors.vpcd(wanted),
      openUsb: doors.usb,
      openIfd: doors.ifd,
      ownPaths: this.socketPath === undefined ? [this.controlPath] : [this.socketPath, this.controlPath],
      log: (level, message, details) => this.#say(level, message, details),
    });
    this.#server = new PcscliteServer({
      runtime: this.#runtime,
      manager: observedManager(this.#manager, this.#observer),
      limits: { ...(pick(config.limits, defaultServerLimits) as Partial<ServerLimits>), sessions: this.#sessions },
      ...(config.maxReadersContexts !== undefined && { maxReadersContexts: config.maxReadersContexts }),
      log: ({ level, message, ...details }) => this.#say(level, message, details),
    });
    this.#commands = this.#newCommands();
    this.#clients = this.#newClients();
    this.#arrivals = new Arrivals({
      inTurn: (uid, work) => this.#server.inTurn(uid, work),
      perUser: { ...defaultServerLimits, ...config.limits }.sessionsPerUid,
      accept: (connection) => this.#clients.accept(connection),
      refused: (uid, waiting) => this.#troubled(`user ${uid} has ${waiting} that wait to be let in`),
    });
  }

  #newCommands(): ControlCommands {
    return new ControlCommands({
      manager: this.#manager,
      server: this.#server,
      readers: this.#readers,
      observer: this.#observer,
      locks: this.#locks,
      monitoring: this.#monitoring,
      clock: this.#runtime.clock,
      startedAt: this.#startedAt,
      socketPath: this.socketPath,
      knowsClients: this.#options.credentials !== undefined,
      say: this.#say,
    });
  }

  #newClients(): Clients {
    return new Clients({
      server: this.#server,
      clock: this.#runtime.clock,
      log: this.#options.log,
      say: this.#say,
      rules: () => this.#config.access,
      isStopping: () => this.#stopping,
      awakeUs: this.#config.limits.awakeUs ?? defaultAwakeUs(),
      giveBackMemory: this.#options.giveBackMemory,
    });
  }

  /**
   * Starts a daemon. When the promise has settled, clients can connect.
   *
   * @throws sharing-violation (another daemon answers on the socket), and what readers, cards and sockets fail with;
   * nothing is left behind then
   */
  static async start(options: DaemonOptions): Promise<Daemon> {
    // Behind a socket of the service manager a client waits already.
    if (typeof options.socket === "string") await Daemon.#rehearse(options, options.socket);
    const { audit, metrics, policy } = options.config;
    const isMonitored = audit !== undefined || metrics !== undefined || policy !== undefined;
    const monitoring = isMonitored ? (await import("./monitoring.ts")).Monitoring : undefined;
    const daemon = new Daemon(options, openDoors, monitoring);
    try {
      for (const step of daemon.#steps()) await step.run();
    } catch (error) {
      await daemon.stop();
      throw error instanceof ReaderFailure ? error.cause : error;
    }
    return daemon;
  }

  /** Serves clients of its own for a while, with a reader and a socket that are there for nothing else. */
  static async #rehearse({ config, credentials, log, rehearsalMs = 0 }: DaemonOptions, socket: string): Promise<void> {
    if (rehearsalMs === 0) return;
    const path = `${config.socket.path ?? socket}.rehearsal`;
    const alone = { ...emptyConfig, socket: { mode: CONTROL_MODE } };
    const stage = new Daemon({ config: alone, socket: path, credentials, log: silentLog }, openDoors);
    const { clock } = stage.#runtime;
    try {
      await stage.#openSocket();
      const reader = new VirtualReader({ clock, name: "Rehearsal" });
      reader.insert(echoCard);
      await stage.#manager.addReader(reader);
      await rehearse({ path, reader: "Rehearsal", clock, forMs: rehearsalMs });
    } catch (error) {
      // What is wrong is told by the start itself, which does the same.
      log.write("debug", "the rehearsal has failed", { detail: String(error) });
    } finally {
      await stage.stop();
    }
  }

  /**
   * Finds problems of a start, with the same steps. Sockets and ports are opened for a moment. Temporary problems are
   * ignored: another daemon that answers at the same path, a program that has the same port.
   */
  static async check(options: DaemonOptions): Promise<StartProblem[]> {
    const problems: StartProblem[] = [];
    let daemon: Daemon;
    try {
      daemon = new Daemon(options, triedDoors);
    } catch (error) {
      return [problemOf(error, "limits")];
    }
    try {
      for (const { part, run } of daemon.#steps()) {
        try {
          await run();
        } catch (error) {
          problems.push(problemOf(error, part));
        }
      }
    } finally {
      await daemon.stop();
    }
    return problems;
  }

  /** Names of the readers that are there, in order of arrival. */
  get readerNames(): string[] {
    return this.#manager.readers().map((reader) => reader.name);
  }

  /**
   * Applies a new configuration: it removes and adds readers, and changes access rules and log level. Clients and other
   * readers are not affected. Settings that only take effect at the start are logged. If one reader cannot
   * be added, nothing of the new configuration takes effect, and the log says so. Never rejects.
   *
   * @param read reads it, when its turn has come: what is asked for again before that is one and the same. Undefined where
   * it cannot be read, which it has told by then
   */
  reload(read: () => Promise<DaemonConfig | undefined>): Promise<void> {
    // One after the other: two at once would each put the same new reader into service, and the older could come last.
    this.#nextReload ??= this.#reloading.then(async () => {
      this.#nextReload = undefined;
      try {
        const config = await read();
        if (config !== undefined) await this.#reload(config);
      } catch (error) {
        const detail = error instanceof Error ? error.stack : String(error);
        this.#options.log.write("error", "the configuration could not be read anew", { detail });
      }
    });
    this.#reloading = this.#nextReload;
    return this.#reloading;
  }

  /** Ends the daemon: waiting clients are told that the service has stopped, cards are powered off, the sockets removed. */
  async stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    await this.#server.close();
    await this.#manager.close();
    await this.#readers.close();
    await this.#monitoring?.close();
    // Who follows a trace is told all of it.
    this.#observer.flush();
    await Promise.all(this.#listeners.map((listener) => listener.close()));
  }

  /** The steps of a start, in order. */
  #steps(): readonly { readonly part: "control" | "limits" | "socket"; readonly run: () => Promise<void> }[] {
    return [
      { part: "control", run: async () => this.#monitoring?.open(this.#observer) },
      { part: "control", run: () => this.#openControl() },
      { part: "limits", run: () => this.#readers.apply(this.#options.config.readers) },
      { part: "socket", run: () => this.#openSocket() },
    ];
  }

  #troubled(message: string): void {
    this.#say("warn", `a connection was not taken: ${message}`);
  }

  async #openControl(): Promise<void> {
    const { clock } = this.#runtime;
    const { credentials } = this.#options;
    if (this.socketPath !== undefined && resolve(this.socketPath) === resolve(this.controlPath)) {
      const message = `${this.controlPath} cannot be the socket of the clients and the control socket: choose two paths`;
      throw new SmartCardError("invalid-parameter", message);
    }
    const control = await this.#doors.unix({
      at: { path: this.controlPath, mode: CONTROL_MODE },
      clock,
      onTrouble: (message) => this.#troubled(message),
      credentials,
      onConnection: (connection) =>
        serveControl(connection, (command) => this.#commands.execute(command, connection.credentials)),
    });
    this.#listeners.push(control);
  }

  async #openSocket(): Promise<void> {
    const { config, credentials, socket } = this.#options;
    const { clock } = this.#runtime;
    const { unsentBytes } = config.limits;
    const { group, mode = DEFAULT_MODE } = config.socket;
    const at =
      typeof socket === "string"
        ? { path: this.socketPath ?? socket, mode, ...(group !== undefined && { group }) }
        : { fd: socket.fd };
    const clients = await this.#doors.unix({
      at,
      clock,
      credentials,
      limits: {
        connections: connectionsFor(this.#sessions),
        ...(unsentBytes !== undefined && { maxUnsentBytes: unsentBytes }),
      },
      onTrouble: (message) => this.#troubled(message),
      onConnection: (connection) => this.#arrivals.arrived(connection),
    });
    this.#listeners.push(clients);
  }

  async #reload(config: DaemonConfig): Promise<void> {
    if (this.#stopping) return;
    const { log } = this.#options;
    const before = this.#config;
    try {
      await this.#readers.apply(config.readers);
    } catch (error) {
      if (!(error instanceof ReaderFailure)) throw error;
      log.write("error", `nothing of the new configuration was taken over: ${error.message}`);
      return;
    }
    // SIGUSR1 has pcscd search for readers.
    await this.#readers.usb.look();
    this.#config = config;
    this.#server.review();
    log.setLevel(config.log.level ?? "info");
    if (
      this.#monitoring?.configure(config) === false ||
      (this.#monitoring === undefined && config.policy !== undefined)
    )
      log.write("warn", "needs a new start to take effect: policy");
    const changed = fixedSettings.filter((key) => JSON.stringify(config[key]) !== JSON.stringify(before[key]));
    if (changed.length > 0) log.write("warn", `needs a new start to take effect: ${changed.join(", ")}`);
    log.write("info", "the configuration was read anew", { readers: this.readerNames });
  }

  #atrOf(reader: string): Uint8Array | undefined {
    return this.#manager.readers().find(({ name }) => name === reader)?.card?.atr;
  }

  /** What the metrics, the audit log and the policy know of this daemon. */
  #monitored(): MonitoringDeps {
    return {
      config: this.#config,
      runtime: this.#runtime,
      say: (level, message, details) => this.#say(level, message, details),
      programOf,
      atrOf: (reader) => {
        const atr = this.#atrOf(reader);
        return atr && encodeHex(atr);
      },
      now: async () => {
        const { readers } = await this.#manager.inspect();
        return {
          clients: this.#server.sessions,
          readers: readers.length,
          cards: readers.filter(({ card }) => card !== undefined).length,
          waiting: readers.reduce((sum, { queue }) => sum + queue.length, 0),
          uptime: (this.#runtime.clock.now() - this.#startedAt) / 1000,
        };
      },
    };
  }
}
