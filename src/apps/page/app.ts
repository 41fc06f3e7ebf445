// SPDX-License-Identifier: MIT

import {
  type BridgeOptions,
  bridgedSmartCard,
  type SmartCardBridge,
  type SmartCardContext,
  type SmartCardReaderStateIn,
  type SmartCardReaderStateOut,
} from "../../entry/bridge.ts";
import { visible } from "../reports/index.ts";
import { CardLine } from "./card-line.ts";
import { commandOf, type Exchanged, exchange } from "./console.ts";
import { type PinSource, type PivFacts, type PivKey, PivOnLine, type Signed } from "./piv.ts";
import { wordsOf } from "./words.ts";

/** A reader, as the page shows it. */
export interface ReaderView {
  readonly name: string;
  readonly state: "empty" | "present" | "mute" | "unavailable";
  readonly isInUse: boolean;
  /** Cards that came and went: tells one card from the next. */
  readonly count: number;
  readonly atr: Uint8Array | undefined;
}

/** All that the page shows. */
export interface PageState {
  readonly phase: "closed" | "connecting" | "open";
  /** A code is asked for; how often it may be tried. */
  readonly triesLeft: number | undefined;
  readonly problem: string | undefined;
  readonly readers: readonly ReaderView[];
  readonly selected: string | undefined;
  readonly isBusy: boolean;
  readonly exchanged: readonly Exchanged[];
  readonly consoleProblem: string | undefined;
  /** Whether the next command may use up the last try of a PIN: not asked yet, asked, confirmed by the user. */
  readonly commandLastTry: "none" | "asked" | "confirmed";
  /** "none": the card has no PIV application. */
  readonly piv: PivFacts | "none" | undefined;
  readonly signed: Signed | undefined;
  readonly pivProblem: string | undefined;
  /** Whether the user has confirmed that the last try of the PIN may be used: for one signature. */
  readonly lastTry: boolean;
  /** Said to screen readers. */
  readonly news: string;
}

/** The name that stands for "a reader came or went". Draft, getStatusChange. */
const NOTIFICATION = "\\\\?PnP?\\Notification";
const MAX_LINES = 50;

const ofCard = {
  exchanged: [],
  consoleProblem: undefined,
  commandLastTry: "none",
  piv: undefined,
  signed: undefined,
  pivProblem: undefined,
  lastTry: false,
} as const;

const closed: PageState = {
  ...{ phase: "closed", triesLeft: undefined, problem: undefined, readers: [], selected: undefined, isBusy: false },
  ...{ news: "" },
  ...ofCard,
};

/** What the page does: it shows its state after each change. */
export class PageApp {
  readonly #show: (state: PageState) => void;
  readonly #bridge: SmartCardBridge;
  #state: PageState = closed;
  #answer: ((code: string | undefined) => void) | undefined;
  #context: SmartCardContext | undefined;
  #line: CardLine | undefined;

  constructor(url: string, show: (state: PageState) => void) {
    this.#show = show;
    const pairingCode: BridgeOptions["pairingCode"] = ({ triesLeft }) =>
      new Promise((resolve) => {
        this.#answer = resolve;
        this.#set({ triesLeft, news: "Type the pairing code of the terminal" });
      });
    this.#bridge = bridgedSmartCard({ url, pairingCode });
  }

  /** Shows the page as it is before it is connected. */
  start(): void {
    this.#set({});
  }

  /** Connects to the bridge, and follows its readers until the connection ends. */
  async connect(): Promise<void> {
    this.#set({ ...closed, phase: "connecting" });
    try {
      const watched = await this.#bridge.establishContext();
      this.#context = await this.#bridge.establishContext();
      this.#set({ phase: "open", triesLeft: undefined, news: "The page is connected" });
      for (let known: readonly SmartCardReaderStateOut[] = []; ; ) known = await this.#next(watched, known);
    } catch (error) {
      this.#line = undefined;
      this.#set({ ...closed, problem: wordsOf(error), news: "The page is not connected" });
    }
  }

  /** Gives the pairing code that the user has typed in, or gives the pairing up. */
  pair(code: string | undefined): void {
    this.#set({ triesLeft: undefined });
    this.#answer?.(code);
    this.#answer = undefined;
  }

  async select(reader: string): Promise<void> {
    if (reader === this.#state.selected || this.#state.isBusy) return;
    await this.#leaveCard();
    this.#set({ selected: reader, ...ofCard });
  }

  /** Sends the command that was typed in. @returns whether the text may stay on the page: it is shown in full */
  async send(text: string): Promise<boolean> {
    const command = commandOf(text);
    if (command === undefined) {
      this.#set({ consoleProblem: "A command is at least four bytes in hexadecimal digits: 00 A4 04 00" });
      return true;
    }
    let isOpen = false;
    const isConfirmed = this.#state.commandLastTry === "confirmed";
    await this.#work("consoleProblem", async (line) => {
      this.#set({ commandLastTry: "none" });
      const exchanged = await exchange(line, command, isConfirmed);
      if (exchanged === "last-try") {
        const words =
          "It was not sent: one try of the PIN is left, and a wrong one blocks it. Confirm that, and type it again";
        this.#set({ commandLastTry: "asked", consoleProblem: words, news: words });
        return;
      }
      isOpen = !/withheld|not shown/.test(exchanged.command);
      const lines = [...this.#state.exchanged, exchanged].slice(-MAX_LINES);
      this.#set({ exchanged: lines, consoleProblem: undefined, news: `${exchanged.response}, ${exchanged.meaning}` });
    });
    return isOpen;
  }

