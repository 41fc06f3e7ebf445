// SPDX-License-Identifier: MIT

import { instructions as ins } from "../../base/iso7816/index.ts";
import type { IgnoredCommands } from "./ignored-commands.ts";
import { mayBeSame, type RecordedBytes } from "./recorded-bytes.ts";
import type { RecordedExchange, Recording } from "./recorded-event.ts";

/** An exchange of a recording, and how often the card was reset before it. */
interface Step {
  readonly exchange: RecordedExchange;
  readonly resets: number;
}

/** Commands that read and change nothing on the card, but for those that select. */
const readingInstructions: ReadonlySet<number> = new Set([
  ins.READ_BINARY,
  ins.READ_BINARY + 1,
  ins.READ_RECORD,
  ins.READ_RECORD + 1,
  ins.GET_DATA,
  ins.GET_DATA + 1,
]);

/** How commands are compared with those of the recording. */
export interface ScriptOptions {
  readonly ignored: IgnoredCommands;
  /** Whether reads between two other commands may come in another order, again, or not at all. */
  readonly readsInAnyOrder: boolean;
}

/**
 * What is asked of a card, beside what was asked when it was recorded. It finds the recorded exchange of each command.
 *
 * A reset goes on where the recording goes on, at the next reset in the recording, or begins anew, whichever fits the command
 * that follows. A recording that was used up begins anew.
 */
export class ReplayScript {
  readonly #steps: readonly Step[];
  readonly #options: ScriptOptions;
  /** The step that is expected next. */
  #next = 0;
  /** Steps behind the next one that were asked for already. */
  readonly #used = new Set<number>();
  #wasReset = true;

  constructor({ events }: Recording, options: ScriptOptions) {
    let resets = 0;
    this.#steps = events.flatMap((event): Step[] => {
      if (event.event === "exchange") return [{ exchange: event, resets }];
      resets++;
      return [];
    });
    this.#options = options;
  }

  /** How many exchanges of the recording were not asked for yet. */
  get remaining(): number {
    return this.#steps.length - this.#next - this.#used.size;
  }

  /** What is expected next, and its number from 1; undefined at the end of the recording. */
  get expected(): { readonly number: number; readonly exchange: RecordedExchange } | undefined {
    const step = this.#steps[this.#next];
    return step && { number: this.#next + 1, exchange: step.exchange };
  }

  /** The card was reset. */
  reset(): void {
    this.#wasReset = true;
  }

  /** The recorded exchange of a command; undefined where there is none. */
  take(command: RecordedBytes): RecordedExchange | undefined {
    const found = this.#starts().find((start) => this.#at(start, command));
    if (found !== undefined) this.#goTo(found);
    this.#wasReset = false;
    const fits = this.#at(this.#next, command) ? this.#next : this.#find(command);
    const step = fits === undefined ? undefined : this.#steps[fits];
    if (fits === undefined || step === undefined) return undefined;
    if (fits >= this.#next) this.#use(fits);
    return step.exchange;
  }

  /** Where the recording may go on. */
  #starts(): readonly number[] {
    const atEnd = this.#next >= this.#steps.length;
    if (!this.#wasReset) return atEnd ? [0] : [];
    const current = this.#steps[Math.max(0, this.#next - 1)]?.resets ?? 0;
    const afterReset = this.#steps.findIndex(({ resets }, index) => index >= this.#next && resets > current);
    return [this.#next, ...(afterReset < 0 ? [] : [afterReset]), 0];
  }

  #goTo(step: number): void {
    if (step === this.#next) return;
    this.#next = step;
    this.#used.clear();
  }

  #at(index: number, command: RecordedBytes): boolean {
    const step = this.#steps[index];
    if (step === undefined) return false;
    const recorded = step.exchange.command;
    return mayBeSame(recorded, command) || this.#options.ignored.areAlike(recorded, command);
  }

  /** A read elsewhere among the reads around the next step; or the step behind reads that were left out. */
  #find(command: RecordedBytes): number | undefined {
    if (!this.#options.readsInAnyOrder) return undefined;
    let first = this.#next;
    while (this.#isReadIn(first - 1)) first--;
    let end = this.#next;
    while (this.#isReadIn(end)) end++;
    if (!isRead(command)) return this.#at(end, command) ? end : undefined;
    const around = Array.from({ length: end - first }, (_, index) => first + index);
    // One that was not asked for yet, before one that was.
    const fresh = around.find((index) => index >= this.#next && !this.#used.has(index) && this.#at(index, command));
    return fresh ?? around.find((index) => this.#at(index, command));
  }

  #isReadIn(index: number): boolean {
    const [step, next] = [this.#steps[index], this.#steps[Math.min(this.#next, this.#steps.length - 1)]];
    return step !== undefined && step.resets === next?.resets && isRead(step.exchange.command);
  }

  #use(index: number): void {
    const isNext = index === this.#next || !isRead(this.#steps[index]?.exchange.command);
    if (!isNext) {
      this.#used.add(index);
      return;
    }
    for (let step = this.#next; step <= index; step++) this.#used.delete(step);
    this.#next = index + 1;
    while (this.#used.delete(this.#next)) this.#next++;
  }
}

function isRead(command: RecordedBytes | undefined): boolean {
  const [cla, instruction] = command?.before ?? [];
  return cla !== undefined && cla !== 0xff && readingInstructions.has(instruction ?? 0);
}
