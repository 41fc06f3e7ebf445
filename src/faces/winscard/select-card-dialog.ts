// SPDX-License-Identifier: MIT

import { type CancelTimer, type Clock, SmartCardError } from "../../port/index.ts";
import { SCARD_PROTOCOL_UNDEFINED } from "./constants.ts";
import type { SCARDCONTEXT } from "./handles.ts";
import type { CardMismatch, CardPicker, CardPickerReader, CardPickerRequest, SelectedCard } from "./select-card.ts";
import type { Selection } from "./select-card-criteria.ts";
import { Latest } from "./select-card-latest.ts";
import { CardSearch, type SearchCalls } from "./select-card-search.ts";
import { stoppedError } from "./select-card-stop.ts";

/** How long a selection that has ended waits for its dialog to close, in milliseconds. */
const MAX_CLOSING_MS = 200;

/** What a selection needs. */
export interface SelectionTools {
  readonly calls: SearchCalls;
  readonly picker: CardPicker | undefined;
  /** Ends the selection. A SmartCardError as its reason is what it ends with, anything else the cause of `cancelled`. */
  readonly signal: AbortSignal;
  /** The clock for waiting until a dialog closes; without one there is no wait. */
  readonly clock: Clock | undefined;
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
  const { calls, picker, signal } = tools;
  const search = new CardSearch(calls, context, selection.criteria);
  const run = new Run(selection, search, tools);
  try {
    await search.checkNames();
    if (selection.mode !== "always") {
      await search.look({
        signal,
        keepsChecked: selection.keepsChecked,
        firstOnly: endsAtFirst(selection),
      });
      run.throwIfStopped();
      const found = search.readers.filter(({ mismatch }) => mismatch === undefined);
      if (selection.mode === "none") return await run.takeFirst(found);
      const [only] = found;
      if (only !== undefined && found.length === 1) return await run.take(only);
      await search.dropKept();
    } else if (picker !== undefined) await search.look({ signal });
    if (picker === undefined) throw withoutPicker(selection, search.readers);
    return await run.take(await run.ask(picker));
  } finally {
    await search.dropKept();
  }
}

/** Whether the first match is taken without looking at further readers. */
function endsAtFirst({ criteria, keepsChecked, mode, opening }: Selection): boolean {
  return mode === "none" && (opening === undefined || (keepsChecked && criteria.checking !== undefined));
}

/** One selection that is under way. */
class Run {
  readonly #selection: Selection;
  readonly #search: CardSearch;
  readonly #signal: AbortSignal;
  readonly #clock: Clock | undefined;

  constructor(selection: Selection, search: CardSearch, { clock, signal }: SelectionTools) {
    this.#selection = selection;
    this.#search = search;
    this.#signal = signal;
    this.#clock = clock;
  }

  /** @throws cancelled where the caller has given up */
  throwIfStopped(): void {
    if (this.#signal.aborted) throw stoppedError(this.#signal);
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
    const readers = new Latest(this.#search.readers);
    // A picker that only follows the readers learns of the end by them.
    const close = (why: unknown): void => {
      dialog.abort(why);
      readers.end();
    };
    const stop = (): void => close(signal.reason);
    this.throwIfStopped();
    signal.addEventListener("abort", stop, { once: true });
    let failure: { readonly error: unknown } | undefined;
    const following = this.#search
      .follow(dialog.signal, () => readers.set(this.#search.readers))
      .catch((error: unknown) => {
        // After the dialog it is the end of the wait that was asked for.
        if (!dialog.signal.aborted) failure = { error };
        close(error);
      });
    try {
      const request = { title, searchDesc, owner, icon, cardNames: criteria.cardNames, readers };
      const chosen = await this.#pick(picker, request, dialog.signal);
      if (failure !== undefined) throw failure.error;
      this.throwIfStopped();
      if (chosen === undefined) {
        throw new SmartCardError("cancelled-by-user", "the person closed the dialog", { operation });
      }
      return this.#chosen(chosen);
    } finally {
      signal.removeEventListener("abort", stop);
      close(undefined);
      await following;
    }
  }

  /** What the dialog answers; undefined where it has to close, and a little later where it does not. */
  async #pick(picker: CardPicker, request: CardPickerRequest, signal: AbortSignal): Promise<string | undefined> {
    let cancelTimer: CancelTimer | undefined;
    let stop = (): void => {};
    const closed = new Promise<undefined>((resolve) => {
      const giveUp = (): void => resolve(undefined);
      stop = () => {
        if (this.#clock === undefined) giveUp();
        else cancelTimer = this.#clock.schedule(MAX_CLOSING_MS, "end of a dialog", giveUp);
      };
      signal.addEventListener("abort", stop, { once: true });
    });
    const open = async (): Promise<string | undefined> => picker.pick(request, signal);
    const chosen = open().catch((error: unknown) => {
      if (signal.aborted) return undefined;
      throw error;
    });
    try {
      return await Promise.race([chosen, closed]);
    } finally {
      signal.removeEventListener("abort", stop);
      cancelTimer?.();
    }
  }

  #chosen(name: string): CardPickerReader {
    const { operation } = this.#selection;
    const reader = this.#search.readers.find((one) => one.reader === name);
    if (reader === undefined) {
      throw new SmartCardError("unknown-reader", `"${name}" was chosen, and is not there (any more)`, { operation });
    }
    if (reader.mismatch === undefined) return reader;
    const details = { operation, reader: name };
    throw new SmartCardError(codes[reader.mismatch], `"${name}" was chosen: ${reasons[reader.mismatch]}`, details);
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
  exclusive: "another program has exclusive use of its card",
  "other-card": "its card is not one that is searched for",
  refused: "the check refused its card",
  unreachable: "its card could not be checked",
};

function nothingFound({ operation }: Selection, readers: readonly CardPickerReader[]): SmartCardError {
  if (readers.length === 0) return new SmartCardError("no-readers-available", "there is no reader", { operation });
  const list = readers.map(({ mismatch, reader }) => `"${reader}": ${mismatch && reasons[mismatch]}`).join("; ");
  return new SmartCardError("no-smartcard", `no card fits (${list})`, { operation });
}

function withoutPicker({ operation, mode }: Selection, readers: readonly CardPickerReader[]): SmartCardError {
  const fitting = readers.filter(({ mismatch }) => mismatch === undefined).length;
  const why = mode === "always" ? "SC_DLG_FORCE_UI requires it" : `${fitting || "none"} of ${readers.length} cards fit`;
  const remedy = "pass a CardPicker as `picker`, or SC_DLG_NO_UI to have the first card that fits";
  return new SmartCardError("unsupported-feature", `the dialog is needed (${why}), but there is no picker: ${remedy}`, {
    operation,
  });
}
