// SPDX-License-Identifier: MIT

import type { Socket } from "node:net";
import { copyBytes, zeroBytes } from "../../../base/binary/index.ts";
import type { CancelTimer, Clock } from "../../../port/index.ts";
import type { BytePipe, BytePipeEvents, VpcdLimits } from "../../../readers/vpcd/index.ts";

/** After this long without a byte the system asks whether the other machine is still there. */
const KEEP_ALIVE_AFTER_MS = 10_000;

/**
 * Makes a pipe of a connected socket: every message goes out in one write and at once, no more than
 * `limits.maxUnsentBytes` pile up for a peer that does not read, and a peer whose machine disappeared (a phone that
 * left the network) is noticed within about twenty seconds by keep-alive probes.
 */
export class SocketPipe implements BytePipe {
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #limits: VpcdLimits;
  #closing = false;
  #error: string | undefined;

  constructor(socket: Socket, clock: Clock, limits: VpcdLimits) {
    this.#socket = socket;
    this.#clock = clock;
    this.#limits = limits;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_AFTER_MS);
    // Every error is followed by "close"; without a listener it would end the process.
    socket.on("error", (error) => {
      this.#error = error.message;
    });
  }

  /** Begins to tell `events` what happens; nothing has been read from the socket before. */
  listen(events: BytePipeEvents): void {
    this.#socket.on("data", (bytes) => events.received(bytes));
    // A peer that has ended its stream is gone, even if it still reads.
    this.#socket.on("end", () => this.#socket.destroy());
    this.#socket.on("close", () => events.closed(this.#error ?? "the peer closed the connection"));
  }

  write(bytes: Uint8Array): void {
    if (this.#closing || this.#socket.destroyed) return;
    if (this.#socket.writableLength + bytes.length > this.#limits.maxUnsentBytes) {
      this.#error = `the peer left ${this.#socket.writableLength} bytes unread`;
      this.#socket.destroy();
      return;
    }
    // The caller may clear its bytes; this copy is cleared when the system has taken it.
    const sent = copyBytes(bytes);
    this.#socket.write(sent, () => zeroBytes(sent));
  }

  close(reason?: string): void {
    if (this.#closing || this.#socket.destroyed) return;
    this.#closing = true;
    this.#error ??= reason;
    // What was written (a power off) is still sent, but a peer that does not read cannot keep the socket for ever.
    const cancelTimer: CancelTimer = this.#clock.schedule(this.#limits.closeGraceMs, "vpcd-close", () => {
      this.#socket.destroy();
    });
    this.#socket.once("close", cancelTimer);
    this.#socket.destroySoon();
  }
}
