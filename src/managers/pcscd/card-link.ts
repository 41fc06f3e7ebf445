// SPDX-License-Identifier: MIT

import { SecretBytes } from "../../base/binary/index.ts";
import { SmartCardError, serviceControlCode } from "../../port/index.ts";
import {
  MAX_ATTRIBUTE_BYTES,
  type PreparedRequest,
  prepareControl,
  prepareTransmit,
} from "../../wire/pcsclite/index.ts";
import {
  type Answer,
  type CardLink,
  type CardRequest,
  type CardStatus,
  callFailure,
  cardState,
  findReader,
  type Operation,
  readerUnavailable,
} from "../client/index.ts";
import { explain } from "./explain.ts";
import { service } from "./failures.ts";
import type { Line } from "./line.ts";
import type { Snapshot } from "./reports.ts";

/** What a card's link needs of its context. */
export interface CardLinkDeps {
  readonly line: Line;
  /** The handle of the card in the service. */
  readonly card: number;
  readonly reader: string;
  /** The readers as they are now. */
  readonly look: () => Promise<Snapshot>;
  /** This card no longer needs the line; `isClean` if the line has no state. */
  readonly close: (isClean: boolean) => void;
}

/** A card in the service, on a line of its own: so a request that the service holds is ended by interrupting the line. */
export class PcscdCardLink implements CardLink {
  readonly dialect = "pcsclite";
  readonly mayPassQueue = true;
  interrupting: Promise<void> | undefined;
  readonly #deps: CardLinkDeps;
  readonly #line: Line;
  readonly #card: number;
  /** The arguments of the last reconnect. */
  #protocols = 0;

  constructor(deps: CardLinkDeps) {
    this.#deps = deps;
    this.#line = deps.line;
    this.#card = deps.card;
  }

  get isBusy(): boolean {
    return this.#line.session.busy;
  }

  reconnect(shareMode: number, protocols: number, initialization: number): CardRequest<{ activeProtocol: number }> {
    this.#protocols = protocols;
    const terms = { card: this.#card, shareMode, preferredProtocols: protocols, initialization };
    return this.#request(({ session }) => session.reconnect(terms));
  }

  begin(): CardRequest {
    return this.#request(({ session }) => session.begin(this.#card));
  }

  status(): CardRequest<{ read: () => Promise<CardStatus> }> {
    return this.#request(async ({ session }) => {
      const { rv } = await session.status(this.#card);
      return { rv, read: () => this.#readStatus() };
    });
  }

  transmit(protocol: number, command: Uint8Array): CardRequest<{ response: Uint8Array }> {
    return this.#secretRequest(prepareTransmit(this.#card, protocol, command));
  }

  control(code: number, input: Uint8Array): CardRequest<{ output: Uint8Array }> {
    return this.#secretRequest(prepareControl(this.#card, serviceControlCode(code), input));
  }

  getAttribute(attribute: number): CardRequest<{ value: Uint8Array }> {
    return this.#request(({ session }) => session.getAttrib(this.#card, attribute));
  }

  setAttribute(attribute: number, value: Uint8Array): CardRequest {
    if (value.length > MAX_ATTRIBUTE_BYTES) {
      const message = `the value of an attribute has ${MAX_ATTRIBUTE_BYTES} bytes at most, not ${value.length}`;
      const details = { reader: this.#deps.reader, operation: "set attribute" };
      throw new SmartCardError("invalid-parameter", message, details);
    }
    const copy = SecretBytes.copy(value);
    const request = this.#request(({ session }) =>
      copy.use((bytes) => session.setAttrib(this.#card, attribute, bytes)),
    );
    return { ...request, wipe: () => copy.release() };
  }

  end(disposition: number): Promise<Answer> {
    this.#line.watch();
    return this.#line.session.end(this.#card, disposition);
  }

  disconnect(disposition: number): Promise<Answer> {
    this.#line.watch();
    return this.#line.session.disconnect(this.#card, disposition);
  }

  async failure(rv: number, operation: Operation, usesCard: boolean): Promise<SmartCardError> {
    const { line, look, reader } = this.#deps;
    const why = await explain({ rv, operation, reader, line, handle: this.#card, protocols: this.#protocols, look });
    return callFailure(service, rv, operation, { reader, usesCard, ...why });
  }

  cancel(): void {
    if (this.isBusy) this.#interrupt();
  }

  close(isClean: boolean): void {
    this.#deps.close(isClean);
  }

  /** A request that may hold a PIN. It is cleared when its caller has its answer and the line is done with it. */
  #secretRequest<T extends object>(prepared: PreparedRequest<Answer & T>): CardRequest<T> {
    const secret = new SecretBytes(prepared.request);
    const request = this.#request(({ session }) => secret.use(() => session.send(prepared)));
    return { ...request, wipe: () => secret.release() };
  }

  #request<T extends object>(send: (line: Line) => Promise<Answer & T>): CardRequest<T> {
    const ask = (): Promise<Answer & T> => {
      this.#line.watch();
      return send(this.#line);
    };
    return { ask, letGo: this.#interrupt };
  }

  async #readStatus(): Promise<CardStatus> {
    const { look, reader } = this.#deps;
    const known = findReader(await look(), reader);
    if (known === undefined) throw readerUnavailable(reader, "status");
    const { atr, eventCounter, protocol, state } = known;
    return { state: cardState(state), protocol, atr, eventCount: eventCounter & 0xffff };
  }

  readonly #interrupt = (): void => {
    this.interrupting ??= this.#line.interrupt().then(() => {
      this.interrupting = undefined;
    });
  };
}
