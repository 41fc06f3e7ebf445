// SPDX-License-Identifier: MIT

import type { T1Exchange, T1Step } from "../../src/readers/transmission/index.ts";

/** What happens to one block on its way. A late block comes when the reader has given it up, before any that follows it. */
export type LineFault = "none" | "lost" | "corrupted" | "cut" | "doubled" | "late";

/** Draws: whole numbers from 0 to `limit` - 1. Dice of a seed, or a tape of bytes. */
export interface Draws {
  below(limit: number): number;
}

/** The other end of the line. */
export interface LinePeer {
  receive(block: Uint8Array): Uint8Array | undefined;
}

/** Gives the fault of the next block. */
export type FaultPlan = () => LineFault;

export interface LineReport {
  /** The step that ended the exchange. */
  readonly end: Exclude<T1Step, { kind: "send" }>;
  /** Blocks that the engine sent. */
  readonly blocks: number;
  /** Blocks that did not arrive whole, once and in time. */
  readonly faults: number;
}

/** One block, two retransmissions and three S(RESYNCH request): so often in a row an engine may hear nothing. Rule 7.4. */
const MOST_UNANSWERED = 6;

/** A line between an engine and a card that loses, doubles, corrupts and delays blocks, and keeps their order. */
export class FaultyLine {
  readonly #peer: LinePeer;
  readonly #draws: Draws;
  readonly #plan: FaultPlan;
  /** What the card sent and the reader has not delivered. */
  readonly #behind: Uint8Array[] = [];
  #faults = 0;

  constructor(peer: LinePeer, draws: Draws, plan: FaultPlan) {
    this.#peer = peer;
    this.#draws = draws;
    this.#plan = plan;
  }

  /** Blocks that are still on the line: they come as answers to later ones. */
  get behind(): number {
    return this.#behind.length;
  }

  /**
   * Goes through an exchange to its end.
   *
   * @param maxBlocks more are a hang
   */
  run(engine: T1Exchange, begin: () => T1Step, maxBlocks: number): LineReport {
    this.#faults = 0;
    let unanswered = 0;
    let step = begin();
    for (let blocks = 0; ; blocks++) {
      if (step.kind !== "send") return { end: step, blocks, faults: this.#faults };
      if (blocks > maxBlocks) throw new Error(`the exchange did not end in ${maxBlocks} blocks`);
      // The engine may clear a block when the next call comes: the line has its own.
      const answer = this.#carry(step.block.slice());
      unanswered = answer === undefined ? unanswered + 1 : 0;
      if (unanswered > MOST_UNANSWERED) throw new Error(`${unanswered} blocks were sent to a silent card`);
      step =
        answer === undefined
          ? engine.failed(this.#draws.below(4) === 0 ? "parity" : "timeout")
          : engine.received(answer);
    }
  }

  #carry(block: Uint8Array): Uint8Array | undefined {
    for (const arriving of this.#pass(block)) {
      const answer = this.#peer.receive(arriving);
      if (answer === undefined) continue;
      const fault = this.#fault();
      const copies = fault === "doubled" ? [answer, answer] : fault === "late" ? [answer] : this.#damage(answer, fault);
      const wasEmpty = this.#behind.length === 0;
      this.#behind.push(...copies);
      if (fault === "late" && wasEmpty) return undefined;
    }
    return this.#behind.shift();
  }

  /** A block to the card: none, one or two. A late one would be too late for any answer, so that it counts as lost. */
  #pass(block: Uint8Array): Uint8Array[] {
    const fault = this.#fault();
    if (fault === "doubled") return [block, block];
    return fault === "late" ? [] : this.#damage(block, fault);
  }

  #fault(): LineFault {
    const fault = this.#plan();
    if (fault !== "none") this.#faults++;
    return fault;
  }

  #damage(block: Uint8Array, fault: LineFault): Uint8Array[] {
    const bytes = block.slice();
    switch (fault) {
      case "lost":
        return [];
      case "corrupted": {
        // One byte: an LRC finds no two that cancel each other out.
        const at = this.#draws.below(bytes.length);
        bytes[at] = (bytes[at] ?? 0) ^ (1 + this.#draws.below(255));
        return [bytes];
      }
      case "cut":
        return [bytes.subarray(0, this.#draws.below(bytes.length))];
      default:
        return [bytes];
    }
  }
}
