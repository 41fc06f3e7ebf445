// SPDX-License-Identifier: MIT

import type { Socket } from "node:net";
import type { Clock } from "../../pcsc/index.ts";
import type { PeerCredentials, PeerCredentialsReader } from "./peer-credentials.ts";

/** What happens on a connection. */
export interface UnixConnectionEvents {
  received(bytes: Uint8Array): void;
  /**
   * It is over, whoever ended it. Called once, and nothing after it.
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
  /** Sends bytes, in one write, without a copy. They must not be changed afterwards. */
  send(bytes: Uint8Array): void;
  /** Ends the connection when what was sent has gone out, or soon where the client does not read. */
  close(reason: string): void;
  /** Stops reading from the client, so that its system makes it wait. While that lasts its end is not noticed. */
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
}

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
    socket.on("data", (bytes) => {
      if (!this.#closing) events.received(bytes);
    });
    // A client that will send no more is gone, even if it would still listen: its locks must not outlive it.
    socket.on("end", () => socket.destroy());
    socket.on("close", () => events.closed(this.#reason ?? "the client closed the connection", this.#dropped));
  }

  send(bytes: Uint8Array): void {
    const socket = this.#socket;
    if (this.#closing || socket.destroyed) return;
    socket.write(bytes);
    // Most often the system has taken everything by now.
    const unsent = socket.writableLength;
    if (unsent < this.#limits.highWaterBytes) return;
    if (unsent > this.#limits.maxUnsentBytes) {
      this.#reason ??= `the client left ${unsent} bytes unread`;
      this.#dropped = true;
      socket.destroy();
    } else if (!this.#congested) {
      this.#congested = true;
      socket.pause();
      socket.once("drain", () => {
        this.#congested = false;
        if (!this.#pausedByUser) socket.resume();
      });
    }
  }

  close(reason: string): void {
    const socket = this.#socket;
    if (this.#closing || socket.destroyed) return;
    this.#closing = true;
    this.#reason ??= reason;
    const cancelTimer = this.#clock.schedule(this.#limits.closeGraceMs, "unix-close", () => socket.destroy());
    socket.once("close", cancelTimer);
    socket.destroySoon();
  }

  pause(): void {
    this.#pausedByUser = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#pausedByUser = false;
    if (!this.#congested) this.#socket.resume();
  }
}
