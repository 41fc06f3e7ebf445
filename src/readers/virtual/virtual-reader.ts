// SPDX-License-Identifier: MIT

import { copyBytes, hexDword, zeroBytes } from "../../base/binary/index.ts";
import type { SoftwareCard } from "../../cards/software-card/index.ts";
import { T0Adapter } from "../../cards/software-card/index.ts";
import {
  anyText,
  assert,
  type Check,
  type Clock,
  checkNewReaderName,
  clockObject,
  type ErrorCode,
  having,
  listOf,
  MAX_ATR_BYTES,
  MAX_RESPONSE_BYTES,
  MAX_TIMER_MS,
  optional,
  optionsOf,
  type PowerAction,
  type Protocol,
  protocols as protocolNumbers,
  type Reader,
  type ReaderDescription,
  type ReaderEvents,
  readerAttribute,
  SmartCardError,
  shown,
  text,
  truth,
  word,
} from "../../port/index.ts";
import { confirmTransmission } from "../transmission/index.ts";
import { CardOperation } from "./card-operation.ts";
import { planProtocol } from "./pps-negotiation.ts";
import { answerControl, canSetAttribute, virtualReaderFacts } from "./reader-attributes.ts";

/** Options of a virtual reader. */
export interface VirtualReaderOptions {
  /** The name to show, 1 to 127 bytes of UTF-8 without control characters. @default "Virtual Reader" */
  readonly name?: string;
  /** Identifies this reader across restarts, 1 to 255 bytes. @default `virtual:` and the serial number, or else the name */
  readonly id?: string;
  /** Serial number, at most 128 bytes of UTF-8. @default none */
  readonly serial?: string;
  /** Protocols to speak to cards. @default T=0 and T=1 */
  readonly protocols?: readonly Protocol[];
  /** Whether the reader can eject its card. @default true */
  readonly canEject?: boolean;
  /** The clock for {@link VirtualReader.slow}. */
  readonly clock: Clock;
}

const readerName: Check<string> = (value, place) => {
  const name = anyText(value, place);
  checkNewReaderName(name);
  return name;
};
const readerOptions = optionsOf<VirtualReaderOptions>({
  name: optional(readerName),
  id: optional(text("an id", 255)),
  serial: optional(text("a serial number", 128)),
  protocols: optional(listOf(word(protocolNumbers, "protocol"), "protocols", 64)),
  canEject: optional(truth),
  clock: clockObject,
});
const softwareCard = having<SoftwareCard>(["reset", "powerOff", "process"], "a software card");

/** A card with power, from one reset to the next. */
interface Session {
  readonly atr: Uint8Array;
  readonly t0: T0Adapter;
  /** Undefined until it is set. */
  protocol: Protocol | undefined;
  /** True during an exchange, and after an interrupted one: only a reset helps then. */
  aborted: boolean;
}

/**
 * A reader in software that holds a {@link SoftwareCard}. It behaves like a USB reader: it powers and resets the
 * card, exchanges a PPS with it, speaks T=0 and T=1, can eject. Its other calls insert and remove the card, and simulate
 * faults of cards and readers; they are allowed at any time, also in the middle of an exchange.
 *
 * After an interrupted exchange (aborted, or the card went mute) the card needs a reset: `comm-error` until then,
 * as the next answer could belong to the previous command.
 */
export class VirtualReader implements Reader {
  readonly description: ReaderDescription;
  readonly eject?: (signal: AbortSignal) => Promise<void>;
  readonly #clock: Clock;
  #events: ReaderEvents | undefined;
  #unplugged = false;
  #card: SoftwareCard | undefined;
  #powered = false;
  #session: Session | undefined;
  #operation: CardOperation | undefined;
  #exchanges = 0;
  #mute = false;
  #delayMs = 0;
  #hanging = false;
  #whenReleased: (() => void)[] = [];

