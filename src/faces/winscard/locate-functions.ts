// SPDX-License-Identifier: MIT

import { type AtrPattern, checkCardType, matchesAtr } from "../../database/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { stringsOf } from "./arguments.ts";
import { SCARD_STATE_ATRMATCH, SCARD_STATE_PRESENT } from "./constants.ts";
import {
  answerOf,
  type ContextFunctions,
  type ReaderStateAnswer,
  type SCARD_READERSTATE,
} from "./context-functions.ts";
import type { Foundation } from "./foundation.ts";
import type { SCARDCONTEXT } from "./handles.ts";

/** An ATR, and which of its bits count. */
export interface SCARD_ATRMASK {
  /** 1 to 33 bytes. Bits that the mask leaves out must be zero, or nothing ever matches. */
  readonly atr: Uint8Array;
  /** As long as `atr`. Without one all bits count. */
  readonly mask?: Uint8Array | undefined;
}

/** The functions that search several readers for a card of a given type. They change neither readers nor cards. */
export function locateFunctions(
  foundation: Foundation,
  { SCardGetStatusChange }: Pick<ContextFunctions, "SCardGetStatusChange">,
) {
  async function locate(
    context: SCARDCONTEXT,
    patterns: readonly AtrPattern[],
    asked: readonly SCARD_READERSTATE[],
  ): Promise<ReaderStateAnswer[]> {
    const states = await look(context, asked);
    return states.map((state) => {
      const present = (state.eventState & SCARD_STATE_PRESENT) !== 0;
      const found = present && patterns.some((pattern) => matchesAtr(pattern, state.atr));
      return found ? { ...state, eventState: (state.eventState | SCARD_STATE_ATRMATCH) >>> 0 } : state;
    });
  }

  /** The current states of readers, whether they differ from the caller's or not. */
  async function look(context: SCARDCONTEXT, asked: readonly SCARD_READERSTATE[]): Promise<ReaderStateAnswer[]> {
    try {
      return (await SCardGetStatusChange(context, 0, asked)).readerStates;
    } catch (error) {
      const states =
        error instanceof SmartCardError && error.code === "timeout" ? error.details.readerStates : undefined;
      if (states === undefined) throw error;
      return asked.map((state, index) => answerOf(state, states[index]));
    }
  }

  return {
    /**
     * Queries readers once and returns their states, with SCARD_STATE_ATRMATCH where the card is of one of the types. To
     * wait for such a card, set each `currentState` to the `eventState` of the answer and call SCardGetStatusChange.
     *
     * @param cards names of kinds of card, of which any will do: a name, a multi-string ("A\0B\0\0") or a list.
     * @throws unknown-card, invalid-parameter (no card is named), unknown-reader, invalid-context; and what keeps the
     * database from being read
     * @see SCardLocateCards function (winscard.h), Microsoft
     *
     * **Portability**: Windows resets a card on which the caller holds a transaction; here nothing happens to any card.
     */
    SCardLocateCards: async (
      context: SCARDCONTEXT,
      cards: string | readonly string[],
      readerStates: readonly SCARD_READERSTATE[],
    ): Promise<{ readonly readerStates: ReaderStateAnswer[] }> => {
      const opened = foundation.handles.context(context);
      const names = stringsOf(cards);
      if (names.length === 0)
        throw new SmartCardError("invalid-parameter", "no card is named", { operation: "locate" });
      const { cardTypes } = await foundation.database(opened.scope);
      const patterns = names.flatMap((name) => cardTypes.get(name).atrs);
      return { readerStates: await locate(context, patterns, readerStates) };
    },

    /**
     * Does what SCardLocateCards does, for ATRs instead of names of cards. It needs no database.
     *
     * @param atrMasks of which any will do: an ATR matches where it is as long and ATR AND mask is `atr`.
     * @throws invalid-atr (not 1 to 33 bytes), invalid-parameter (a mask has another length than its ATR), unknown-reader,
     * invalid-context
     * @see SCardLocateCardsByATR function (winscard.h), Microsoft
     */
    SCardLocateCardsByATR: async (
      context: SCARDCONTEXT,
      atrMasks: readonly SCARD_ATRMASK[],
      readerStates: readonly SCARD_READERSTATE[],
    ): Promise<{ readonly readerStates: ReaderStateAnswer[] }> => {
      foundation.handles.context(context);
      const { atrs } = checkCardType({ name: "ATR", atrs: atrMasks });
      return { readerStates: await locate(context, atrs, readerStates) };
    },
  };
}

export type LocateFunctions = Readonly<ReturnType<typeof locateFunctions>>;
