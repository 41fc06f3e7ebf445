// SPDX-License-Identifier: MIT

import { checkCardType } from "../../database/index.ts";
import { type FoundReader, type SearchedReader, SmartCardError } from "../../port/index.ts";
import { dword, stringsOf, textOf } from "./arguments.ts";
import type { ReaderStateAnswer, SCARD_READERSTATE } from "./context-functions.ts";
import type { InDatabase } from "./database-choice.ts";
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
export function locateFunctions({ handles }: Foundation, inDatabase: InDatabase) {
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
      handles.context(context);
      const names = stringsOf(cards);
      if (names.length === 0)
        throw new SmartCardError("invalid-parameter", "no card is named", { operation: "locate" });
      const asked = searched(readerStates);
      const found = await inDatabase(context, (database) => database.locateCards(names, asked));
      return { readerStates: answers(readerStates, found) };
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
      handles.context(context);
      const { atrs } = checkCardType({ name: "ATR", atrs: atrMasks });
      const asked = searched(readerStates);
      const found = await inDatabase(context, (database) => database.locateCardsByAtr(atrs, asked));
      return { readerStates: answers(readerStates, found) };
    },
  };
}

export type LocateFunctions = Readonly<ReturnType<typeof locateFunctions>>;

function searched(states: readonly SCARD_READERSTATE[]): SearchedReader[] {
  return states.map(({ currentState, reader }) => ({
    reader: textOf(reader, "reader", "locate"),
    currentState: dword(currentState, `current state of "${reader}"`, "locate"),
  }));
}

function answers(asked: readonly SCARD_READERSTATE[], found: readonly FoundReader[]): ReaderStateAnswer[] {
  return asked.map(({ currentState, reader, userData }, index) => {
    const { atr, eventState } = found[index] ?? { atr: new Uint8Array(), eventState: 0 };
    return { reader, userData, currentState, eventState, atr };
  });
}
