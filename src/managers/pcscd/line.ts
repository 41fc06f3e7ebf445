// SPDX-License-Identifier: MIT

import {
  asFailure,
  type Clock,
  type Runtime,
  type Scope,
  SmartCardError,
  scopes,
  toNumber,
  within,
} from "../../port/index.ts";
import { ClientSession, type Outcome, type ProtocolVersion } from "../../wire/pcsclite/index.ts";
import { notAdmitted } from "../client/index.ts";
import { contextFailure } from "./failures.ts";
import type { PcscdLimits } from "./limits.ts";
import type { Dial, Pipe } from "./pipe.ts";

/** What every connection to the service is made from. */
export interface LineDeps {
  readonly dial: Dial;
  readonly runtime: Runtime;
  readonly limits: PcscdLimits;
}

/**
 * One connection to the service with one context in it, as the protocol has them: requests one at a time, and beside
 * them a wait. It ends once; every later call fails with the reason.
 */
export class Line {
  readonly session: ClientSession;
  readonly #deps: LineDeps;
  readonly #clock: Clock;
  readonly #listeners = new Set<(error: SmartCardError) => void>();
  #pipe: Pipe | undefined;
  #error: SmartCardError | undefined;
  #context = 0;
  #heard = false;
  #watched = false;

  private constructor(deps: LineDeps) {
    this.#deps = deps;
    this.#clock = deps.runtime.clock;
    this.session = new ClientSession({
      send: (bytes) => this.#pipe?.write(bytes),
      ended: (error) => this.end(error),
    });
  }

  /**
   * Connects, agrees on a version, and opens a context.
   *
   * @throws what dialling fails with, security-violation (we are not admitted), service-stopped, comm-error, and what the
   * service refuses the context with
   */
  static async open(deps: LineDeps, scope: Scope): Promise<Line> {
    const line = await Line.greet(deps);
    try {
      await line.#establish(scope);
      return line;
    } catch (error) {
      line.end(asFailure(error));
      throw error;
    }
  }

  /** Connects and agrees on a version, not newer than `newest`; the line has no context. */
  static async greet(deps: LineDeps, newest?: ProtocolVersion): Promise<Line> {
    const first = await Line.#tryToGreet(deps, newest);
    if (first instanceof Line) return first;
    // It closed the connection without an answer: it is stopping, or refuses us. In the second case it does so again.
    const second = await Line.#tryToGreet(deps, newest);
    if (second instanceof Line) return second;
    throw notAdmitted("establish context");
  }

  /** Undefined where the service hangs up without having said anything. */
  static async #tryToGreet(deps: LineDeps, newest?: ProtocolVersion): Promise<Line | undefined> {
    const line = new Line(deps);
    try {
      await line.#dial();
      await line.#bounded(deps.limits.admissionMs, line.session.open(newest));
      return line;
    } catch (error) {
      const silent = line.#pipe !== undefined && !line.#heard && line.#error?.code === "service-stopped";
      line.end(asFailure(error));
      if (silent) return undefined;
      throw error;
    }
  }

  /** The handle of the context in it. */
  get context(): number {
    return this.#context;
  }

  /** The protocol that was agreed on. */
  get version(): ProtocolVersion | undefined {
    return this.session.version;
  }

  /** Why it has ended; undefined while it lasts. */
  get error(): SmartCardError | undefined {
    return this.#error;
  }

  /** Calls `listener` when the line ends, and at once where it has. */
  whenEnded(listener: (error: SmartCardError) => void): void {
    if (this.#error === undefined) this.#listeners.add(listener);
    else listener(this.#error);
  }

  /** The request must be answered at once: if the service takes too long it counts as broken, and the line ends. */
  prompt<T>(asked: Promise<T>): Promise<T> {
    return this.#bounded(this.#deps.limits.answerMs, asked);
  }

  /** To be called with every request that may wait for a card: sees to it that it does not wait for ever. */
  watch(): void {
    if (this.#watched || this.#error !== undefined) return;
    this.#watched = true;
    const { answered } = this.session;
    const { exchangeMs } = this.#deps.limits;
    const goOn = (): void => {
      this.#watched = false;
      if (this.session.busy) this.watch();
    };
    const expired = (): void => {
      this.#listeners.delete(cancelTimer);
      if (!this.session.busy || this.session.answered > answered) goOn();
      else this.#fallSilent(exchangeMs);
    };
    const cancelTimer = this.#clock.schedule(exchangeMs, "service silence", expired, { background: true });
    this.#listeners.add(cancelTimer);
  }

  /** Has the service end the context, unless it is at work on a request, and ends the line. Never rejects. */
  async release(error: SmartCardError): Promise<void> {
    if (this.#error === undefined && !this.session.busy) {
      await this.prompt(this.session.release(this.#context)).catch(() => {});
    }
    this.end(error);
  }

  /** Ends the line at once. The service disposes of what was in it as for a program that has exited. */
  end(error: SmartCardError): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.session.closed(error);
    this.#pipe?.close();
    for (const listener of this.#listeners) listener(error);
    this.#listeners.clear();
  }

  /**
   * Ends a request of this line that the service holds unanswered, as scard daemon does while another program has the
   * card. The protocol has it on a connection of its own. It does nothing to an exchange with the card. Never rejects.
   */
  async interrupt(): Promise<void> {
    if (this.#error !== undefined) return;
    const line = new Line(this.#deps);
    try {
      await line.#dial();
      await line.prompt(line.session.cancel(this.#context));
    } catch {
      // A waiting call has its answer from the line itself.
    }
    line.end(new SmartCardError("service-stopped", "the cancel is done"));
  }

  async #dial(): Promise<void> {
    const { dial } = this.#deps;
    const pipe = await dial({
      received: (bytes) => {
        this.#heard = true;
        this.session.received(bytes);
      },
      closed: (reason) => this.end(new SmartCardError("service-stopped", `the smart card service is gone: ${reason}`)),
    });
    this.#pipe = pipe;
    if (this.#error !== undefined) pipe.close();
  }

  async #establish(scope: Scope): Promise<void> {
    // A connection that is closed now was admitted: this is the service's end, not its refusal.
    const asked = this.session.establish(toNumber(scopes, scope, "pcsclite") ?? 0);
    const answer: Outcome & { readonly context: number } = await this.#bounded(this.#deps.limits.admissionMs, asked);
    if (answer.rv !== 0) throw contextFailure(answer.rv, "establish context");
    if (answer.context === 0) throw noHandle("context");
    this.#context = answer.context;
  }

  #bounded<T>(ms: number, asked: Promise<T>): Promise<T> {
    return within(this.#clock, ms, "service answer", asked, () => {
      throw this.#fallSilent(ms);
    });
  }

  #fallSilent(ms: number): SmartCardError {
    const message = `the smart card service has not answered for ${ms} ms; is it stopped, or another program?`;
    const error = new SmartCardError("comm-error", message);
    this.end(error);
    return this.#error ?? error;
  }
}

/** 0 is not a valid handle: a service that returns it is another program, or broken. */
export function noHandle(what: string): SmartCardError {
  return new SmartCardError("comm-error", `the smart card service is out of step: it gave out 0 for a ${what}`);
}