  /**
   * @throws invalid-parameter (an unknown option, or one of the wrong kind; an id or serial number that is empty, too long
   * or has a NUL in it), invalid-value (an invalid name, no protocols, or an unknown one)
   */
  constructor(options: VirtualReaderOptions) {
    const checked = readerOptions(options, { operation: "VirtualReader", path: "options" });
    const { name = "Virtual Reader", serial, protocols = ["t0", "t1"], canEject = true } = checked;
    const id = checked.id ?? `virtual:${serial ?? name}`;
    if (protocols.length === 0) throw new SmartCardError("invalid-value", "a reader offers at least one protocol");
    this.#clock = checked.clock;
    this.description = {
      name,
      id,
      vendor: "scard",
      product: "Virtual Reader",
      ...(serial === undefined ? {} : { serial }),
      type: "vendor",
      protocols: [...protocols],
      canEject,
    };
    if (canEject) this.eject = (signal) => this.#eject(signal);
  }

  /** The card in the reader. */
  get card(): SoftwareCard | undefined {
    return this.#card;
  }

  /** Whether the card has power. */
  get powered(): boolean {
    return this.#powered;
  }

  /** Commands that have reached a card since the reader was made. */
  get exchanges(): number {
    return this.#exchanges;
  }

  // What the user does.

  /**
   * Inserts a card; it is not powered. A card in the reader is removed first.
   *
   * @throws invalid-parameter (not a card), reader-unavailable when the reader was unplugged, sharing-violation (a card that
   * is kept in a file, and the file is in use: the reader keeps the card that it had)
   */
  insert(card: SoftwareCard): void {
    softwareCard(card, { operation: "insert", path: "card" });
    if (this.#unplugged) throw this.#error("reader-unavailable", "insert", "the reader was unplugged");
    const before = this.#card;
    before?.removed?.();
    try {
      card.inserted?.();
    } catch (error) {
      before?.inserted?.();
      throw error;
    }
    this.#takeOut();
    this.#card = card;
    this.#events?.inserted();
  }

  /** Removes the card at any time: a running operation ends with `removed-card` at once. */
  remove(): void {
    this.#card?.removed?.();
    this.#takeOut();
  }

  #takeOut(): void {
    if (this.#card === undefined) return;
    this.#powerOff();
    this.#card = undefined;
    this.#end("removed-card", "the card was pulled out");
    this.#events?.removed();
  }

  /**
   * While on, the card does not answer: a reset ends with `unresponsive-card`, an exchange with `comm-error`, also a
   * running one. Stays on, also for another card, until it is turned off.
   */
  mute(on: boolean): void {
    truth(on, { operation: "mute", path: "on" });
    this.#mute = on;
    const code = this.#operation?.whenMute;
    if (on && code !== undefined) this.#end(code, "the card does not answer any more");
  }

  /**
   * From the next operation on, each answer of the card takes this long.
   *
   * @param delayMs milliseconds, 0 or more; 0 turns it off
   * @throws invalid-value
   */
  slow(delayMs: number): void {
    if (typeof delayMs !== "number" || !(delayMs >= 0 && delayMs <= MAX_TIMER_MS)) {
      throw this.#error("invalid-value", "slow", `a delay is 0 to ${MAX_TIMER_MS} ms, not ${shown(delayMs)}`);
    }
    this.#delayMs = delayMs;
  }

  /**
   * While on, resets and exchanges neither succeed nor fail, as with a stuck reader. They continue when it is turned off,
   * unless they were ended in the meantime (aborted, card pulled, reader unplugged or closed).
   */
  hang(on: boolean): void {
    truth(on, { operation: "hang", path: "on" });
    this.#hanging = on;
    if (on) return;
    const released = this.#whenReleased;
    this.#whenReleased = [];
    for (const release of released) release();
  }

  /** Unplugs the reader for good, with its card: everything ends with `reader-unavailable`. */
  unplug(): void {
    if (this.#unplugged) return;
    this.#unplugged = true;
    this.#powerOff();
    this.#card?.removed?.();
    this.#end("reader-unavailable", "the reader was unplugged");
    const events = this.#events;
    this.#events = undefined;
    events?.lost("the virtual reader was unplugged");
  }

  // The driver.

  /**
   * Starts the driver, also again after `close`.
   *
   * @throws reader-unavailable when the reader was unplugged, sharing-violation when its card is in use elsewhere by now
   */
  async open(events: ReaderEvents): Promise<void> {
    if (this.#unplugged) throw this.#error("reader-unavailable", "open", "the reader was unplugged");
    assert(this.#events === undefined, "a reader is opened once");
    this.#card?.inserted?.();
    this.#events = events;
    if (this.#card !== undefined) events.inserted();
  }

  power(action: PowerAction, signal: AbortSignal): Promise<Uint8Array> {
    return this.#operate("power", "unresponsive-card", signal, async (operation) => {
      const card = this.#presentCard("power");
      if (action === "power-down") {
        this.#powerOff();
        return new Uint8Array(0);
      }
      if (action === "cold-reset") this.#powerOff();
      this.#session = undefined;
      await this.#cardTakesItsTime(operation);
      operation.check();
      if (this.#mute) throw this.#error("unresponsive-card", "power", "the card does not answer the reset");
      const atr = this.#reset(card);
      this.#session = { atr, t0: new T0Adapter(card), protocol: undefined, aborted: false };
      return copyBytes(atr);
    });
  }

  setProtocol(protocol: Protocol, signal: AbortSignal): Promise<void> {
    return this.#operate("setProtocol", "comm-error", signal, async (operation) => {
      const { card, session } = this.#poweredCard("setProtocol");
      if (session.protocol === protocol) return;
      const plan = this.#plan(session, protocol);
      if (plan.kind === "refuse") throw this.#error("proto-mismatch", "setProtocol", plan.reason);
      if (plan.kind === "pps") {
        await this.#exchange("setProtocol", session, operation, async () => {
          const response = card.pps === undefined ? plan.bytes : card.pps(copyBytes(plan.bytes));
          if (!confirmTransmission(plan.request, response).agreed) {
            throw this.#error("proto-mismatch", "setProtocol", `the card does not agree to ${protocol} in its PPS`);
          }
        });
      }
      session.protocol = protocol;
    });
  }

