// SPDX-License-Identifier: MIT

/**
 * A connection to one card, as the platform that owns the socket gives it to the reader. Neither call throws, and neither
 * calls the {@link BytePipeEvents} back before it has returned.
 */
export interface BytePipe {
  /**
   * Sends bytes in one piece, and needs them no more when it returns: they may hold a PIN, and are cleared. The reader makes
   * one call per message. Once closed it does nothing.
   */
  write(bytes: Uint8Array): void;
  /**
   * Closes the connection once what was written is sent, or soon in any case. The reader listens no more; `reason` is what
   * {@link BytePipeEvents.closed} says then.
   */
  close(reason?: string): void;
}

/** What the platform tells the reader about a connection. */
export interface BytePipeEvents {
  /** Bytes came in, any number of them. They are copied before the call returns. */
  received(bytes: Uint8Array): void;
  /** The other side closed the connection, or it broke; `reason` says so for the trace. No further call follows. */
  closed(reason: string): void;
}
