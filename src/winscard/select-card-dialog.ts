// SPDX-License-Identifier: MIT

import { SmartCardError } from "../pcsc/index.ts";
import { SCARD_PROTOCOL_UNDEFINED } from "./constants.ts";
import type { SCARDCONTEXT } from "./handles.ts";
import type { CardMismatch, CardPicker, CardPickerReader, SelectedCard } from "./select-card.ts";
import type { Selection } from "./select-card-criteria.ts";
import { Latest } from "./select-card-latest.ts";
import { CardSearch, type SearchCalls } from "./select-card-search.ts";

/** What a selection is made with. */
export interface SelectionTools {
  readonly calls: SearchCalls;
  readonly picker: CardPicker | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * Searches, asks the person where it has to, and connects:
 *
 *     mode       none fits          one fits      several fit
 *     none       no-smartcard       it            the first that can be connected
 *     minimal    dialog             it            dialog
 *     always     dialog             dialog        dialog
 */
export async function selectCard(
  context: SCARDCONTEXT,
  selection: Selection,
  tools: SelectionTools,
): Promise<SelectedCard> {
  const ending = new AbortController();
  const { calls, picker, signal } = tools;
  const stop = (): void => ending.abort(signal?.reason);
  signal?.addEventListener("abort", stop, { once: true });
  if (signal?.aborted) stop();
  const search = new CardSearch(calls, context, selection.criteria);
  const run = new Run(selection, search, ending.signal);
  try {
    await search.checkNames();
    if (selection.mode !== "always") {
      await search.look({
        signal: ending.signal,
        keepsChecked: selection.keepsChecked,
        firstOnly: endsAtFirst(selection),
      });
      run.throwIfStopped();
      const found = search.readers.filter(({ mismatch }) => mismatch === undefined);
      if (selection.mode === "none") return await run.takeFirst(found);
      const [only] = found;
      if (only !== undefined && found.length === 1) return await run.take(only);
      await search.dropKept();
    } else if (picker !== undefined) await search.look({ signal: ending.signal });
    if (picker === undefined) throw withoutPicker(selection, search.readers);
    return await run.take(await run.ask(picker));
  } finally {
    signal?.removeEventListener("abort", stop);
    await search.dropKept();
  }
}

/** Whether the first card that fits is taken whatever the others are: nothing that comes after it can fail. */
function endsAtFirst({ criteria, keepsChecked, mode, opening }: Selection): boolean {
  return mode === "none" && (opening === undefined || (keepsChecked && criteria.checking !== undefined));
}

/** One selection that is under way. */
class Run {
  readonly #selection: Selection;
  readonly #search: CardSearch;
  readonly #signal: AbortSignal;

  constructor(selection: Selection, search: CardSearch, signal: AbortSignal) {
    this.#selection = selection;
    this.#search = search;
    this.#signal = signal;
  }