  transmit(command: Uint8Array, protocol: Protocol, signal: AbortSignal): Promise<Uint8Array> {
    return this.#operate("transmit", "comm-error", signal, async (operation) => {
      const { card, session } = this.#poweredCard("transmit");
      if (session.protocol !== protocol) {
        const current = session.protocol ?? "no protocol yet";
        throw this.#error("proto-mismatch", "transmit", `a command for ${protocol}, but the card speaks ${current}`);
      }
      const own = copyBytes(command);
      return this.#exchange("transmit", session, operation, async () => {
        this.#exchanges++;
        const answer = protocol === "t0" ? await session.t0.transmit(own) : await card.process(own);
        if (answer.length < 2 || answer.length > MAX_RESPONSE_BYTES) {
          throw this.#error("comm-error", "transmit", `the card answered ${answer.length} bytes, which is no response`);
        }
        return copyBytes(answer);
      }).finally(() => zeroBytes(own));
    });
  }

  control(code: number, _input: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    return this.#operate("control", undefined, signal, async () => {
      const answer = answerControl(code);
      if (answer === undefined) {
        throw this.#error(
          "unsupported-feature",
          "control",
          `the virtual reader does not know the code ${hexDword(code)}`,
        );
      }
      return answer;
    });
  }

  getAttribute(attribute: number): Uint8Array | undefined {
    return readerAttribute(attribute, {
      ...virtualReaderFacts,
      description: this.description,
      cardPresent: this.#card !== undefined,
      powered: this.#powered,
      atr: this.#session?.atr,
      protocol: this.#session?.protocol,
    });
  }

  setAttribute(attribute: number, value: Uint8Array): boolean {
    return canSetAttribute(attribute, value);
  }

  /** Ends the driver; a running operation ends with `reader-unavailable`. The card stays in. */
  async close(): Promise<void> {
    this.#events = undefined;
    this.#powerOff();
    this.#card?.removed?.();
    this.#end("reader-unavailable", "the reader was closed");
  }

  #eject(signal: AbortSignal): Promise<void> {
    return this.#operate("eject", undefined, signal, async () => {
      this.#presentCard("eject");
      this.#powerOff();
      this.#card?.removed?.();
      this.#card = undefined;
      this.#events?.removed();
    });
  }

  // Inside.

  /** Runs one operation: bounded by its signal, and ended by `#end`. */
  async #operate<T>(
    name: string,
    whenMute: ErrorCode | undefined,
    signal: AbortSignal,
    work: (operation: CardOperation) => Promise<T>,
  ): Promise<T> {
    if (this.#unplugged) throw this.#error("reader-unavailable", name, "the reader was unplugged");
    if (this.#events === undefined) throw this.#error("reader-unavailable", name, "the reader is not open");
    assert(this.#operation === undefined, `one operation at a time: ${name} while another is under way`);
    const operation = new CardOperation(name, whenMute);
    const abort = (): void => this.#end("cancelled", "the operation was aborted", { cause: signal.reason });
    this.#operation = operation;
    signal.addEventListener("abort", abort, { once: true });
    try {
      if (signal.aborted) abort();
      return await operation.run(work);
    } finally {
      signal.removeEventListener("abort", abort);
      if (this.#operation === operation) this.#operation = undefined;
    }
  }

  /**
   * Ends the running operation, so that the next can start before this one has settled.
   */
  #end(code: ErrorCode, message: string, options?: ErrorOptions): void {
    const operation = this.#operation;
    this.#operation = undefined;
    operation?.end(this.#error(code, operation.name, message, options));
  }

  #presentCard(operation: string): SoftwareCard {
    if (this.#card === undefined) throw this.#error("removed-card", operation, "there is no card in the reader");
    return this.#card;
  }

  #poweredCard(operation: string): { card: SoftwareCard; session: Session } {
    const card = this.#presentCard(operation);
    if (!this.#powered) throw this.#error("unpowered-card", operation, "the card has no power");
    const session = this.#session;
    if (session === undefined) throw this.#error("comm-error", operation, "the card has not answered a reset");
    if (session.aborted) throw this.#error("comm-error", operation, "the exchange before was torn: reset the card");
    return { card, session };
  }

  #plan(session: Session, protocol: Protocol): ReturnType<typeof planProtocol> {
    if (session.protocol !== undefined)
      return { kind: "refuse", reason: `${session.protocol} is set until the next reset` };
    if (!this.description.protocols.includes(protocol)) {
      return { kind: "refuse", reason: `the reader does not offer ${protocol}` };
    }
    return planProtocol(session.atr, protocol);
  }

  /** One exchange with the card. Any exception but a `SmartCardError` is the card's fault. */
  async #exchange<T>(name: string, session: Session, operation: CardOperation, work: () => Promise<T>): Promise<T> {
    session.aborted = true;
    const waiting = this.#untilCardAnswers(operation);
    if (waiting !== undefined) await waiting;
    operation.check();
    if (this.#mute) throw this.#error("comm-error", name, "the card does not answer");
    try {
      const result = await work();
      operation.check();
      session.aborted = false;
      return result;
    } catch (error) {
      if (error instanceof SmartCardError) throw error;
      throw this.#error("comm-error", name, "the software card failed", { cause: error });
    }
  }

  /** Undefined where it answers at once. */
  #untilCardAnswers(operation: CardOperation): Promise<void> | undefined {
    return this.#delayMs > 0 || this.#hanging ? this.#cardTakesItsTime(operation) : undefined;
  }

  async #cardTakesItsTime(operation: CardOperation): Promise<void> {
    if (this.#delayMs > 0) await operation.sleep(this.#clock, this.#delayMs);
    while (this.#hanging) await new Promise<void>((resolve) => this.#whenReleased.push(resolve));
  }

  #reset(card: SoftwareCard): Uint8Array {
    const kind = this.#powered ? "warm" : "cold";
    this.#powered = true;
    let atr: Uint8Array;
    try {
      atr = copyBytes(card.reset(kind));
    } catch (error) {
      throw this.#error("unresponsive-card", "power", "the software card failed at its reset", { cause: error });
    }
    if (atr.length < 2 || atr.length > MAX_ATR_BYTES) {
      throw this.#error("unresponsive-card", "power", `an ATR has 2 to ${MAX_ATR_BYTES} bytes, not ${atr.length}`);
    }
    return atr;
  }

  #powerOff(): void {
    const wasPowered = this.#powered;
    this.#powered = false;
    this.#session = undefined;
    if (!wasPowered) return;
    try {
      this.#card?.powerOff();
    } catch {
      // The power is off in any case, and no caller waits for a result.
    }
  }

  #error(code: ErrorCode, operation: string, message: string, options?: ErrorOptions): SmartCardError {
    return new SmartCardError(code, message, { reader: this.description.name, operation }, options);
  }
}
