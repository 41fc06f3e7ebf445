// SPDX-License-Identifier: MIT

import {
  type Clock,
  type Connection,
  type ErrorCode,
  type Protocol,
  pause,
  SmartCardError,
  type WaitOptions,
} from "../../port/index.ts";
import type { CardModule, ModuleCard } from "./card-module.ts";
import { type FailurePlace, saysGone } from "./failures.ts";
import type { ConnectionHost } from "./module-host.ts";
import { Turns } from "./turns.ts";

/** How often one operation begins again after another program's reset, before it fails. */
const MAX_RESETS = 8;

/** pcscd asks its readers every 400 ms whether the card is there: STATUS_POLLING_RATE. Three times that, for a busy machine. */
const LOOK_FOR_MS = 1200;
const LOOK_EVERY_MS = 100;

/** What managers say of an exchange in whose middle a card is pulled. */
const doubtfulCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "comm-error",
  "unresponsive-card",
  "unpowered-card",
  "waited-too-long",
  "not-transacted",
]);

/** A transaction with its application selected. */
export interface Session {
  readonly card: ModuleCard;
  /** What is verified in it: see {@link ModuleCard.scope}. */
  readonly verified: Set<string>;
  /** Whether a PIN or key was shown in it, right or wrong: it is taken back at the end. */
  isShown: boolean;
}

/** How work runs. */
export interface SessionTerms {
  /** What the caller does, for errors. */
  readonly operation: string;
  /** Whether the work may run again from its start after another program's reset: it changes nothing on the card. */
  readonly repeat: boolean;
  readonly wait: WaitOptions;
}

/** What the sessions of a card need. */
export interface SessionsOptions {
  readonly connection: Connection;
  readonly host: ConnectionHost;
  readonly module: CardModule;
  readonly card: ModuleCard;
  readonly clock: Clock;
  /** Called once, when the card is pulled or another one is in its place. */
  readonly gone: () => void;
}

