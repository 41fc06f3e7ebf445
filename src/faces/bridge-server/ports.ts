// SPDX-License-Identifier: MIT

/** The connection of a page, at the service's end. */
export interface BridgePipe {
  /** Where the page has connected to, as its browser writes it: `127.0.0.1:41964`. */
  readonly address: string;
  send(message: Uint8Array): void;
  /** Bytes that were sent and that the page has not taken yet. */
  readonly waitingBytes: number;
  /** Nothing more is read from the page until `resume`. */
  pause(): void;
  resume(): void;
  /** Ends the connection, with a close code of RFC 6455. */
  close(code: number, reason: string): void;
}

/** What the service keeps of a pairing, in hexadecimal: enough to prove itself, and to check what a page proves. The secret of the page is not in it. */
export interface BridgePairing {
  /** Its name, which is no secret: 16 bytes. */
  readonly id: string;
  /** What a page's proof is checked with, and the service's own is made with: 32 bytes each. */
  readonly stored: string;
  readonly service: string;
}

/** The cryptography of the platform. */
export interface BridgeCrypto {
  /** HMAC-SHA-256. */
  hmac(key: Uint8Array, data: Uint8Array): Uint8Array;
  /** RFC 7748, 5. @throws where the result is zero: a point of low order */
  x25519(scalar: Uint8Array, point: Uint8Array): Uint8Array;
  /** Whether two arrays hold the same bytes, in the same time wherever they differ. */
  isEqual(one: Uint8Array, other: Uint8Array): boolean;
}

/** What an origin may use. */
export interface BridgeOrigin {
  /** As browsers write it: `https://example.org`. */
  readonly origin: string;
  /**
   * The readers that it sees: names, or their beginnings before a `*`. Undefined: all that no origin was ever given by name.
   */
  readonly readers?: readonly string[] | undefined;
  readonly pairings: readonly BridgePairing[];
}

/** The origins that a service knows. The list may be changed from outside: see `BridgeService.originsChanged`. */
export interface BridgeOrigins {
  all(): readonly BridgeOrigin[];
  /** Readers that origins had by name once, written as in {@link BridgeOrigin.readers}: an origin without readers of its own does not see them. */
  withheld?(): readonly string[];
  /** Whether the list is known to be what it should be. While it is not, pages go on, and no page is let in. @default true */
  isSure?(): boolean;
  /** Keeps a pairing. Settles when it is kept. */
  remember(origin: string, pairing: BridgePairing): Promise<void>;
}

/** What the user of a bridge is told. */
export type BridgeNotice =
  /** A page wants to be paired: the code is to be typed in there. */
  | { readonly kind: "pairing-code"; readonly origin: string; readonly code: string }
  | { readonly kind: "paired"; readonly origin: string }
  /** The page has sent the right code, and the pairing could not be kept: it has to be done again. */
  | { readonly kind: "not-kept"; readonly origin: string; readonly reason: string }
  | { readonly kind: "wrong-code"; readonly origin: string; readonly triesLeft: number }
  /** The page was refused, or sent away. */
  | { readonly kind: "refused"; readonly origin: string; readonly reason: string };
