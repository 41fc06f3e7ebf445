// SPDX-License-Identifier: MIT

import type { BridgeMeeting } from "../../wire/bridge/index.ts";

/** What happens on a connection to the bridge. */
interface BridgeEvents {
  /** It is there: messages may be sent. */
  opened(): void;
  /** A whole message has come. */
  received(message: Uint8Array): void;
  /** It has ended, or could not be made. `code` is the close code of the WebSocket, 1006 where there was none. */
  closed(code: number, reason: string): void;
}

/** A connection to the bridge. */
export interface BridgeConnection {
  /** Sends a message, and clears its bytes when they are copied: they may hold a PIN. */
  send(message: Uint8Array): void;
  close(): void;
}

/** Where a page keeps the secret of its pairing. */
export interface BridgeTokens {
  load(): Promise<Uint8Array | undefined>;
  /** Keeps it, or forgets it. */
  save(token: Uint8Array | undefined): Promise<void>;
}

/** What a page is told when a pairing code is asked for. */
export interface PairingRequest {
  /** How often this code may still be tried. */
  readonly triesLeft: number;
}

/** What a page proves itself with. */
export interface PageCrypto {
  random(length: number): Uint8Array;
  /** HMAC-SHA-256. */
  hmac(key: Uint8Array, data: Uint8Array): Promise<Uint8Array>;
}

/** What an exchange with a code takes. */
export interface ExchangeCrypto extends Pick<PageCrypto, "hmac"> {
  /** Begins an exchange by X25519 from a point. `agree` is rejected for a share of low order. RFC 7748, 6.1. */
  exchange(point: Uint8Array): Promise<{
    readonly share: Uint8Array;
    agree(share: Uint8Array): Promise<Uint8Array>;
  }>;
}

/** What a page has after an exchange: its own share, and the secret that only who knows the code has. */
export interface AgreedSecret {
  readonly share: Uint8Array;
  readonly secret: Uint8Array;
}

/** How page and bridge prove themselves to each other. */
export interface BridgePairing {
  /** The origin of the page, and the address that it connects to. */
  readonly origin: string;
  readonly address: string;
  /** @throws DOMException (the page is in no secure context) */
  crypto(): PageCrypto;
  readonly tokens: BridgeTokens;
  /** Asks the user for the code that `scard bridge` shows; undefined where the user gives none. */
  pairingCode(request: PairingRequest): Promise<string | undefined | null>;
  /** `exchangeWithCode` of this room, which a page loads when it is asked for a code. */
  exchange(code: string, meeting: BridgeMeeting, share: Uint8Array): Promise<AgreedSecret | undefined>;
}

/** What the proxies work with. */
export interface BridgeHost {
  /** Begins to connect. */
  dial(events: BridgeEvents): BridgeConnection;
  /** Calls back once, after so many milliseconds. @returns what takes it back */
  later(delayMs: number, callback: () => void): () => void;
  /** Adds what this package has beyond the API to the proxies, where the page asks for it. */
  readonly extend?: (() => Promise<void>) | undefined;
  /** Left out where only the service can be at the other side: nothing is proved then. */
  readonly pairing?: BridgePairing | undefined;
}
