// SPDX-License-Identifier: MIT

import { foldName, matchesAtr } from "../../database/index.ts";
import { encodeReaderState, PNP_NOTIFICATION, SmartCardError } from "../../port/index.ts";
import type { CardFunctions } from "./card-functions.ts";
import type { CardTypeFunctions } from "./card-type-functions.ts";
import {
  INFINITE,
  SCARD_LEAVE_CARD,
  SCARD_PROTOCOL_UNDEFINED,
  SCARD_STATE_CHANGED,
  SCARD_STATE_EXCLUSIVE,
  SCARD_STATE_INUSE,
  SCARD_STATE_MUTE,
  SCARD_STATE_PRESENT,
  SCARD_STATE_UNAVAILABLE,
  SCARD_STATE_UNAWARE,
  SCARD_STATE_UNKNOWN,
  SCARD_STATE_UNPOWERED,
} from "./constants.ts";
import type { ContextFunctions, ReaderStateAnswer, SCARD_READERSTATE } from "./context-functions.ts";
import type { SCARDCONTEXT, SCARDHANDLE } from "./handles.ts";
import type { CardMismatch, CardPickerReader } from "./select-card.ts";
import type { Checking, Criteria, Opened, Opening } from "./select-card-criteria.ts";
import { unlessStopped } from "./select-card-stop.ts";

/** How long a check waits for a card that another program has locked, in milliseconds, before it passes over it. */
const MAX_CHECK_WAIT_MS = 1000;

/** What a search calls: the dialog stands on the other functions, as Scarddlg.dll stands on Winscard.dll. */
export type SearchCalls = Pick<ContextFunctions, "SCardListReaders" | "SCardGetStatusChange"> &
  Pick<CardFunctions, "SCardConnect" | "SCardDisconnect"> &
  Pick<CardTypeFunctions, "SCardListCards" | "SCardListInterfaces">;

interface Known {
  readonly state: ReaderStateAnswer;
  readonly reader: CardPickerReader;
  /** The connection of a check, if it is to be kept. */
  readonly kept?: Opened;
}

/** How a search looks at readers. */
export interface LookOptions {
  readonly signal: AbortSignal;
  /** Ends the search with the first match. */
  readonly firstOnly?: boolean;
  /** Leaves the cards connected that pass the check. */
  readonly keepsChecked?: boolean;
}

/** The readers of a search, and which of them have a card that fits. */
export class CardSearch {
  readonly #calls: SearchCalls;
  readonly #context: SCARDCONTEXT;
  readonly #criteria: Criteria;
  readonly #known = new Map<string, Known>();

  constructor(calls: SearchCalls, context: SCARDCONTEXT, criteria: Criteria) {
    this.#calls = calls;
    this.#context = context;
    this.#criteria = criteria;
  }