  /** @throws cancelled where the caller has given up */
  throwIfStopped(): void {
    if (!this.#signal.aborted) return;
    const { operation } = this.#selection;
    const cause: unknown = this.#signal.reason;
    throw new SmartCardError("cancelled", "the caller gave the selection up", { operation }, { cause });
  }

  /** Connects to the first card that lets it. @throws no-smartcard, or what connecting to the first failed with */
  async takeFirst(found: readonly CardPickerReader[]): Promise<SelectedCard> {
    let first: unknown;
    for (const reader of found) {
      try {
        return await this.take(reader);
      } catch (error) {
        if (!(error instanceof SmartCardError) || this.#signal.aborted) throw error;
        first ??= error;
      }
    }
    throw first ?? nothingFound(this.#selection, this.#search.readers);
  }

  /** Connects to a card, as far as that was asked for. */
  async take({ cards, reader }: CardPickerReader): Promise<SelectedCard> {
    const { opening } = this.#selection;
    const opened =
      this.#search.takeKept(reader) ??
      (opening && (await this.#search.open(opening, reader, cards, { signal: this.#signal })));
    return {
      reader,
      card: cards[0] ?? "",
      cardHandle: opened?.cardHandle ?? null,
      activeProtocol: opened?.activeProtocol ?? SCARD_PROTOCOL_UNDEFINED,
    };
  }

  /** Opens the dialog, and keeps it informed until the person has chosen. @throws cancelled-by-user, cancelled */
  async ask(picker: CardPicker): Promise<CardPickerReader> {
    const { icon, operation, owner, searchDesc, title, criteria } = this.#selection;
    const dialog = new AbortController();
    const signal = this.#signal;
    const close = (): void => dialog.abort(signal.reason);
    this.throwIfStopped();
    signal.addEventListener("abort", close, { once: true });
    const readers = new Latest(this.#search.readers);
    let failure: { readonly error: unknown } | undefined;
    const following = this.#search
      .follow(dialog.signal, () => readers.set(this.#search.readers))
      .catch((error: unknown) => {
        // After the dialog it is the end of the wait that was asked for.
        if (!dialog.signal.aborted) failure = { error };
        dialog.abort(error);
      });
    try {
      const request = { title, searchDesc, owner, icon, cardNames: criteria.cardNames, readers };
      const chosen = await picker.pick(request, dialog.signal).catch((error: unknown) => {
        if (dialog.signal.aborted) return undefined;
        throw error;
      });
      if (failure !== undefined) throw failure.error;
      this.throwIfStopped();
      if (chosen === undefined) {
        throw new SmartCardError("cancelled-by-user", "the person closed the dialog", { operation });
      }
      return this.#chosen(chosen);
    } finally {
      signal.removeEventListener("abort", close);
      dialog.abort();
      readers.end();
      await following;
    }
  }

  #chosen(name: string): CardPickerReader {
    const { operation } = this.#selection;
    const reader = this.#search.readers.find((one) => one.reader === name);
    if (reader === undefined) {
      throw new SmartCardError("unknown-reader", `«${name}» was chosen, and is not there (any more)`, { operation });
    }
    if (reader.mismatch === undefined) return reader;
    const details = { operation, reader: name };
    throw new SmartCardError(codes[reader.mismatch], `«${name}» was chosen: ${reasons[reader.mismatch]}`, details);
  }
}

const codes = {
  unavailable: "reader-unavailable",
  "no-card": "no-smartcard",
  mute: "unresponsive-card",
  exclusive: "sharing-violation",
  "other-card": "card-unsupported",
  refused: "card-unsupported",
  unreachable: "not-ready",
} as const satisfies Readonly<Record<CardMismatch, string>>;

const reasons: Readonly<Record<CardMismatch, string>> = {
  unavailable: "it cannot be used",
  "no-card": "it has no card (any more)",
  mute: "its card does not answer",
  exclusive: "another program has its card for itself",
  "other-card": "its card is not one that is searched for",
  refused: "the check refused its card",
  unreachable: "its card could not be checked",
};

function nothingFound({ operation }: Selection, readers: readonly CardPickerReader[]): SmartCardError {
  if (readers.length === 0) return new SmartCardError("no-readers-available", "there is no reader", { operation });
  const list = readers.map(({ mismatch, reader }) => `«${reader}»: ${mismatch && reasons[mismatch]}`).join("; ");
  return new SmartCardError("no-smartcard", `no card fits (${list})`, { operation });
}

function withoutPicker({ operation, mode }: Selection, readers: readonly CardPickerReader[]): SmartCardError {
  const fitting = readers.filter(({ mismatch }) => mismatch === undefined).length;
  const why = mode === "always" ? "SC_DLG_FORCE_UI asks for it" : `${fitting || "none"} of ${readers.length} cards fit`;
  const remedy = "pass a CardPicker as `picker`, or SC_DLG_NO_UI to have the first card that fits";
  return new SmartCardError("unsupported-feature", `the dialog is needed (${why}), and there is none: ${remedy}`, {
    operation,
  });
}
