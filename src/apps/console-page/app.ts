// SPDX-License-Identifier: MIT

import type { ConsoleAction, ConsoleMessage, ShownReport } from "../console/index.ts";
import { browser } from "../page-parts/index.ts";
import { visible } from "../reports/index.ts";
import { ConsoleLink } from "./link.ts";
import { LockHistory, type LockSpan } from "./lock-history.ts";

/** What waits for the user's word before it is done. */
export interface Pending {
  readonly action: ConsoleAction;
  /** The reader at which it was asked for. */
  readonly reader: string;
  /** What would happen, in words. */
  readonly question: string;
}

/** All that the page shows. */
export interface PageState {
  readonly phase: "connecting" | "lost" | "open" | "refused";
  /** Why the console does not let the page in. */
  readonly refusal: string | undefined;
  /** Why the daemon does not answer. */
  readonly gone: string | undefined;
  readonly shown: ShownReport | undefined;
  readonly pending: Pending | undefined;
  /** Why the last action failed. */
  readonly problem: string | undefined;
  /** Said to screen readers. */
  readonly news: string;
  readonly locks: readonly LockSpan[];
  /** How many locks and waits are not in it. */
  readonly locksMissed: number;
  /** When all this was so: milliseconds since 1970 UTC. */
  readonly now: number;
  /** What was typed into the tools. */
  readonly atrText: string;
  readonly tlvText: string;
}

type Reader = ShownReport["report"]["readers"][number];

/** What the page does: it shows its state after each change. */
export class ConsoleApp {
  readonly #show: (state: PageState) => void;
  readonly #link: ConsoleLink;
  readonly #locks = new LockHistory();
  #state: PageState = {
    ...{ phase: "connecting", refusal: undefined, gone: undefined, shown: undefined, pending: undefined },
    ...{ problem: undefined, news: "", locks: [], locksMissed: 0, now: 0, atrText: "", tlvText: "" },
  };

  constructor(show: (state: PageState) => void) {
    this.#show = show;
    this.#link = new ConsoleLink({
      opened: () => {
        this.#locks.clear();
        this.#set({ phase: "open", refusal: undefined, news: "The page is connected" });
      },
      received: (message) => this.#received(message),
      lost: () => {
        const news = this.#state.phase === "lost" ? {} : { news: "The console is not connected" };
        this.#set({ phase: "lost", shown: undefined, pending: undefined, ...news });
      },
      refused: (reason) => this.#set({ phase: "refused", refusal: reason, shown: undefined, pending: undefined }),
    });
  }

  /** Shows the page, and connects it. */
  start(): void {
    this.#set({});
    this.#link.start();
  }

  /** Asks the user before something is done. */
  ask(pending: Pending): void {
    this.#set({ pending, problem: undefined });
  }

  /** What was asked is done, or not. */
  async answer(yes: boolean): Promise<void> {
    const { pending } = this.#state;
    this.#set({ pending: undefined });
    if (yes && pending !== undefined) await this.do(pending.action, pending.reader);
  }

  /** Has the daemon do something at a reader. */
  async do(action: ConsoleAction, reader: string): Promise<void> {
    this.#set({ problem: undefined });
    const problem = await this.#link.do(action);
    const name = visible(reader);
    if (problem === undefined) this.#set({ news: `${doneWords[action.command]}: ${name}` });
    else this.#set({ problem: `${name}: ${visible(problem)}`, news: "" });
  }

  /** Something was typed into a tool. */
  tool(change: { readonly atrText: string } | { readonly tlvText: string }): void {
    this.#set(change);
  }

  #received(message: Exclude<ConsoleMessage, { readonly type: "done" | "welcome" }>): void {
    if (message.type === "who") {
      this.#locks.told(message.locks);
      this.#reported(message);
      return;
    }
    const news = this.#state.gone === undefined ? { news: "The daemon does not answer" } : {};
    this.#set({ gone: message.reason, shown: undefined, pending: undefined, ...news });
  }

  #reported({ readersLeftOut, report, time }: ShownReport): void {
    const before = this.#state.shown?.report.readers;
    const news = before && newsOf(before, report.readers);
    const back = this.#state.gone === undefined ? undefined : "The daemon is back";
    this.#set({
      gone: undefined,
      shown: { readersLeftOut, report, time },
      ...((news ?? back) && { news: news ?? back ?? "" }),
    });
  }

  #set(change: Partial<PageState>): void {
    const now = browser.Date.now();
    const live = { now, locks: this.#locks.spans, locksMissed: this.#locks.missed };
    this.#state = { ...this.#state, ...live, ...change };
    this.#show(this.#state);
  }
}

const doneWords: Readonly<Record<ConsoleAction["command"], string>> = {
  insert: "Inserted",
  eject: "Ejected",
  remove: "Removed",
  reset: "Reset",
  disconnect: "Disconnected",
};

/** The first thing that has changed, for screen readers. */
function newsOf(before: readonly Reader[], now: readonly Reader[]): string | undefined {
  for (const reader of now) {
    const old = before.find(({ name }) => name === reader.name);
    const name = visible(reader.name);
    if (old === undefined) return `${name}: the reader has come`;
    if ((old.card === undefined) !== (reader.card === undefined))
      return `${name}: ${reader.card === undefined ? "the card is out" : "a card is in"}`;
    if (reader.lock?.client.pid !== old.lock?.client.pid || reader.lock?.client.name !== old.lock?.client.name)
      return `${name}: ${reader.lock === undefined ? "free" : `held by ${visible(reader.lock.client.name)}`}`;
  }
  const gone = before.find(({ name }) => !now.some((one) => one.name === name));
  return gone && `${visible(gone.name)}: the reader has gone`;
}
