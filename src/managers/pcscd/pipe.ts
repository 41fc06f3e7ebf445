// SPDX-License-Identifier: MIT

/** What happens at our end of a connection to the service. */
export interface PipeEvents {
  /** Bytes came in, any number of them. They are copied before the call returns. */
  received(bytes: Uint8Array): void;
  /** The service closed the connection, or it broke; `reason` says so. Called once, and nothing after it. */
  closed(reason: string): void;
}

/** A connection to the service: bytes in order, both ways. No call throws. */
export interface Pipe {
  /** Sends bytes in one write, and needs them no more when it returns: they may hold a PIN, and are cleared. Once closed it does nothing. */
  write(bytes: Uint8Array): void;
  /** Closes the connection at once. The other side may still be told of it by `closed`. */
  close(): void;
}

/**
 * Connects to the service. Nothing is told to `events` before the promise has resolved.
 *
 * @throws no-service (nothing listens: the message says where it was looked, and how to start a service), no-access (the
 * socket is not for this user), server-too-busy, comm-error
 */
export type Dial = (events: PipeEvents) => Promise<Pipe>;