  /** The user has, or has not, confirmed that the next command may use up the last try of a PIN. */
  confirmCommand(isConfirmed: boolean): void {
    this.#set({ commandLastTry: isConfirmed ? "confirmed" : "asked" });
  }

  async readPiv(): Promise<void> {
    await this.#work("pivProblem", async (line) => {
      const piv = (await new PivOnLine(line).read()) ?? "none";
      const news = piv === "none" ? "The card has no PIV application" : `${piv.keys.length} certificates`;
      this.#set({ piv, signed: undefined, pivProblem: undefined, news });
    });
  }

  /** The user has, or has not, confirmed that the last try of the PIN may be used. */
  confirm(lastTry: boolean): void {
    this.#set({ lastTry });
  }

  async sign(key: PivKey, source: PinSource): Promise<void> {
    const { lastTry } = this.#state;
    await this.#work("pivProblem", async (line) => {
      this.#set({ signed: undefined, pivProblem: undefined, lastTry: false });
      const piv = new PivOnLine(line);
      try {
        this.#set({ signed: await piv.sign(key, { source, lastTry }), news: "The challenge is signed" });
      } finally {
        // The tries that are left may have changed, and the card was reset where the signature failed.
        const facts = await this.#readAgain().catch(() => undefined);
        if (facts !== undefined) this.#set({ piv: facts });
      }
    });
  }

  async #readAgain(): Promise<PivFacts | undefined> {
    const { selected } = this.#state;
    await this.#leaveCard();
    if (this.#context === undefined || selected === undefined) return undefined;
    this.#line = await CardLine.open(this.#context, selected);
    return new PivOnLine(this.#line).read();
  }

  /** Uses the card in the selected reader: one thing at a time. */
  async #work(place: "consoleProblem" | "pivProblem", work: (line: CardLine) => Promise<void>): Promise<void> {
    const { isBusy, selected } = this.#state;
    if (this.#context === undefined || selected === undefined || isBusy) return;
    this.#set({ isBusy: true });
    try {
      this.#line ??= await CardLine.open(this.#context, selected);
      await work(this.#line);
    } catch (error) {
      const words = wordsOf(error);
      this.#set({ [place]: words, news: words });
      // After a reset by another program, and for another card, the connection is made anew.
      await this.#leaveCard();
    } finally {
      this.#set({ isBusy: false });
    }
  }

  async #leaveCard(): Promise<void> {
    const line = this.#line;
    this.#line = undefined;
    await line?.close();
  }

  async #next(
    context: SmartCardContext,
    known: readonly SmartCardReaderStateOut[],
  ): Promise<readonly SmartCardReaderStateOut[]> {
    const names = await context.listReaders();
    const asked = names.map((readerName): SmartCardReaderStateIn => {
      const before = known.find((one) => one.readerName === readerName);
      if (before === undefined) return { readerName, currentState: { unaware: true } };
      const { changed: _changed, unknown: _unknown, ...currentState } = before.eventState;
      return { readerName, currentState, currentCount: before.eventCount };
    });
    const notification = { readerName: NOTIFICATION, currentState: {}, currentCount: names.length };
    const states = await context.getStatusChange([...asked, notification]);
    const found = states.filter(({ readerName }) => readerName !== NOTIFICATION);
    this.#seen(found.map(viewOf));
    return found;
  }

  #seen(readers: readonly ReaderView[]): void {
    const { readers: before, selected } = this.#state;
    const news = newsOf(before, readers);
    const old = before.find(({ name }) => name === selected);
    const own = readers.find(({ name }) => name === selected);
    const isOther = old !== undefined && (own?.state !== old.state || own.count !== old.count);
    if (isOther) void this.#leaveCard();
    this.#set({
      ...(isOther && ofCard),
      ...(news !== undefined && { news }),
      readers,
      selected: own?.name ?? readers.find(({ state }) => state === "present")?.name ?? readers[0]?.name,
    });
  }

  #set(change: Partial<PageState>): void {
    this.#state = { ...this.#state, ...change };
    this.#show(this.#state);
  }
}

function viewOf({ answerToReset, eventCount, eventState, readerName }: SmartCardReaderStateOut): ReaderView {
  const { exclusive, inuse, mute, present, unavailable, unknown } = eventState;
  return {
    name: readerName,
    state: unavailable || unknown ? "unavailable" : mute ? "mute" : present ? "present" : "empty",
    count: eventCount,
    isInUse: exclusive === true || inuse === true,
    atr: answerToReset && new Uint8Array(answerToReset),
  };
}

function newsOf(before: readonly ReaderView[], readers: readonly ReaderView[]): string | undefined {
  for (const { name, state } of readers) {
    const old = before.find((one) => one.name === name);
    if (old?.state !== state) return `${visible(name)}: ${stateWords[state]}`;
  }
  const gone = before.find(({ name }) => !readers.some((one) => one.name === name));
  return gone && `${visible(gone.name)}: the reader has gone`;
}

/** States of readers, for people. */
export const stateWords: Readonly<Record<ReaderView["state"], string>> = {
  empty: "no card",
  present: "card inserted",
  mute: "the card does not answer",
  unavailable: "not available",
};
