// SPDX-License-Identifier: MIT

import type { PageEvents, PagePipe } from "../../platform/node/pages/index.ts";
import { type Clock, SmartCardError } from "../../port/index.ts";
import { closeCodes } from "../../wire/bridge/index.ts";
import type { AskDaemon, DaemonFeed } from "./daemon-feed.ts";
import {
  type ConsoleAction,
  type ConsoleMessage,
  decodePageMessage,
  encodeMessage,
  type ShownReport,
} from "./messages.ts";

/** How long a page may take to say who it is, in milliseconds. */
const HELLO_MS = 10_000;
/** Actions of a page that are under way. */
const MAX_ACTIONS = 8;
/** With so many bytes unsent a page is slow: reports are left out until it has caught up. */
const MAX_UNSENT_BYTES = 1_048_576;

/** How a page says who it is: with the token of the printed address, or with the secret that it had for one. */
export interface Hello {
  readonly session?: string | undefined;
  readonly token?: string | undefined;
}

/** Whether a page is let in, and with which secret it is again. */
export type Admission = { readonly session: string } | { readonly refused: "too-many" | "wrong-token" };

/** What a session works with. */
interface SessionDeps {
  readonly clock: Clock;
  readonly ask: AskDaemon;
  readonly feed: DaemonFeed;
  admit(hello: Hello): Admission;
  ended(): void;
}

/** One page, from its connection to its end. */
export class ConsoleSession implements PageEvents {
  readonly #pipe: PagePipe;
  readonly #deps: SessionDeps;
  readonly #cancelHello: () => void;
  #leave: (() => void) | undefined;
  #isOver = false;
  #actions = 0;
  /** The newest report that a slow page has not got. */
  #late: (() => void) | undefined;
  /** What the page knows of locks. */
  #locksKnown: number | undefined;

  constructor(pipe: PagePipe, deps: SessionDeps) {
    this.#pipe = pipe;
    this.#deps = deps;
    const late = (): void => this.#close(closeCodes.notPaired, "the page did not say who it is");
    this.#cancelHello = deps.clock.schedule(HELLO_MS, "console: hello", late, { background: true });
  }

  received(bytes: Uint8Array): void {
    if (this.#isOver) return;
    const message = decodePageMessage(bytes);
    if (message?.type === "hello" && this.#leave === undefined) this.#hello(message);
    else if (message?.type === "do" && this.#leave !== undefined) void this.#do(message.id, message.action);
    else this.#close(closeCodes.malformed, "a message that has no place here");
  }

  drained(): void {
    const late = this.#late;
    this.#late = undefined;
    if (late !== undefined) this.#report(late);
  }

  async closed(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelHello();
    this.#leave?.();
    this.#deps.ended();
  }

  /** The console ends. */
  end(): void {
    this.#close(closeCodes.ending, "the console has ended");
  }

  #hello(hello: Hello): void {
    const admission = this.#deps.admit(hello);
    if ("refused" in admission) {
      if (admission.refused === "too-many") this.#close(closeCodes.tooMany, "too many pages are open");
      else this.#close(closeCodes.notPaired, "the token is wrong or was used");
      return;
    }
    this.#cancelHello();
    this.#send({ type: "welcome", session: admission.session });
    this.#leave = this.#deps.feed.follow({
      reported: (report) => this.#report(() => this.#who(report)),
      gone: (reason) => this.#report(() => this.#send({ type: "gone", reason })),
    });
  }

  async #do(id: number, action: ConsoleAction): Promise<void> {
    if (this.#actions >= MAX_ACTIONS) {
      this.#send({ type: "done", id, problem: "too much is under way: wait for an answer" });
      return;
    }
    this.#actions++;
    try {
      await this.#deps.ask(action);
      this.#send({ type: "done", id });
    } catch (error) {
      if (!(error instanceof SmartCardError)) throw error;
      this.#send({ type: "done", id, problem: error.message });
    } finally {
      this.#actions--;
      this.#deps.feed.nudge();
    }
  }

  #who(report: ShownReport): void {
    const { locks } = this.#deps.feed;
    this.#send({ type: "who", ...report, locks: locks.behind(this.#locksKnown) });
    this.#locksKnown = locks.last;
  }

  #report(tell: () => void): void {
    if (this.#pipe.waitingBytes > MAX_UNSENT_BYTES) this.#late = tell;
    else tell();
  }

  #send(message: ConsoleMessage): void {
    if (!this.#isOver) this.#pipe.send(encodeMessage(message));
  }

  #close(code: number, reason: string): void {
    if (this.#isOver) return;
    this.#pipe.close(code, reason);
    void this.closed();
  }
}
