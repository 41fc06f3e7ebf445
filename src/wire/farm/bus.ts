// SPDX-License-Identifier: MIT

/** A message that came in. */
export interface FarmMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  /** Answers it, where the other side asked for an answer. */
  respond(data: Uint8Array): void;
}

/** What came of a question. */
export type FarmAnswer =
  | { readonly kind: "answer"; readonly data: Uint8Array }
  /** No program listens to the subject. */
  | { readonly kind: "no-listener" }
  /** No answer came in time, or the broker cannot be reached. */
  | { readonly kind: "late" };

/**
 * What carries messages between hosts: a broker such as NATS. It delivers each message once or not at all, those of one sender to
 * one subject in order, to all who listen at that moment. It is not trusted: it may lose, repeat, change and invent messages.
 */
export interface FarmBus {
  /** Sends a message. Never throws: what cannot be sent is lost. */
  publish(subject: string, data: Uint8Array): void;
  /** Listens to a subject; `*` stands for one of its tokens. Settles when the broker knows of it. @returns ends it */
  subscribe(subject: string, take: (message: FarmMessage) => void): Promise<() => void>;
  /** Sends a message, and waits for the first answer. Never rejects. */
  request(subject: string, data: Uint8Array, timeoutMs: number): Promise<FarmAnswer>;
}
