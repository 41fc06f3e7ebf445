// SPDX-License-Identifier: MIT

import { type Protocol, type ShareMode, SmartCardError } from "../../port/index.ts";
import type { TurnContext, TurnOwner, TurnRequest } from "./transaction-queue.ts";

/** Why a connection cannot be used until it is reconnected, or at all. */
export interface Fault {
  readonly code: "reset-card" | "removed-card" | "reader-unavailable";
  /** What happened and which client caused it, in words. */
  readonly why: string;
}

const remedies: Readonly<Record<Fault["code"], string>> = {
  "reset-card": "; reconnect to go on",
  "removed-card": "; reconnect when a card is there",
  "reader-unavailable": "",
};

/** What a connection is made with. */
export interface ConnectionStateTerms {
  readonly context: TurnContext;
  /** The reader's unique name. */
  readonly reader: string;
  readonly shareMode: ShareMode;
  readonly protocol: Protocol | undefined;
  /** When it is made, in milliseconds on the monotonic clock. */
  readonly since: number;
}

/**
 * One connection as its slot knows it: share mode, protocol, and whether the card is still the one that the connection
 * was made for. All parts of a slot work on this; the calls of a program come in at `SlotConnection`.
 */
export class ConnectionState implements TurnOwner {
  readonly context: TurnContext;
  readonly reader: string;
  /** When it was made, on the monotonic clock. */
  readonly since: number;
  /** Set when the card was reset or removed, or the reader is gone. */
  fault: Fault | undefined;
  /** The number of the error that the last operation failed with; 0 where it succeeded. */
  lastError = 0;
  #shareMode: ShareMode;
  #protocol: Protocol | undefined;
  #open = true;
  #endedByService = false;

  constructor(terms: ConnectionStateTerms) {
    this.context = terms.context;
    this.reader = terms.reader;
    this.since = terms.since;
    this.#shareMode = terms.shareMode;
    this.#protocol = terms.protocol;
  }

  get shareMode(): ShareMode {
    return this.#shareMode;
  }

  get protocol(): Protocol | undefined {
    return this.#protocol;
  }

  /** False once it was disconnected. */
  get open(): boolean {
    return this.#open;
  }

  /** False for a connection to the reader alone, which what happens to cards does not concern. */
  get usesCard(): boolean {
    return this.#shareMode !== "direct" || this.#protocol !== undefined;
  }

  /**
   * Checks whether a call can go on: when it is made, when its turn has come, and before the card gets a command.
   *
   * @param needs `card` for a call that must not reach another card, or a card that was reset
   * @throws invalid-handle (it was disconnected), service-stopped, reader-unavailable; with `card` also reset-card, removed-card
   */
  checkUsable(needs: "reader" | "card"): void {
    if (!this.#open) throw this.closedError("this call");
    if (this.fault === undefined) return;
    if (needs === "card" || this.fault.code === "reader-unavailable") throw this.#faultError(this.fault, "this call");
  }

  /**
   * What it asks the transaction queue for when it wants its turn.
   *
   * @param needs as for {@link checkUsable}
   * @param kind what a control or the end of a transaction is, beside an operation that waits for its turn
   */
  request(
    operation: string,
    needs: "reader" | "card",
    kind?: "refused-beside-lock" | "ends-lock",
  ): TurnRequest<ConnectionState> & { owner: ConnectionState } {
    // Written out: spreading an object here took two fifths of the processor time of an exchange.
    return {
      context: this.context,
      owner: this,
      operation,
      needsCard: needs === "card",
      refusedBesideLock: kind === "refused-beside-lock",
      endsLock: kind === "ends-lock",
    };
  }

  /** Takes up the state after a successful reconnect. */
  renewed(shareMode: ShareMode, protocol: Protocol | undefined): void {
    this.#shareMode = shareMode;
    this.#protocol = protocol;
    this.fault = undefined;
  }

  /** Another protocol was agreed on. */
  changeProtocol(protocol: Protocol): void {
    this.#protocol = protocol;
  }

  /** It was disconnected, or its context has ended. */
  end(): void {
    this.#open = false;
    this.#endedByService = this.context.serviceStopped;
  }

  /** Why an operation fails after the end. */
  closedError(operation: string): SmartCardError {
    const details = { reader: this.reader, operation };
    const what = `${operation} on a connection to "${this.reader}"`;
    if (this.#endedByService) {
      return new SmartCardError("service-stopped", `${what}: the resource manager has stopped`, details);
    }
    return new SmartCardError("invalid-handle", `${what} that was disconnected`, details);
  }

  /** Why an operation fails because of what happened to the card or the reader; undefined where nothing did. */
  faultError(operation: string): SmartCardError | undefined {
    return this.fault && this.#faultError(this.fault, operation);
  }

  #faultError({ code, why }: Fault, operation: string): SmartCardError {
    return new SmartCardError(code, `${why}${remedies[code]}`, { reader: this.reader, operation });
  }
}
