// SPDX-License-Identifier: MIT

import { Socket } from "node:net";
import type { CancelTimer, Clock } from "../../../port/index.ts";
import { type AcceptedHandle, type SocketCalls, streamOf } from "./accepted-handle.ts";
import type { DeferredTasks } from "./deferred-tasks.ts";
import type { PeerCredentials, PeerCredentialsReader } from "./peer-credentials.ts";
import type { ReadingOrder, ReadingTurns } from "./reading-order.ts";

/** What happens on a connection. */
export interface UnixConnectionEvents {
  /** What arrived. It is overwritten as soon as this returns. */
  received(bytes: Uint8Array): void;
  /** What was sent and had to wait has been taken by the client's system: {@link UnixConnection.unsentBytes} is 0 again. */
  drained?(): void;
  /**
   * It has ended, from either side. Called once, and nothing after it.
   *
   * @param dropped whether the client was cut off, because it did not read what it was sent
   */
  closed(reason: string, dropped: boolean): void;
}

/** One client's connection, at the server's end. */
export interface UnixConnection {
  /** Who the client is; undefined where the system does not tell. It is asked for when it is first wanted. */
  readonly credentials: PeerCredentials | undefined;
  /** Whether the client has gone, where that can be told without reading from it. */
  readonly isGone: boolean;
  /** Begins to tell what happens; nothing has been read before. */
  listen(events: UnixConnectionEvents): void;
  /** Sends bytes, in one write, without a copy. They must not be changed before `done` is called. */
  send(bytes: Uint8Array, done?: () => void): void;
  /** Bytes that were sent and that the client's system has not taken yet. */
  readonly unsentBytes: number;
  /** Ends the connection when what was sent has gone out, or soon where the client does not read; or at once. */
  close(reason: string, how?: { readonly atOnce: boolean }): void;
  /** Stops reading from the client, so that its system makes it wait. Its end is noticed all the same, a moment later. */
  pause(): void;
  resume(): void;
}

/** What a client that does not read may cost. */
export interface UnixConnectionLimits {
  /** With so many bytes unsent, nothing more is read from the client until they have gone out. */
  readonly highWaterBytes: number;
  /** A client that lets more than this pile up is disconnected. */
  readonly maxUnsentBytes: number;
  /** How long a connection that is being closed may take to send what was written, in milliseconds. */
  readonly closeGraceMs: number;
  /** How often a client that is not read from is looked after, in milliseconds: it may have gone. */
  readonly pausedLookMs: number;
}

/** A write of no bytes moves nothing and fails where there is no reader any more: the end that a read would have found. */
const nothing = new Uint8Array();

/** What a connection is made with. */
export interface SocketConnectionDeps {
  readonly credentials: PeerCredentialsReader | undefined;
  readonly clock: Clock;
  readonly limits: UnixConnectionLimits;
  readonly calls: SocketCalls | undefined;
  /** Does what can wait for a turn of the event loop. */
  readonly tasks: DeferredTasks;
  /** Bounds what is read of one user at once. Without it all is read as it comes. */
  readonly order: ReadingOrder | undefined;
  /** Its descriptor is free. */
  readonly released: () => void;
}

/** A connection over a socket of this process. Its stream is made when it is first needed. */
export class SocketConnection implements UnixConnection {
  readonly #deps: SocketConnectionDeps;
  readonly #accepted: Socket | AcceptedHandle;
  #stream: Socket | undefined;
  #events: UnixConnectionEvents | undefined;
  #credentials: { readonly known: PeerCredentials | undefined } | undefined;
  #reason: string | undefined;
  #closing = false;
  #dropped = false;
  /** Whether it was told that it is over. */
  #over = false;
  #pausedByUser = false;
  #congested = false;
  #cancelLook: CancelTimer | undefined;
  /** When it is read from; undefined where all is read as it comes. */
  #turns: ReadingTurns | undefined;
  readonly #written = (): void => {
    const socket = this.#socket;
    if (!this.#congested || socket.writableLength > 0 || socket.destroyed) return;
    this.#congested = false;
    if (!this.#pausedByUser) this.#read();
    this.#events?.drained?.();
  };

  constructor(accepted: Socket | AcceptedHandle, deps: SocketConnectionDeps) {
    this.#deps = deps;
    this.#accepted = accepted;
    if (accepted instanceof Socket) this.#use(accepted);
  }

  get credentials(): PeerCredentials | undefined {
    this.#credentials ??= { known: this.#deps.credentials?.(this.#accepted, () => this.#isOpen) };
    return this.#credentials.known;
  }

  /** Whether its descriptor is its own. */
  get #isOpen(): boolean {
    return !this.#over && this.#stream?.destroyed !== true;
  }

