// SPDX-License-Identifier: MIT

import type { ObservedCall, ObservedEvent, ObservedOperation, Observer } from "../src/observe/calls/index.ts";
import type { ObservedPlan } from "./plan.ts";
import type { Call, SlotRecord } from "./records.ts";
import { markedPin } from "./simulated-card.ts";
import { numberIn } from "./watched-reader.ts";

/** What the oracle's operations are called by an observer. Others can be several calls, or none. */
const operations: Readonly<Record<string, ObservedOperation>> = {
  connect: "connect",
  reconnect: "reconnect",
  disconnect: "disconnect",
  begin: "begin-transaction",
  end: "end-transaction",
  status: "status",
  transmit: "transmit",
  control: "control",
  "get-attribute": "get-attribute",
  "set-attribute": "set-attribute",
  "status-change": "get-status-change",
};
const compared: ReadonlySet<ObservedOperation> = new Set(Object.values(operations));

/** What a card was sent. */
interface Sent {
  /** 1, 2, 3, … in the order in which commands reached drivers. */
  readonly order: number;
  /** The number of the SELECT before it; undefined where the card was reset since. */
  readonly selected: number | undefined;
  readonly isSelect: boolean;
}

/**
 * The rules of an observer: it tells every call once, with its outcome; events in the order of their numbers, and how many it dropped;
 * exchanges of a card in the order in which it had them; no PIN; and no application that the card has not selected.
 */
export class ObserverRules {
  readonly #violated: (what: string) => void;
  #isObserved = false;
  /** How often each was told, less how often it was seen to end. */
  readonly #balance = new Map<string, number>();
  readonly #sent = new Map<number, Sent>();
  readonly #selected = new Map<SlotRecord, number>();
  /** By reader: the order of the last command that was told. */
  readonly #lastTold = new Map<string, number>();
  #lastNumber = 0;
  /** Since the last event, and in all. */
  #droppedNow = 0;
  #dropped = 0;

  constructor(violated: (what: string) => void) {
    this.#violated = violated;
  }

  listen(observer: Observer, { when }: ObservedPlan): void {
    this.#isObserved = true;
    const told = (event: ObservedEvent): void => this.#told(event);
    const dropped = (): void => {
      this.#droppedNow++;
      this.#dropped++;
    };
    if (when === "now") observer.listen(told, { raw: true });
    else observer.listenLater(told, { raw: true, dropped });
  }

  /** A call has ended, as its client sees it. */
  ended({ context, operation, sends }: Call, outcome: string): void {
    const name = operations[operation];
    if (!this.#isObserved || name === undefined) return;
    const came = outcome === "done" ? "success" : outcome === "broken" ? "failed" : outcome;
    this.#count(keyOf(context.client.name, name, came, name === "transmit" ? sends : undefined), -1);
  }

  /** A command reaches the driver. */
  sent(slot: SlotRecord, number: number, isSelect: boolean): void {
    this.#sent.set(number, { order: this.#sent.size + 1, selected: this.#selected.get(slot), isSelect });
    if (isSelect) this.#selected.set(slot, number);
  }

  /** A card was reset, or is gone. */
  unselected(slot: SlotRecord): void {
    this.#selected.delete(slot);
  }

  /** All has ended: nothing was left out, and nothing told twice. */
  checkEnd(): void {
    for (const [key, balance] of this.#balance) {
      if (balance > 0) this.#violated(`the observer told what was not so, or twice: ${key}`);
      else if (balance < 0 && this.#dropped === 0) this.#violated(`the observer did not tell: ${key}`);
    }
  }

  #told(event: ObservedEvent): void {
    const missing = event.number - this.#lastNumber - 1;
    if (missing !== this.#droppedNow)
      this.#violated(
        `${missing} events are missing before event ${event.number}, and ${this.#droppedNow} were told as dropped`,
      );
    this.#lastNumber = event.number;
    this.#droppedNow = 0;
    if (event.kind === "card") return;
    const { exchange, operation, outcome } = event;
    const command = exchange?.raw?.command;
    const number = command && numberIn(command);
    if (compared.has(operation)) this.#count(keyOf(event.client.name, operation, outcome, number), 1);
    if (number !== undefined && outcome === "success") this.#exchanged(event, number);
    const { raw: _, ...shown } = exchange ?? { raw: undefined };
    if (JSON.stringify(shown).includes(pinInHex)) this.#violated("a PIN can be read in an event");
  }

  #exchanged({ exchange, reader = "" }: ObservedCall, number: number): void {
    const sent = this.#sent.get(number);
    if (sent === undefined) {
      this.#violated(`the observer told of command ${number}, which no card got`);
      return;
    }
    const last = this.#lastTold.get(reader) ?? 0;
    if (sent.order <= last) this.#violated(`command ${number} was told after a later one of ${reader}`);
    this.#lastTold.set(reader, sent.order);
    const application = exchange?.application;
    const selected = sent.isSelect ? number : sent.selected;
    if (application !== undefined && (selected === undefined || !application.endsWith(hexOf(selected))))
      this.#violated(`command ${number} was told with an application that its card has not selected: ${application}`);
  }

  #count(key: string, by: number): void {
    const balance = (this.#balance.get(key) ?? 0) + by;
    if (balance === 0) this.#balance.delete(key);
    else this.#balance.set(key, balance);
  }
}

const pinInHex = Array.from(markedPin, (byte) => byte.toString(16).toUpperCase()).join(" ");

function keyOf(client: string, operation: string, outcome: string, number: number | undefined): string {
  return `${operation}${number === undefined ? "" : ` of command ${number}`} of ${client}: ${outcome}`;
}

function hexOf(number: number): string {
  return number.toString(16).toUpperCase().padStart(4, "0");
}
