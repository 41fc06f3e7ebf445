// SPDX-License-Identifier: MIT

import type { ManagerClient } from "../src/managers/embedded/index.ts";
import type { ClientIdentity, ReaderSnapshot } from "../src/port/index.ts";
import type { ClientEvent, CommandKind } from "./events.ts";
import type { Fairness } from "./fairness.ts";
import type { ReconnectTerms } from "./reconnects.ts";
import { markedPin } from "./simulated-card.ts";

/** A program that uses the resource manager, well or badly. */
export interface SimulatedClient {
  /** Performs the event, without waiting for the result. */
  act(event: ClientEvent): void;
  /** The service has stopped, and another one runs. */
  serviceEnded(): void;
  /** Whether the client of that name, if it is this one, may know of a lock that it has. */
  mayHold(name: string): boolean;
  /** All due work is done: what the client was told must be true. @param timers names of the timers that are set */
  checkAtRest(timers: readonly string[]): void;
  /** Exits: everything that it holds ends. */
  leave(): Promise<void>;
  /** Uses every reader once, correctly, and exits. Every call must succeed. */
  finish(): Promise<void>;
}

/** What a client needs of the world. */
export interface ClientDeps {
  client(identity: ClientIdentity): ManagerClient;
  /** Numbers that no other command has. */
  readonly nextNumber: () => number;
  nextPid(): number;
  /** The name of the reader in that place; an unknown name if the place is empty. */
  readerName(place: number): string;
  readerNames(): readonly string[];
  /** How many readers a query may name. */
  readonly queriesPerWait: number;
  /** The readers as they are. */
  readers(): readonly ReaderSnapshot[];
  /** Whether a call of the client of that name is under way. */
  readonly isAsking: (name: string) => boolean;
  /** The fairness rule of the service. */
  readonly fairness: Fairness;
  /** A client of the service was told that its reconnect is done. */
  readonly reconnected: (name: string, terms: ReconnectTerms) => void;
  /** Something was reached: for the report of what was not. */
  readonly reached: (what: string) => void;
  /** An abort controller whose signal is searched for listeners in the end. */
  controller(): AbortController;
  moment(): { readonly step: number; violated(what: string): void };
}

/** An attribute that virtual readers let clients set, to 1 to 4 bytes; vpcd's do not. */
const SETTABLE_ATTRIBUTE = 0x7fff_0007;

/** What is set, and to what, with a number in the place where commands have theirs: what may be set, or not. */
export function settingOf(
  what: "known" | "too-long" | "unknown",
  number: number,
): { readonly attribute: number; readonly value: Uint8Array } {
  const value = [0, 0, number >> 8, number & 0xff];
  return {
    attribute: what === "unknown" ? 0x7fff_1234 : SETTABLE_ATTRIBUTE,
    value: Uint8Array.from(what === "too-long" ? [...value, 0] : value),
  };
}

/** A command whose P1 and P2 are its number. */
export function makeCommand(what: CommandKind, number: number): Uint8Array {
  const [high, low] = [number >> 8, number & 0xff];
  switch (what) {
    case "echo":
      return Uint8Array.of(0x80, 0x10, high, low, 4);
    case "pin":
      return Uint8Array.of(0x00, 0x20, high, low, markedPin.length, ...markedPin);
    case "long":
      return Uint8Array.of(0x80, 0x12, high, low, 200, ...new Uint8Array(200));
    case "select":
      return Uint8Array.of(0x00, 0xa4, 0x04, 0x00, 6, 0xf0, 0x53, 0x49, 0x4d, high, low);
    case "short":
      return Uint8Array.of(0x80, 0x10);
  }
}
