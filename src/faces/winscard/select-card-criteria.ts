// SPDX-License-Identifier: MIT

import { checkCardType } from "../../database/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { dword, preferredProtocolsOf, shareModeOf, stringsOf } from "./arguments.ts";
import { SC_DLG_FORCE_UI, SC_DLG_MINIMAL_UI, SC_DLG_NO_UI, SCARD_DEFAULT_READERS } from "./constants.ts";
import type { SCARDHANDLE } from "./handles.ts";
import type { SCARD_ATRMASK } from "./locate-functions.ts";
import type {
  OPENCARD_SEARCH_CRITERIA,
  OPENCARDNAME,
  OPENCARDNAME_EX,
  OpenCardCheck,
  OpenCardConnect,
  OpenCardDisconnect,
} from "./select-card.ts";

/** When the dialog is shown. */
type DialogMode = "minimal" | "none" | "always";

/** How a connection is made: by the caller's function, or by a share mode and protocols. */
export type Opening =
  | { readonly kind: "callback"; readonly connect: OpenCardConnect; readonly userData: unknown }
  | { readonly kind: "internal"; readonly shareMode: number; readonly preferredProtocols: number };

/** The check of a card that meets the other criteria. */
export interface Checking {
  readonly opening: Opening;
  readonly check: OpenCardCheck;
  /** Undefined where SCardDisconnect ends the connection. */
  readonly disconnect: OpenCardDisconnect | undefined;
  readonly userData: unknown;
}

/** What is searched for, with everything filled in and checked. */
export interface Criteria {
  readonly groups: readonly string[];
  readonly cardNames: readonly string[];
  readonly interfaces: readonly string[];
  readonly atrMasks: readonly SCARD_ATRMASK[];
  readonly checking: Checking | undefined;
}

/** A whole request, with everything filled in and checked. */
export interface Selection {
  readonly operation: string;
  readonly mode: DialogMode;
  readonly title: string;
  readonly searchDesc: string;
  readonly owner: unknown;
  readonly icon: unknown;
  readonly criteria: Criteria;
  /** How the selected card is connected; undefined where it is only named. */
  readonly opening: Opening | undefined;
  /** Whether the connection that was made for the check becomes the one that is handed over. */
  readonly keepsChecked: boolean;
}

const DEFAULT_TITLE = "Select Card:";
const DEFAULT_SEARCH_DESC = "Please insert a smart card";

/** What OPENCARDNAME_EX asks for. @throws invalid-parameter, invalid-value, proto-mismatch, invalid-atr */
export function selectionOf(dialog: OPENCARDNAME_EX): Selection {
  const operation = "select card";
  return {
    operation,
    mode: modeOf(dialog.flags, operation),
    title: dialog.title ?? DEFAULT_TITLE,
    searchDesc: dialog.searchDesc ?? DEFAULT_SEARCH_DESC,
    owner: dialog.owner,
    icon: dialog.icon,
    criteria: criteriaOf(dialog.searchCriteria ?? {}, operation),
    opening: openingOf(dialog, operation),
    keepsChecked: false,
  };
}

/** What OPENCARDNAME asks for. @throws invalid-parameter, invalid-value, proto-mismatch */
export function oldSelectionOf(dialog: OPENCARDNAME): Selection {
  const operation = "open card name";
  const given = [dialog.connect, dialog.check, dialog.disconnect].filter((one) => one != null).length;
  if (given !== 0 && given !== 3) {
    throw new SmartCardError("invalid-parameter", "connect, check and disconnect are given together or not at all", {
      operation,
    });
  }
  return {
    operation,
    mode: modeOf(dialog.flags, operation),
    title: dialog.title ?? DEFAULT_TITLE,
    searchDesc: DEFAULT_SEARCH_DESC,
    owner: dialog.owner,
    icon: undefined,
    criteria: criteriaOf(dialog, operation),
    opening: openingOf(dialog, operation),
    keepsChecked: true,
  };
}

function modeOf(flags: number | undefined, operation: string): DialogMode {
  const bits = dword(flags ?? 0, "flags", operation);
  const known = SC_DLG_MINIMAL_UI | SC_DLG_NO_UI | SC_DLG_FORCE_UI;
  const both = (bits & SC_DLG_NO_UI) !== 0 && (bits & SC_DLG_FORCE_UI) !== 0;
  if ((bits & ~known) !== 0 || both) {
    const allowed = "SC_DLG_MINIMAL_UI (1), SC_DLG_NO_UI (2), SC_DLG_FORCE_UI (4)";
    const message = both ? "never and always to show the dialog is a contradiction" : `unknown flags ${bits}`;
    throw new SmartCardError("invalid-value", `${message}: ${allowed}`, { operation });
  }
  if ((bits & SC_DLG_NO_UI) !== 0) return "none";
  return (bits & SC_DLG_FORCE_UI) !== 0 ? "always" : "minimal";
}

function criteriaOf(criteria: OPENCARD_SEARCH_CRITERIA, operation: string): Criteria {
  const groups = stringsOf(criteria.groupNames);
  return {
    groups: groups.length === 0 ? stringsOf(SCARD_DEFAULT_READERS) : groups,
    cardNames: stringsOf(criteria.cardNames),
    interfaces: [...(criteria.interfaces ?? [])],
    atrMasks: checkCardType({ name: "ATR", atrs: criteria.atrMasks ?? [] }).atrs,
    checking: checkingOf(criteria, operation),
  };
}

function checkingOf(criteria: OPENCARD_SEARCH_CRITERIA, operation: string): Checking | undefined {
  const { check, connect, disconnect, userData } = criteria;
  if ((connect == null) !== (disconnect == null)) {
    throw new SmartCardError("invalid-parameter", "connect and disconnect are given together or not at all", {
      operation,
    });
  }
  if (check == null) return undefined;
  const opening = openingOf(criteria, operation);
  if (opening === undefined) {
    const needs = "check needs connect and disconnect, or a share mode and protocols: it looks at a connected card";
    throw new SmartCardError("invalid-parameter", needs, { operation });
  }
  return { opening, check, disconnect: disconnect ?? undefined, userData };
}

function openingOf(
  from: Pick<OPENCARDNAME_EX, "connect" | "userData" | "shareMode" | "preferredProtocols">,
  operation: string,
): Opening | undefined {
  if (from.connect != null) return { kind: "callback", connect: from.connect, userData: from.userData };
  const { shareMode = 0, preferredProtocols = 0 } = from;
  if (shareMode === 0) return undefined;
  // Arguments that SCardConnect would refuse are refused before the dialog opens.
  preferredProtocolsOf(preferredProtocols, shareModeOf(shareMode, operation), operation);
  return { kind: "internal", shareMode, preferredProtocols };
}

/** A connection that was opened. */
export interface Opened {
  readonly cardHandle: SCARDHANDLE;
  readonly activeProtocol: number;
}
