// SPDX-License-Identifier: MIT

import {
  type CardState,
  cardStates,
  type Dialect,
  type Disposition,
  dispositions,
  encodeReaderState,
  fromNumber,
  type Initialization,
  initializations,
  type Protocol,
  protocols,
  type ReaderFlags,
  type ReaderSnapshot,
  type ReaderStateReport,
  type ShareMode,
  SmartCardError,
  shareModes,
} from "../../port/index.ts";

/** The numbers that programs pass and get, and the terms of the port. */

/** The defaults of `smartcard`: the numbers are the same in every header. */
export const defaults = {
  /** SCARD_SHARE_SHARED. */
  shareMode: 2,
  /** SCARD_PROTOCOL_T0 and SCARD_PROTOCOL_T1. */
  protocols: 3,
  /** SCARD_LEAVE_CARD. */
  initialization: 0,
} as const;

/** SCARD_E_INVALID_HANDLE. */
export const INVALID_HANDLE = 0x8010_0003;

type Table<K extends string> = Parameters<typeof fromNumber<K>>[0];

/** The term of a number. @throws invalid-value */
function term<K extends string>(table: Table<K>, value: number, dialect: Dialect, what: string): K {
  const found = fromNumber(table, value, dialect);
  if (found === undefined) throw new SmartCardError("invalid-value", `unknown ${what} ${value}`);
  return found;
}

/** @throws invalid-value */
export function shareModeOf(value: number, dialect: Dialect): ShareMode {
  return term(shareModes, value, dialect, "share mode");
}

/** @throws invalid-value */
export function dispositionOf(value: number, dialect: Dialect): Disposition {
  return term(dispositions, value, dialect, "disposition");
}

/** @throws invalid-value */
export function initializationOf(value: number, dialect: Dialect): Initialization {
  return term(initializations, value, dialect, "initialization");
}

/** @throws proto-mismatch */
export function protocolOf(value: number, dialect: Dialect): Protocol {
  const found = fromNumber(protocols, value, dialect);
  if (found === undefined) throw new SmartCardError("proto-mismatch", `unknown protocol ${value}`);
  return found;
}

/** The number of a protocol; 0, SCARD_PROTOCOL_UNDEFINED, where none is in use. */
export function protocolNumber(protocol: Protocol | undefined, dialect: Dialect): number {
  return (protocol && protocols[protocol][dialect]) ?? 0;
}

/** The state in SCardStatus: an enumeration on Windows; elsewhere the bits that pcscd shows together. */
export function cardStateNumber(state: CardState, dialect: Dialect): number {
  if (dialect === "windows") return cardStates[state].windows;
  const { present, powered } = cardStates;
  const bits = cardStates[state].pcsclite;
  switch (state) {
    case "unknown":
    case "absent":
    case "present":
      return bits;
    case "swallowed":
    case "powered":
      return bits | present.pcsclite;
    case "negotiable":
    case "specific":
      return bits | present.pcsclite | powered.pcsclite;
  }
}

/** A reader's state as dwEventState has it: flags, and the number of insertions and removals in the high word. */
export function stateNumber({ flags, eventCount }: ReaderStateReport): number {
  return encodeReaderState(flags, eventCount);
}

/** A reader as a manager's table has it, in the terms of a status wait. */
export function reportOf({ name, eventCount, card, connections, exclusive }: ReaderSnapshot): ReaderStateReport {
  const flags: ReaderFlags =
    card === undefined
      ? { changed: true, empty: true }
      : {
          changed: true,
          present: true,
          ...(card.mute ? { mute: true } : !card.powered && { unpowered: true }),
          ...(exclusive ? { exclusive: true } : connections > 0 && { inuse: true }),
        };
  return { reader: name, flags, eventCount, atr: card?.atr ?? new Uint8Array(0) };
}
