// SPDX-License-Identifier: MIT

import type { SCARDCONTEXT, SCARDHANDLE } from "./handles.ts";
import type { SCARD_ATRMASK } from "./locate-functions.ts";

/**
 * The structures of SCardUIDlgSelectCard and GetOpenCardName, and the dialog as a port: the search is ours, the user
 * interface is a {@link CardPicker} of the caller.
 */

/**
 * The caller's own way to connect. It is given the names of the card types that the card in the reader may be of.
 * Returns the handle of the connection, or null.
 */
export type OpenCardConnect = (
  context: SCARDCONTEXT,
  reader: string,
  cards: readonly string[],
  userData: unknown,
) => SCARDHANDLE | null | Promise<SCARDHANDLE | null>;

/** The caller's check of a connected card: true if it is the right one. */
export type OpenCardCheck = (context: SCARDCONTEXT, card: SCARDHANDLE, userData: unknown) => boolean | Promise<boolean>;

/** The caller's own way to end a connection. */
export type OpenCardDisconnect = (context: SCARDCONTEXT, card: SCARDHANDLE, userData: unknown) => void | Promise<void>;

/**
 * Which cards are searched for. A card has to be of one of the named types, have all the interfaces and one of the ATRs;
 * all criteria are optional.
 *
 * @see OPENCARD_SEARCH_CRITERIA structure (winscard.h), Microsoft
 */
export interface OPENCARD_SEARCH_CRITERIA {
  /** Reader groups to search: a name, a multi-string or a list; default SCARD_DEFAULT_READERS. */
  readonly groupNames?: string | readonly string[] | null;
  /** Names of card types, of which any will do: a name, a multi-string or a list. */
  readonly cardNames?: string | readonly string[] | null;
  /**
   * GUIDs of interfaces, all of which the card's type must have.
   *
   * **Portability**: "reserved for future use" on Windows.
   */
  readonly interfaces?: readonly string[] | null;
  /** ATRs, of which any will do. Ours: the structure of C lacks it. */
  readonly atrMasks?: readonly SCARD_ATRMASK[] | null;
  /** Looks at each card that fits otherwise. It needs `connect` and `disconnect`, or a share mode and protocols. */
  readonly check?: OpenCardCheck | null;
  /** Connects for the check; the share mode and the protocols are not looked at then. */
  readonly connect?: OpenCardConnect | null;
  /** Ends the connection of the check. */
  readonly disconnect?: OpenCardDisconnect | null;
  /** Handed to the three functions. */
  readonly userData?: unknown;
  /** SCARD_SHARE_*, for a check without functions to connect. */
  readonly shareMode?: number;
  /** SCARD_PROTOCOL_*, for a check without functions to connect. */
  readonly preferredProtocols?: number;
}

/** The appearance of a dialog, in both structures. */
export interface DialogLook {
  readonly context: SCARDCONTEXT;
  /** SC_DLG_MINIMAL_UI (default), SC_DLG_NO_UI or SC_DLG_FORCE_UI. */
  readonly flags?: number;
  /** Default `Select Card:`. */
  readonly title?: string | null;
  /** The window that the dialog belongs to, handed to the picker as it is: here it can be anything. */
  readonly owner?: unknown;
}

/**
 * The request of SCardUIDlgSelectCard.
 *
 * @see OPENCARDNAME_EX structure (winscard.h), Microsoft
 */
export interface OPENCARDNAME_EX extends DialogLook {
  /** Instruction for the user; default `Please insert a smart card`. */
  readonly searchDesc?: string | null;
  /** An icon, handed to the picker as it is. */
  readonly icon?: unknown;
  /** The search criteria; without them every card matches. */
  readonly searchCriteria?: OPENCARD_SEARCH_CRITERIA | null;
  /** Connects to the card that was selected; the share mode and the protocols are not looked at then. */
  readonly connect?: OpenCardConnect | null;
  /** Handed to `connect`. */
  readonly userData?: unknown;
  /** SCARD_SHARE_*: the selected card is connected so. 0 or nothing: it is only named. */
  readonly shareMode?: number;
  /** SCARD_PROTOCOL_* for that connection. */
  readonly preferredProtocols?: number;
}

/**
 * What GetOpenCardName is to do: the older structure, with the search and the connection in one.
 *
 * @see OPENCARDNAME structure (winscard.h), Microsoft
 */
export interface OPENCARDNAME
  extends DialogLook,
    Pick<
      OPENCARD_SEARCH_CRITERIA,
      | "groupNames"
      | "cardNames"
      | "interfaces"
      | "connect"
      | "check"
      | "disconnect"
      | "userData"
      | "shareMode"
      | "preferredProtocols"
    > {}

/** The card that was selected. */
export interface SelectedCard {
  readonly reader: string;
  /** The name of the card's type: the first that fits; empty for a card that no type fits. */
  readonly card: string;
  /** The connection; null where none was asked for. It is the caller's to end. */
  readonly cardHandle: SCARDHANDLE | null;
  /** SCARD_PROTOCOL_*; SCARD_PROTOCOL_UNDEFINED without a connection, and for one that the caller's function made. */
  readonly activeProtocol: number;
}

/** Options of both functions that C does not have. */
export interface SelectCardOptions {
  /** The dialog; without one the picker that the WinSCard object was made with. */
  readonly picker?: CardPicker;
  /** Ends the search and the dialog with `cancelled`. */
  readonly signal?: AbortSignal;
}

/** Why a reader cannot be selected. */
export type CardMismatch =
  /** The reader cannot be used at present. */
  | "unavailable"
  | "no-card"
  /** The card does not answer. */
  | "mute"
  /** Another connection has exclusive use of the card. */
  | "exclusive"
  /** The card is not one that is searched for. */
  | "other-card"
  /** The caller's check says that it is not the right one. */
  | "refused"
  /** The card could not be connected to, or its check failed: `problem` says why. */
  | "unreachable";

/** A reader as a dialog shows it. */
export interface CardPickerReader {
  readonly reader: string;
  /** Empty without a card. */
  readonly atr: Uint8Array;
  /** The card types that the card may be of; those that are searched for, where it is of one of them. */
  readonly cards: readonly string[];
  /** Why the reader cannot be selected; undefined where it can. */
  readonly mismatch: CardMismatch | undefined;
  /** What went wrong, for the person; undefined where nothing did. */
  readonly problem: string | undefined;
}

/** The request to a dialog. */
export interface CardPickerRequest {
  readonly title: string;
  /** What the person is told to do. */
  readonly searchDesc: string;
  /** The caller's window and icon, where it gave any. */
  readonly owner: unknown;
  readonly icon: unknown;
  /** Names of the card types that are searched for; empty where any will do. */
  readonly cardNames: readonly string[];
  /**
   * All readers of the groups, in order: as they are at first, and again after each change. A slow picker misses steps
   * between, never the last. It ends when the dialog is over.
   */
  readonly readers: AsyncIterable<readonly CardPickerReader[]>;
}

/** The dialog: shows readers and lets the person choose one. */
export interface CardPicker {
  /**
   * Asks the person.
   *
   * @param signal aborted when the dialog has to close: SCardCancel, the caller's signal, the end of the context or of the
   * manager. `readers` ends at the same moment. The selection then waits 200 ms for the dialog to close, and ends in
   * any case; a later answer of the picker is ignored.
   * @returns the name of a reader without a mismatch; undefined where the person cancelled
   */
  pick(request: CardPickerRequest, signal: AbortSignal): Promise<string | undefined>;
}
