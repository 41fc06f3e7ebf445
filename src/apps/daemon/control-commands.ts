// SPDX-License-Identifier: MIT

import { encodeHex } from "../../base/binary/index.ts";
import type { PcscliteServer } from "../../faces/pcsclite-server/index.ts";
import type { EmbeddedManager } from "../../managers/embedded/index.ts";
import type { Observer } from "../../observe/calls/index.ts";
import type { PeerCredentials } from "../../platform/node/unix/index.ts";
import { assertNever, type Clock, SmartCardError } from "../../port/index.ts";
import type { ControlCommand } from "./control-messages.ts";
import type { ReportedReader, WhoReport } from "./control-results.ts";
import type { ControlStream } from "./control-server.ts";
import type { LockLog } from "./lock-log.ts";
import type { Log } from "./log.ts";
import type { Monitoring } from "./monitoring.ts";
import type { DaemonReaders } from "./readers.ts";
import { type TraceCommand, traceStream } from "./trace.ts";

/** What the commands of the control socket act on. */
export interface ControlDeps {
  readonly manager: EmbeddedManager;
  readonly server: PcscliteServer;
  readonly readers: DaemonReaders;
  readonly observer: Observer;
  readonly locks: LockLog;
  /** Undefined where nothing of it is configured. */
  readonly monitoring: Monitoring | undefined;
  readonly clock: Clock;
  readonly startedAt: number;
  readonly socketPath: string | undefined;
  /** Whether the system tells who the clients are. */
  readonly knowsClients: boolean;
  readonly say: Log["write"];
}

/** Executes what comes in on the control socket. */
export class ControlCommands {
  readonly #deps: ControlDeps;

  constructor(deps: ControlDeps) {
    this.#deps = deps;
  }

  /**
   * @param credentials who asks; undefined where the system does not tell
   * @throws SmartCardError: what the command fails with
   */
  async execute(command: ControlCommand, credentials: PeerCredentials | undefined): Promise<unknown> {
    // An answer comes behind all that happened before: the last request of who follows a trace, too.
    this.#deps.observer.flush();
    switch (command.command) {
      case "who":
        return this.#who();
      case "locks":
        return this.#deps.locks.report(command.since ?? 0, (await this.#deps.manager.inspect()).readers);
      case "readers":
        return this.#deps.manager.readers().map(({ card, ...reader }) => ({ ...reader, card: card && inHex(card) }));
      case "insert":
        await this.#deps.readers.insert(command.reader, command.card);
        return {};
      case "remove":
        this.#deps.readers.remove(command.reader);
        return {};
      case "eject":
        await this.#deps.readers.eject(command.reader);
        return {};
      case "reset":
        await this.#deps.readers.reset(command.reader);
        return {};
      case "disconnect":
        return { clients: this.#deps.server.disconnect(command.pid, "the operator has disconnected it") };
      case "usb":
        return this.#deps.readers.usb.report();
      case "release":
        return { readers: await this.#deps.readers.usb.release(command.reader) };
      case "claim":
        return { readers: await this.#deps.readers.usb.claim(command.reader) };
      case "metrics":
        return this.#asMonitored().metrics(command.format);
      case "audit":
        return this.#deps.monitoring?.auditReport() ?? { dropped: 0 };
      case "allow-last-try":
        this.#asMonitored().allowLastTry(command.reader, command.forMs);
        return {};
      case "trace":
        return this.#trace(command, credentials);
      default:
        return assertNever(command, "control command");
    }
  }

  #trace(command: TraceCommand, credentials: PeerCredentials | undefined): ControlStream {
    const ownUid = process.getuid?.();
    const stream = traceStream(command, { observer: this.#deps.observer, credentials, ownUid });
    if (command.raw)
      this.#deps.say("warn", "a trace with raw bytes was begun: it may show PINs and keys", { ...credentials });
    return stream;
  }

  /** @throws unsupported-feature (nothing of it is configured) */
  #asMonitored(): Monitoring {
    if (this.#deps.monitoring !== undefined) return this.#deps.monitoring;
    const remedy = 'put "metrics": {} or "policy": { "lastTry": "confirm" } into its configuration and start it anew';
    throw new SmartCardError("unsupported-feature", `this daemon neither counts nor stops anything: ${remedy}`);
  }

  async #who(): Promise<WhoReport> {
    const { clients, readers } = await this.#deps.manager.inspect();
    const { waiting } = this.#deps.server;
    const reported = readers.map(({ card, ...reader }): ReportedReader => {
      const door = this.#deps.readers.doorOf(reader.name);
      const virtual = this.#deps.readers.isVirtual(reader.name) && ({ virtual: true } as const);
      return { ...reader, ...(card && { card: inHex(card) }), ...(door !== undefined && { door }), ...virtual };
    });
    return {
      daemon: {
        pid: process.pid,
        ...(this.#deps.socketPath !== undefined && { socket: this.#deps.socketPath }),
        profile: this.#deps.manager.profile.name,
        runningMs: this.#deps.clock.now() - this.#deps.startedAt,
        knowsClients: this.#deps.knowsClients,
        sessions: this.#deps.server.sessions,
      },
      readers: reported,
      clients: clients.map((entry) => (waiting.has(entry.client) ? { ...entry, statusWaits: 1 } : entry)),
    };
  }
}

function inHex<T extends { readonly atr: Uint8Array }>(card: T): Omit<T, "atr"> & { readonly atr: string } {
  return { ...card, atr: encodeHex(card.atr) };
}