  get isGone(): boolean {
    if (this.#over) return true;
    if (this.#stream !== undefined || this.#accepted instanceof Socket) return false;
    return this.#deps.calls?.isHungUp(this.#accepted.fd) ?? false;
  }

  get #socket(): Socket {
    return this.#stream ?? this.#use(this.#accepted);
  }

  listen(events: UnixConnectionEvents): void {
    this.#events = events;
    if (this.#over || this.#stream?.closed) {
      // It has closed before a listener was set, and will not report it again.
      this.#over = false;
      void Promise.resolve().then(() => this.#ended());
      return;
    }
    this.#read();
  }

  send(bytes: Uint8Array, done?: () => void): void {
    if (this.#closing || this.#over || this.#socket.destroyed) {
      done?.();
      return;
    }
    const socket = this.#socket;
    const written = this.#written;
    const whenWritten = (): void => {
      done?.();
      written();
    };
    socket.write(bytes, done === undefined ? written : whenWritten);
    // Most often the system has taken everything by now.
    const unsent = socket.writableLength;
    if (unsent > this.#deps.limits.maxUnsentBytes) {
      this.#reason ??= `the client left ${unsent} bytes unread`;
      this.#dropped = true;
      socket.destroy();
    } else if (unsent > 0 && !this.#congested) {
      this.#congested = true;
      if (unsent >= this.#deps.limits.highWaterBytes) this.#readNoMore();
    } else if (unsent >= this.#deps.limits.highWaterBytes) {
      this.#readNoMore();
    }
  }

  get unsentBytes(): number {
    return this.#congested ? this.#socket.writableLength : 0;
  }

  close(reason: string, { atOnce }: { readonly atOnce: boolean } = { atOnce: false }): void {
    this.#reason ??= reason;
    if (this.#stream === undefined && !(this.#accepted instanceof Socket)) {
      if (this.#over) return;
      // Nothing was sent that could be on its way.
      this.#over = true;
      this.#accepted.close();
      this.#deps.released();
      return;
    }
    const socket = this.#socket;
    if (socket.destroyed) return;
    if (atOnce) {
      this.#ended();
      this.#deps.tasks.add(() => socket.destroy());
    }
    if (this.#closing || atOnce) return;
    this.#closing = true;
    const { clock, limits } = this.#deps;
    const cancelTimer = clock.schedule(limits.closeGraceMs, "unix-close", () => socket.destroy());
    socket.once("close", cancelTimer);
    socket.destroySoon();
  }

  pause(): void {
    this.#pausedByUser = true;
    if (this.#over) return;
    this.#readNoMore();
    this.#look();
  }

  resume(): void {
    this.#pausedByUser = false;
    this.#cancelLook?.();
    this.#cancelLook = undefined;
    if (!this.#congested && !this.#over) this.#read();
  }

  #use(accepted: Socket | AcceptedHandle): Socket {
    const received = (bytes: Uint8Array): void => {
      this.#turns?.happened();
      if (!this.#closing && !this.#over) this.#events?.received(bytes);
    };
    const socket = accepted instanceof Socket ? accepted : streamOf(accepted, received);
    this.#stream = socket;
    // Every error is followed by "close"; without a listener it would end the process.
    socket.on("error", (error) => {
      this.#reason ??= error.message;
    });
    // A client that has ended its stream is gone, even if it still reads: its locks must end.
    socket.on("end", () => {
      this.#turns?.happened();
      this.#readNoMore();
      this.#ended();
      // Many may leave at once, when their program ends: to close a descriptor takes its time.
      this.#deps.tasks.add(() => socket.destroy());
    });
    socket.once("close", () => {
      this.#cancelLook?.();
      this.#readNoMore();
      this.#ended();
      this.#deps.released();
    });
    if (socket === accepted) {
      socket.on("data", (bytes: Uint8Array) => {
        received(bytes);
        bytes.fill(0);
      });
      socket.pause();
    }
    return socket;
  }

  /** Tells that it is over, once. */
  #ended(): void {
    if (this.#over || this.#events === undefined) return;
    this.#over = true;
    this.#events.closed(this.#reason ?? "the client closed the connection", this.#dropped);
  }

  #read(): void {
    // Bytes read before a listener is set would be lost.
    const socket = this.#socket;
    if (this.#events === undefined || socket.destroyed) return;
    const { order } = this.#deps;
    if (order === undefined || this.#accepted instanceof Socket) {
      socket.resume();
      return;
    }
    const { fd } = this.#accepted;
    const uid = this.credentials?.uid;
    this.#turns ??= order.turnsOf({ fd, uid, read: () => socket.resume(), hold: () => socket.pause() });
    this.#turns.begin();
  }

  #readNoMore(): void {
    this.#turns?.end();
    this.#socket.pause();
  }

  /** Checks now and then whether a paused client has disconnected: a paused stream does not report it. */
  #look(): void {
    this.#cancelLook?.();
    const socket = this.#socket;
    if (socket.destroyed || this.#closing) return;
    const look = (): void => {
      // What is unsent fails by itself.
      if (socket.writableLength === 0 && !socket.destroyed) socket.write(nothing);
    };
    const again = (): void => {
      this.#deps.tasks.add(look);
      this.#look();
    };
    const { clock, limits } = this.#deps;
    this.#cancelLook = clock.schedule(limits.pausedLookMs, "unix-look", again, { background: true });
  }
}