  /** Refuses names of cards that were not introduced. @throws unknown-card */
  async checkNames(): Promise<void> {
    for (const name of this.#criteria.cardNames) await this.#calls.SCardListInterfaces(this.#context, name);
  }

  /** The readers as they were seen last, in the order of the list. */
  get readers(): readonly CardPickerReader[] {
    return [...this.#known.values()].map(({ reader }) => reader);
  }

  /** The connection that was kept of a reader's check. It is the caller's from then on. */
  takeKept(reader: string): Opened | undefined {
    const known = this.#known.get(reader);
    if (known?.kept === undefined) return undefined;
    this.#known.set(reader, { state: known.state, reader: known.reader });
    return known.kept;
  }

  /** Ends the connections that were kept and not taken. */
  async dropKept(): Promise<void> {
    for (const name of [...this.#known.keys()]) {
      const kept = this.takeKept(name);
      if (kept !== undefined && this.#criteria.checking !== undefined) await this.#close(this.#criteria.checking, kept);
    }
  }

  /** Queries all readers once. @throws cancelled, and what the calls fail with */
  async look(options: LookOptions): Promise<void> {
    const names = await this.#listReaders();
    if (names.length > 0) await this.#update(names, await this.#ask(0, names, [], options.signal), options);
  }

  /**
   * Queries all readers after each change, until the signal is aborted.
   *
   * @param changed is called after each change that a person would see
   * @throws cancelled, and what the calls fail with
   */
  async follow(signal: AbortSignal, changed: () => void): Promise<never> {
    // Readers are counted before they are listed: one that comes in between makes the next wait return at once.
    let pnp: SCARD_READERSTATE = { reader: PNP_NOTIFICATION, currentState: SCARD_STATE_UNAWARE };
    pnp = (await this.#ask(0, [], [pnp], signal))[0] ?? pnp;
    for (;;) {
      const names = await this.#listReaders();
      for (const name of [...this.#known.keys()]) {
        if (!names.includes(name)) {
          this.#known.delete(name);
          changed();
        }
      }
      const states = await this.#ask(INFINITE, names, [following(pnp)], signal);
      pnp = states.find(({ reader }) => reader === PNP_NOTIFICATION) ?? pnp;
      await this.#update(names, states, { signal }, changed);
    }
  }

  async #listReaders(): Promise<string[]> {
    try {
      return (await this.#calls.SCardListReaders(this.#context, this.#criteria.groups)).readers;
    } catch (error) {
      if (error instanceof SmartCardError && error.code === "no-readers-available") return [];
      throw error;
    }
  }

  /** The states of readers, when there is something new or the time is over; none where a listed one has gone. */
  async #ask(
    timeout: number,
    names: readonly string[],
    others: readonly SCARD_READERSTATE[],
    signal: AbortSignal,
  ): Promise<readonly ReaderStateAnswer[]> {
    const states = names.map((reader) => {
      const known = this.#known.get(reader);
      return known === undefined ? { reader, currentState: SCARD_STATE_UNAWARE } : following(known.state);
    });
    try {
      const asked = [...states, ...others];
      return (await this.#calls.SCardGetStatusChange(this.#context, timeout, asked, { signal })).readerStates;
    } catch (error) {
      if (!(error instanceof SmartCardError)) throw error;
      if (error.code === "unknown-reader") return [];
      if (error.code !== "timeout") throw error;
      return (error.details.readerStates ?? []).map(({ atr, eventCount, flags, reader }) => {
        return { reader, currentState: 0, eventState: encodeReaderState(flags, eventCount), atr };
      });
    }
  }

  /** Takes new states over, in the order of the readers, and judges the cards that are new. */
  async #update(
    names: readonly string[],
    states: readonly ReaderStateAnswer[],
    options: LookOptions,
    changed: () => void = () => {},
  ): Promise<void> {
    for (const name of names) {
      const state = states.find((one) => one.reader === name);
      if (state === undefined || (state.eventState & SCARD_STATE_UNKNOWN) !== 0) continue;
      const known = this.#known.get(name);
      if (known !== undefined && !needsJudgement(known, state)) {
        this.#known.set(name, { ...known, state });
        continue;
      }
      const judged = await this.#judge(state, options);
      this.#known.set(name, judged);
      changed();
      if (options.firstOnly === true && judged.reader.mismatch === undefined) return;
    }
  }

  async #judge(state: ReaderStateAnswer, options: LookOptions): Promise<Known> {
    const { atr, reader } = state;
    const view = (cards: readonly string[], mismatch?: CardMismatch, problem?: string): CardPickerReader => {
      return { reader, atr, cards, mismatch, problem };
    };
    const evident = mismatchOf(state.eventState);
    if (evident !== undefined && evident !== "exclusive") return { state, reader: view([], evident) };
    const { cards: all } = await this.#calls.SCardListCards(this.#context, atr);
    const fitting = await this.#fittingNames(atr, all);
    if (fitting === undefined) return { state, reader: view(all, "other-card") };
    if (evident !== undefined) return { state, reader: view(fitting, evident) };
    const { checking } = this.#criteria;
    if (checking === undefined) return { state, reader: view(fitting) };
    const verdict = await this.#check(checking, reader, fitting, options);
    const kept = verdict.kept === undefined ? {} : { kept: verdict.kept };
    return { state, reader: view(fitting, verdict.mismatch, verdict.problem), ...kept };
  }

  /** Names of the types that are searched for and that the card may be of; undefined where the card does not fit. */
  async #fittingNames(atr: Uint8Array, all: readonly string[]): Promise<readonly string[] | undefined> {
    const { atrMasks, cardNames, interfaces } = this.#criteria;
    if (atrMasks.length > 0 && !atrMasks.some((one) => matchesAtr(one, atr))) return undefined;
    if (cardNames.length === 0 && interfaces.length === 0) return all;
    const able =
      interfaces.length === 0 ? all : (await this.#calls.SCardListCards(this.#context, atr, interfaces)).cards;
    const wanted = new Set(cardNames.map(foldName));
    const fitting = wanted.size === 0 ? able : able.filter((name) => wanted.has(foldName(name)));
    return fitting.length === 0 ? undefined : fitting;
  }

  async #check(
    checking: Checking,
    reader: string,
    cards: readonly string[],
    { keepsChecked, signal }: LookOptions,
  ): Promise<{ mismatch?: CardMismatch; problem?: string; kept?: Opened }> {
    let opened: Opened | undefined;
    try {
      opened = await this.open(checking.opening, reader, cards, { signal, timeoutMs: MAX_CHECK_WAIT_MS });
      const { cardHandle } = opened;
      const accepted = await unlessStopped(signal, () => checking.check(this.#context, cardHandle, checking.userData));
      if (accepted && keepsChecked === true) return { kept: opened };
      await this.#close(checking, opened);
      return accepted ? {} : { mismatch: "refused" };
    } catch (error) {
      if (opened !== undefined) await this.#close(checking, opened);
      // An error in the caller's own functions is passed on; a card that fails is skipped.
      if (!(error instanceof SmartCardError) || isTheEnd(error, signal)) throw error;
      return { mismatch: "unreachable", problem: error.message };
    }
  }

  /** Connects to the card in a reader. @throws what SCardConnect fails with; not-ready where the caller's gave null */
  async open(
    opening: Opening,
    reader: string,
    cards: readonly string[],
    wait: { readonly signal: AbortSignal; readonly timeoutMs?: number },
  ): Promise<Opened> {
    if (opening.kind === "internal") {
      const { preferredProtocols, shareMode } = opening;
      const connected = await this.#calls.SCardConnect(this.#context, reader, shareMode, preferredProtocols, wait);
      return { cardHandle: connected.card, activeProtocol: connected.activeProtocol };
    }
    const connect = (): SCARDHANDLE | null | Promise<SCARDHANDLE | null> =>
      opening.connect(this.#context, reader, [...cards], opening.userData);
    const cardHandle = await unlessStopped(wait.signal, connect, (late) => (late ? this.#disconnect(late) : undefined));
    if (!cardHandle) throw new SmartCardError("not-ready", "the caller's connect gave no handle", { reader });
    return { cardHandle, activeProtocol: SCARD_PROTOCOL_UNDEFINED };
  }

  async #close(checking: Checking, { cardHandle }: Opened): Promise<void> {
    if (checking.disconnect !== undefined) {
      const done: unknown = checking.disconnect(this.#context, cardHandle, checking.userData);
      await done;
      return;
    }
    await this.#disconnect(cardHandle);
  }

  async #disconnect(card: SCARDHANDLE): Promise<void> {
    try {
      await this.#calls.SCardDisconnect(card, SCARD_LEAVE_CARD);
    } catch (error) {
      // The card or the reader has gone in the meantime, or the check has ended the connection itself.
      if (!(error instanceof SmartCardError)) throw error;
    }
  }
}

function following(state: SCARD_READERSTATE): SCARD_READERSTATE {
  return { reader: state.reader, currentState: state.eventState ?? state.currentState };
}

/**
 * Whether a new state can change what is known of a card: it is another one, or can be reached now. Its power does not
 * matter: the check itself switches it on.
 */
function needsJudgement({ reader, state: before }: Known, now: ReaderStateAnswer): boolean {
  const ofUse = reader.mismatch === "unreachable" ? 0 : SCARD_STATE_INUSE;
  const passing = SCARD_STATE_CHANGED | SCARD_STATE_UNPOWERED | ofUse;
  if ((before.eventState & ~passing) !== (now.eventState & ~passing)) return true;
  return before.atr.length !== now.atr.length || before.atr.some((byte, index) => byte !== now.atr[index]);
}

function mismatchOf(eventState: number): CardMismatch | undefined {
  if ((eventState & SCARD_STATE_UNAVAILABLE) !== 0) return "unavailable";
  if ((eventState & SCARD_STATE_PRESENT) === 0) return "no-card";
  if ((eventState & SCARD_STATE_MUTE) !== 0) return "mute";
  return (eventState & SCARD_STATE_EXCLUSIVE) !== 0 ? "exclusive" : undefined;
}

/** A failure that ends the whole search, not just the check of one card. */
function isTheEnd(error: SmartCardError, signal: AbortSignal): boolean {
  return signal.aborted || ["cancelled", "invalid-context", "no-service", "service-stopped"].includes(error.code);
}
