// SPDX-License-Identifier: MIT

import type { CardFunctions } from "./card-functions.ts";
import type { CardTypeFunctions } from "./card-type-functions.ts";
import type { ContextFunctions } from "./context-functions.ts";
import type { Foundation } from "./foundation.ts";
import type { SCARDCONTEXT } from "./handles.ts";
import type { CardPicker, OPENCARDNAME, OPENCARDNAME_EX, SelectCardOptions, SelectedCard } from "./select-card.ts";
import { oldSelectionOf, type Selection, selectionOf } from "./select-card-criteria.ts";
import { selectCard } from "./select-card-dialog.ts";

/**
 * The functions of Scarddlg.dll: they search for a card and let the user choose if necessary. They use the other functions,
 * and a {@link CardPicker} that shows the dialog: `defaultPicker` for calls that bring none.
 */
export function openCardFunctions(
  foundation: Foundation,
  calls: ContextFunctions & CardFunctions & CardTypeFunctions,
  defaultPicker: CardPicker | undefined,
) {
  async function select(
    context: SCARDCONTEXT,
    selection: Selection,
    options: SelectCardOptions,
  ): Promise<SelectedCard> {
    const { picker = defaultPicker, signal: caller } = options;
    const opened = foundation.handles.context(context);
    return await foundation.dialog(opened, caller, (signal) =>
      selectCard(context, selection, { calls, picker, signal, clock: foundation.anyClock }),
    );
  }

  return {
    /**
     * Finds a card: the one that meets the criteria, or the one that the person chooses.
     *
     * - SC_DLG_MINIMAL_UI: if exactly one card fits it is taken, otherwise the dialog opens.
     * - SC_DLG_FORCE_UI: the dialog opens in any case.
     * - SC_DLG_NO_UI: the first card that fits and can be connected is taken; there is never a dialog.
     *
     * The card is then connected with `connect`, or else with `shareMode` and `preferredProtocols`; without either it is
     * only named. Where the criteria have a `check`, each card that fits otherwise is connected, checked and disconnected
     * first, reader after reader, once for each insertion. A card that cannot be connected for the check does not fit.
     *
     * Dialogs may be open in several contexts, and in one several times. SCardCancel and SCardReleaseContext always end those
     * of their context.
     *
     * @throws cancelled-by-user (the person closed the dialog), unsupported-feature (the dialog is needed and there is no
     * picker), no-smartcard (SC_DLG_NO_UI, and no card fits), no-readers-available (the same, without any reader),
     * unknown-card (no card of that name was introduced), card-unsupported, no-smartcard, reader-unavailable or
     * another (a picker that chose a reader which does not fit), cancelled (by the signal or SCardCancel),
     * invalid-parameter (a `check` without means to connect; one of `connect` and `disconnect` without the other),
     * invalid-value (flags, share mode), invalid-atr, invalid-context; for the connection as SCardConnect, and not-ready
     * where `connect` gave no handle. What functions of the caller throw is passed on.
     * @see SCardUIDlgSelectCard function, OPENCARDNAME_EX structure (winscard.h), Microsoft
     *
     * **Portability**: strings need no buffers here, so `nMaxRdr`, `nMaxCard` and SCARD_E_NO_MEMORY for them are gone, and
     * the sizes of structures with them. Windows leaves open what SC_DLG_NO_UI ends with where no card fits, and in which
     * way `dwFlags` would "indicate the user's input": here they do not. pcsc-lite and macOS have no such function;
     * FreeRDP's answers SCARD_E_UNSUPPORTED_FEATURE as this one does without a picker.
     */
    SCardUIDlgSelectCard: async (dialog: OPENCARDNAME_EX, options: SelectCardOptions = {}): Promise<SelectedCard> => {
      return await select(dialog.context, selectionOf(dialog), options);
    },

    /**
     * The older form of {@link SCardUIDlgSelectCard}, for programs that have an OPENCARDNAME. The three functions come
     * together or not at all; the card that is found stays connected from its check on, the others are disconnected.
     *
     * @throws as SCardUIDlgSelectCard; invalid-parameter where some of the three functions are missing
     * @see GetOpenCardName function, OPENCARDNAME structure (winscard.h), Microsoft
     *
     * **Portability**: kept by Windows for version 1.0 of the Smart Card Base Components, and mapped to the newer one.
     */
    GetOpenCardName: async (dialog: OPENCARDNAME, options: SelectCardOptions = {}): Promise<SelectedCard> => {
      return await select(dialog.context, oldSelectionOf(dialog), options);
    },
  };
}

export type OpenCardFunctions = Readonly<ReturnType<typeof openCardFunctions>>;
