// SPDX-License-Identifier: MIT

import type { RedactedCommand, RedactedResponse } from "../../base/iso7816/index.ts";
import type { ClientIdentity, Disposition, ErrorCode, Protocol, ShareMode, SmartCardError } from "../../port/index.ts";

/** What a client can ask for, in the words of the port. */
export const observedOperations = [
  "establish-context",
  "release-context",
  "list-readers",
  "get-status-change",
  "cancel",
  "describe-reader",
  "connect",
  "reconnect",
  "disconnect",
  "begin-transaction",
  "end-transaction",
  "status",
  "transmit",
  "control",
  "get-attribute",
  "set-attribute",
] as const;

/** What a client asked for. */
export type ObservedOperation = (typeof observedOperations)[number];

/** A command and its response, as they may be shown. */
export interface ObservedExchange {
  /** Name of the command for the selected application: `VERIFY`, `PIV GENERAL AUTHENTICATE`, `GET PROCESSING OPTIONS`. */
  readonly name: string;
  readonly command: RedactedCommand;
  /** Undefined where the exchange failed. */
  readonly response: RedactedResponse | undefined;
  /** SW1 SW2, 0 to 0xFFFF; undefined where the exchange failed, or a response has fewer than two bytes. */
  readonly statusWord: number | undefined;
  /** Lengths of the whole command and response in bytes, withheld or not. */
  readonly commandBytes: number;
  readonly responseBytes: number;
  /** Identifier of the application that is selected on the command's channel, as hexadecimal digits; undefined where it is not known. */
  readonly application: string | undefined;
  /** The bytes as they are. Only where the owner of the observer asked for it: they may hold PINs and keys. */
  readonly raw: { readonly command: Uint8Array; readonly response: Uint8Array | undefined } | undefined;
}

/** What a reader with a PIN pad did with a PIN of its user. */
export interface ObservedPinPad {
  /** `VERIFY`, `CHANGE REFERENCE DATA`, … */
  readonly name: string;
  /** What the card answered, or the reader in its place (64 00 to 64 03, 6B 80: PC/SC part 10, 2.6); undefined where there is none. */
  readonly statusWord: number | undefined;
}

/** One call of a client, told when it has ended. */
export interface ObservedCall {
  readonly kind: "call";
  /** 1, 2, 3, … in the order in which events are told. */
  readonly number: number;
  /** When it was made: milliseconds since 1970 UTC. */
  readonly time: number;
  /** How long it took, in milliseconds with fractions. */
  readonly tookMs: number;
  /** How much of that it waited for its turn at the reader; undefined where the manager does not tell. */
  readonly waitedMs: number | undefined;
  readonly client: ClientIdentity;
  /** Number of the context: 1, 2, 3, … in this observer. */
  readonly context: number;
  /** Number of the connection: 1, 2, 3, … in this observer; undefined for calls of a context. */
  readonly connection: number | undefined;
  readonly reader: string | undefined;
  readonly operation: ObservedOperation;
  /** `success`, the code of a SmartCardError, or `failed` for another error. */
  readonly outcome: "success" | ErrorCode | "failed";
  /** For connect and reconnect. */
  readonly shareMode: ShareMode | undefined;
  /** For connect and reconnect: the protocol that was agreed on. */
  readonly protocol: Protocol | undefined;
  /** For disconnect and end-transaction; for reconnect its initialization. */
  readonly disposition: Disposition | undefined;
  /** For transmit. Of control and attributes there is never data. */
  readonly exchange: ObservedExchange | undefined;
  /** For control its code; for attributes their number. */
  readonly code: number | undefined;
  /** For control, where it has a reader with a PIN pad complete a command with a PIN. */
  readonly pinPad?: ObservedPinPad | undefined;
}

/** What happened to a card or a reader. */
export interface ObservedCardEvent {
  readonly kind: "card";
  /** 1, 2, 3, … in the order in which events are told: calls and cards are counted together. */
  readonly number: number;
  /** Milliseconds since 1970 UTC. */
  readonly time: number;
  readonly reader: string;
  readonly change: "reader-added" | "reader-removed" | "inserted" | "removed" | "reset" | "unpowered";
  /** ATR as hexadecimal digits; empty where there is no card, or the change does not tell it. */
  readonly atr: string;
  /** Whose disconnect, end of a transaction, reconnect or exit it was; undefined where it is not known. */
  readonly client: ClientIdentity | undefined;
  /** Why: `disposition`, `exit`, `idle-limit`, `reader`; undefined where it is not known. */
  readonly cause: string | undefined;
}

/** What an observer tells. */
export type ObservedEvent = ObservedCall | ObservedCardEvent;

/** Is told of events, one after the other. What it throws harms no call. */
export type ObservedListener = (event: ObservedEvent) => void;

/** What came of a command, without what its bytes say: of those there is only the header, as far as it may be shown. */
export interface ExchangeOutcome extends Pick<ObservedExchange, "commandBytes" | "responseBytes" | "statusWord"> {
  readonly command: Pick<RedactedCommand, "bytes">;
  /** Undefined where the exchange failed. */
  readonly response: Pick<RedactedResponse, "withheldBytes"> | undefined;
}

/** A call that has ended, as those need it who count: of a command there is only what came of it. */
export interface CallOutcome extends Omit<ObservedCall, "exchange"> {
  readonly exchange: ExchangeOutcome | undefined;
}

/** What an observer tells those who count. */
export type ObservedOutcome = CallOutcome | ObservedCardEvent;

/** Is told of outcomes, one after the other. What it throws harms no call. */
export type OutcomeListener = (event: ObservedOutcome) => void;

/** A command that is about to be sent. */
export interface CommandAsked {
  readonly client: ClientIdentity;
  readonly reader: string;
  /** The number of the connection, as events tell it. */
  readonly connection: number;
  /** The bytes as they are: they may hold PINs and keys, and must not be kept. */
  readonly command: Uint8Array;
}

/** A control call that is about to be made: a reader with a PIN pad takes commands in it. */
export interface ControlAsked extends Omit<CommandAsked, "command"> {
  readonly code: number;
  /** The bytes as they are: they must not be kept. */
  readonly input: Uint8Array;
}

/** Decides about commands before they reach the card. */
export interface CallPolicy {
  /** Undefined lets the command pass; an error refuses it, and is what the client gets. */
  before(call: CommandAsked): SmartCardError | undefined;
  /** Is told of each command that was let through, when it has ended. */
  after(call: CommandAsked & { readonly response: Uint8Array | undefined }): void;
  /** The same for control calls; all pass without it. */
  beforeControl?(call: ControlAsked): SmartCardError | undefined;
  afterControl?(call: ControlAsked & { readonly output: Uint8Array | undefined }): void;
}
