// SPDX-License-Identifier: MIT

import type { Socket } from "node:net";
import type { CancelTimer, Clock } from "../../pcsc/index.ts";
import type { PeerCredentials, PeerCredentialsReader } from "./peer-credentials.ts";

/** What happens on a connection. */
export interface UnixConnectionEvents {
  received(bytes: Uint8Array): void;
  /** What was sent and had to wait has been taken by the client's system: {@link UnixConnection.unsentBytes} is 0 again. */
  drained?(): void;
  /**
   * It is over, whichever side ended it. Called once, and nothing after it.
   *
   * @param dropped whether the client was cut off, because it did not read what it was sent
   */
  closed(reason: string, dropped: boolean): void;
}

/** One client's connection, at the server's end. */
export interface UnixConnection {
  /** Who the client is; undefined where the system does not tell. It is asked for when it is first wanted. */
  readonly credentials: PeerCredentials | undefined;
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

/** A connection over a socket of this process. */
export class SocketConnection implements UnixConnection {
  readonly #socket: Socket;
  readonly #readCredentials: PeerCredentialsReader | undefined;
  #credentials: { readonly known: PeerCredentials | undefined } | undefined;
  readonly #clock: Clock;
  readonly #limits: UnixConnectionLimits;
  #reason: string | undefined;
  #closing = false;
  #dropped = false;
  #pausedByUser = false;
  #congested = false;
  #cancelLook: CancelTimer | undefined;
  #drained: (() => void) | undefined;
  readonly #written = (): void => {
    if (!this.#congested || this.#socket.writableLength > 0 || this.#socket.destroyed) return;
    this.#congested = false;
    if (!this.#pausedByUser) this.#socket.resume();
    this.#drained?.();
  };

  constructor(
    socket: Socket,
    options: { credentials: PeerCredentialsReader | undefined; clock: Clock; limits: UnixConnectionLimits },
  ) {
    this.#socket = socket;
    this.#readCredentials = options.credentials;
    this.#clock = options.clock;
    this.#limits = options.limits;
    // Every error is followed by "close"; without a listener it would end the process.
    socket.on("error", (error) => {
      this.#reason ??= error.message;
    });
  }

  get credentials(): PeerCredentials | undefined {
    this.#credentials ??= { known: this.#readCredentials?.(this.#socket) };
    return this.#credentials.known;
  }

  listen(events: UnixConnectionEvents): void {
    const socket = this.#socket;
    if (socket.closed) {
      // It has gone before anybody listened, and will not say so again.
      void Promise.resolve().then(() =>
        events.closed(this.#reason ?? "the client closed the connection", this.#dropped),
      );
      return;
    }
    socket.on("data", (bytes) => {
      if (!this.#closing) events.received(bytes);
    });
    // A client that will send no more is gone, even if it would still listen: its locks must not outlive it.
    socket.on("end", () => socket.destroy());
    this.#drained = events.drained?.bind(events);
    socket.once("close", () => this.#cancelLook?.());
    socket.on("close", () => events.closed(this.#reason ?? "the client closed the connection", this.#dropped));
  }

  send(bytes: Uint8Array, done?: () => void): void {
    const socket = this.#socket;
    if (this.#closing || socket.destroyed) {
      done?.();
      return;
    }
    const written = this.#written;
    const whenWritten = (): void => {
      done?.();
      written();
    };
    socket.write(bytes, done === undefined ? written : whenWritten);
    // Most often the system has taken everything by now.
    const unsent = socket.writableLength;
    if (unsent > this.#limits.maxUnsentBytes) {
      this.#reason ??= `the client left ${unsent} bytes unread`;
      this.#dropped = true;
      socket.destroy();
    } else if (unsent > 0 && !this.#congested) {
      this.#congested = true;
      if (unsent >= this.#limits.highWaterBytes) socket.pause();
    } else if (unsent >= this.#limits.highWaterBytes) {
      socket.pause();
    }
  }

  get unsentBytes(): number {
    return this.#congested ? this.#socket.writableLength : 0;
  }

  close(reason: string, { atOnce }: { readonly atOnce: boolean } = { atOnce: false }): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    if (atOnce) {
      this.#reason ??= reason;
      socket.destroy();
    }
    if (this.#closing || atOnce) return;
    this.#closing = true;
    this.#reason ??= reason;
    const cancelTimer = this.#clock.schedule(this.#limits.closeGraceMs, "unix-close", () => socket.destroy());
    socket.once("close", cancelTimer);
    socket.destroySoon();
  }

  pause(): void {
    this.#pausedByUser = true;
    this.#socket.pause();
    this.#look();
  }

  resume(): void {
    this.#pausedByUser = false;
    this.#cancelLook?.();
    this.#cancelLook = undefined;
    if (!this.#congested) this.#socket.resume();
  }

  /** Looks now and then whether a client that is not read from has gone: the stream itself tells only those who read. */
  #look(): void {
    const socket = this.#socket;
    this.#cancelLook?.();
    if (socket.destroyed || this.#closing) return;
    const again = (): void => {
      // What is unsent fails by itself.
      if (socket.writableLength === 0 && !socket.destroyed) socket.write(nothing);
      this.#look();
    };
    this.#cancelLook = this.#clock.schedule(this.#limits.pausedLookMs, "unix-look", again, { background: true });
  }
}