/** Runs work in transactions on one card, and meets resets of other programs. */
export class CardSessions {
  readonly #options: SessionsOptions;
  readonly #turns: Turns;
  #card: ModuleCard;
  /** The card was reset: its application is to be found again, and it has to be the same card. */
  #wasReset = false;
  #over: SmartCardError | undefined;
  /** The transaction that the caller holds, and the turns inside it. */
  #held: { readonly session: Session; readonly turns: Turns } | undefined;

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#card = options.card;
    this.#turns = new Turns(options.clock);
  }

  /** The card as it was read last. */
  get card(): ModuleCard {
    return this.#card;
  }

  /** What was verified in the transaction that the caller holds. */
  get heldVerified(): ReadonlySet<string> | undefined {
    return this.#held?.session.verified;
  }

  /** Ends all: further work fails with this error. */
  end(error: SmartCardError): void {
    this.#over ??= error;
  }

  /** Runs work in a transaction of its own, or in the one that the caller holds. */
  async run<T>(terms: SessionTerms, work: (session: Session) => Promise<T>): Promise<T> {
    const { operation, wait } = terms;
    const place = this.#place(operation);
    if (this.#over !== undefined) throw this.#over;
    const held = this.#held;
    if (held !== undefined) {
      return held.turns.run((left) => this.#working({ ...terms, wait: left }, () => work(held.session)), wait, place);
    }
    return this.#turns.run((left) => this.#transact({ ...terms, wait: left }, work), wait, place);
  }

  /** Holds one transaction while a function of the caller runs: all work meanwhile is done in it. */
  async hold<T>(operation: string, wait: WaitOptions, work: () => T | PromiseLike<T>): Promise<T> {
    if (this.#held !== undefined) return work();
    return this.run({ operation, wait, repeat: false }, async (session) => {
      const turns = new Turns(this.#options.clock);
      this.#held = { session, turns };
      try {
        return await work();
      } finally {
        await turns.idle();
        this.#held = undefined;
      }
    });
  }

  async #transact<T>(terms: SessionTerms, work: (session: Session) => Promise<T>): Promise<T> {
    for (let resets = 0; ; ) {
      const run: { hasBegun: boolean; outcome?: { readonly value: T } } = { hasBegun: false };
      try {
        return await this.#options.connection.transaction(async () => {
          const session = await this.#working(terms, () => this.#begin());
          run.hasBegun = true;
          try {
            const value = await this.#working(terms, () => work(session));
            run.outcome = { value };
            return value;
          } finally {
            await this.#leave(session);
          }
        }, terms.wait);
      } catch (error) {
        const code = error instanceof SmartCardError ? error.code : undefined;
        if (code !== "reset-card") throw await this.#judged(error, terms.operation);
        await this.#connectAnew(terms);
        // A reset after the work does not take back what came of it.
        if (run.outcome !== undefined) return run.outcome.value;
        if ((run.hasBegun && !terms.repeat) || ++resets >= MAX_RESETS) throw error;
      }
    }
  }

  /** Selects the application; after a reset it finds out first whether the card is the same. */
  async #begin(): Promise<Session> {
    if (this.#over !== undefined) throw this.#over;
    if (this.#wasReset) {
      const { host, module } = this.#options;
      const card = await module.open(host);
      if (card?.identity !== this.#card.identity) throw this.#exchanged();
      this.#card = card;
      this.#wasReset = false;
    } else {
      await this.#card.select();
    }
    return { card: this.#card, verified: new Set(), isShown: false };
  }

  /** Takes back what was verified. What fails here does no harm to what the work has brought. */
  async #leave({ card, isShown }: Session): Promise<void> {
    if (!isShown) return;
    const { host } = this.#options;
    host.signal = undefined;
    await (card.deauthenticate?.() ?? card.select()).catch(() => undefined);
  }

  async #connectAnew({ operation, wait }: SessionTerms): Promise<void> {
    const { connection } = this.#options;
    this.#wasReset = true;
    const { protocol, shareMode } = connection;
    const isOwn = protocol === "raw" || protocol === "t15";
    const preferredProtocols: readonly Protocol[] = isOwn ? [protocol] : ["t0", "t1"];
    const signal = wait.signal === undefined ? {} : { signal: wait.signal };
    try {
      await connection.reconnect({ ...signal, shareMode, preferredProtocols, initialization: "leave" });
    } catch (error) {
      throw await this.#judged(error, operation);
    }
  }

  /** Says of an error whether the card was pulled. */
  async #judged(error: unknown, operation: string): Promise<unknown> {
    if (!(error instanceof SmartCardError) || error === this.#over) return error;
    const { code } = error;
    if (saysGone(error)) return this.#gone(operation, error);
    if (!doubtfulCodes.has(code)) return error;
    const cause = await this.#lookForCard();
    return cause === undefined ? error : this.#gone(operation, cause);
  }

  /** The manager's error about a card that is not there; it may notice later than an exchange fails. */
  async #lookForCard(): Promise<SmartCardError | undefined> {
    const { clock, connection } = this.#options;
    for (let waitedMs = 0; ; waitedMs += LOOK_EVERY_MS) {
      const failure: unknown = await connection.status({ timeoutMs: LOOK_EVERY_MS }).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (saysGone(failure)) return failure;
      if (waitedMs >= LOOK_FOR_MS) return undefined;
      await pause(clock, LOOK_EVERY_MS, "card that may be gone");
    }
  }

  #gone(operation: string, cause: SmartCardError): SmartCardError {
    const { reader } = this.#options.connection;
    const message = `the card was pulled out of "${reader}"; put it back and open it again with openCard()`;
    return this.#ended(new SmartCardError("removed-card", message, { reader, operation }, { cause }));
  }

  #exchanged(): SmartCardError {
    const { reader } = this.#options.connection;
    const message = `another card is in "${reader}" now; open it with openCard()`;
    return this.#ended(new SmartCardError("removed-card", message, this.#place(this.#options.host.operation)));
  }

  #ended(error: SmartCardError): SmartCardError {
    this.#over = error;
    this.#options.gone();
    return error;
  }

  async #working<T>({ operation, wait }: SessionTerms, work: () => Promise<T>): Promise<T> {
    const { host } = this.#options;
    host.operation = operation;
    host.signal = wait.signal;
    return work();
  }

  #place(operation: string): FailurePlace {
    return { reader: this.#options.connection.reader, operation };
  }
}
