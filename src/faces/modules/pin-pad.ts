// SPDX-License-Identifier: MIT

import { concatBytes } from "../../base/binary/index.ts";
import { decodeResponse } from "../../base/iso7816/index.ts";
import {
  type Connection,
  decodeFeatureList,
  type Feature,
  features,
  ioctls,
  pinModifyStructure,
  pinVerifyStructure,
  SmartCardError,
  type WaitOptions,
} from "../../port/index.ts";
import type { PinDescription, PinPadCommand } from "./card-module.ts";
import type { FailurePlace } from "./failures.ts";

/** Seconds for the first key and for each next one: as pcsc-lite's programs have it. */
const ENTRY_SECONDS = 30;
/** bmFormatString: positions count bytes, from the left, ASCII. PC/SC part 10, 2.5.2. */
const FORMAT = 0x82;
/** bEntryValidationCondition: the confirmation key. */
const BY_KEY = 0x02;
/** And so many digits as there can be. */
const BY_LENGTH = 0x01;
/** bConfirmPIN: the old PIN is asked for, and the new one twice. */
const OLD_AND_TWICE = 0x03;
/** The reader's own messages, in English where it has several languages. */
const ALL_MESSAGES = 0xff;
const ENGLISH = 0x0409;
/** More digits than people type, and no more than readers take. */
const MOST_DIGITS = 15;
/** Messages of a change: the old PIN, the new one, its repetition. */
const CHANGE_MESSAGES = 0x03;

/** What a pad answers where the card was not asked. PC/SC part 10, 2.5.2 and 2.5.3. */
const padStatus = { late: 0x6400, cancelled: 0x6401, differ: 0x6402, length: 0x6403 } as const;

type PadOperation = "verify" | "change";

const featureOf: Readonly<Record<PadOperation, Feature>> = {
  verify: "verify-pin-direct",
  change: "modify-pin-direct",
};

/** The PIN pad of the reader that a card is in. PINs that are entered there go to the card, and never come here. */
export class ReaderPinPad {
  readonly #connection: Pick<Connection, "control">;
  /** Control codes of what the reader has; undefined until it was asked. */
  #codes: Promise<ReadonlyMap<Feature, number>> | undefined;

  constructor(connection: Pick<Connection, "control">) {
    this.#connection = connection;
  }

  /** Whether the reader has it. */
  async has(operation: PadOperation): Promise<boolean> {
    return (await this.#known()).has(featureOf[operation]);
  }

  /**
   * Has a PIN entered at the pad and sent to the card.
   *
   * @returns the status word of the card
   * @throws unsupported-feature (no pad), cancelled-by-user, timeout (no PIN came in time), invalid-chv (a new PIN that differs from
   * its repetition, or is too short or too long), and what the connection throws
   */
  async enter(
    operation: PadOperation,
    command: PinPadCommand,
    pin: PinDescription,
    place: FailurePlace,
    wait: WaitOptions,
  ): Promise<number> {
    const code = (await this.#known()).get(featureOf[operation]);
    if (code === undefined) throw noPad(operation, place);
    const input = operation === "verify" ? verifyInput(command, pin) : changeInput(command, pin);
    const answer = decodeResponse(await this.#connection.control(code, input, wait));
    if (!answer.ok) throw new SmartCardError("comm-error", "the PIN pad's answer has no status word", place);
    const failure = padFailure(answer.value.sw, pin, place);
    if (failure !== undefined) throw failure;
    return answer.value.sw;
  }

  #known(): Promise<ReadonlyMap<Feature, number>> {
    this.#codes ??= this.#ask();
    return this.#codes;
  }

  /** A reader that does not know the question has none of the features. */
  async #ask(): Promise<ReadonlyMap<Feature, number>> {
    const codes = new Map<Feature, number>();
    try {
      const list = await this.#connection.control(ioctls["get-feature-request"].pcsclite, new Uint8Array(0));
      const decoded = decodeFeatureList(list);
      for (const { controlCode, tag } of decoded.ok ? decoded.value : [])
        for (const feature of Object.values(featureOf))
          if (features[feature].tag === tag) codes.set(feature, controlCode);
    } catch (error) {
      if (!(error instanceof SmartCardError)) throw error;
      if (goesOn.has(error.code)) return codes;
      // The card or the reader went: ask again the next time.
      this.#codes = undefined;
      throw error;
    }
    return codes;
  }
}

const goesOn: ReadonlySet<string> = new Set([
  "unsupported-feature",
  "not-supported",
  "invalid-parameter",
  "comm-error",
]);

function noPad(operation: PadOperation, place: FailurePlace): SmartCardError {
  const what = operation === "verify" ? "has no PIN pad" : "cannot change a PIN at its pad";
  const message = `the reader "${place.reader}" ${what}; give openCard() a function pin that asks for it`;
  return new SmartCardError("unsupported-feature", message, place);
}

function padFailure(sw: number, { leastBytes, name }: PinDescription, place: FailurePlace): SmartCardError | undefined {
  const details = { ...place, statusWord: sw };
  switch (sw) {
    case padStatus.cancelled:
      return new SmartCardError("cancelled-by-user", `the user gave no ${name}: cancelled at the PIN pad`, details);
    case padStatus.late:
      return new SmartCardError("timeout", `no ${name} was entered at the PIN pad in time`, details);
    case padStatus.differ:
      return new SmartCardError(
        "invalid-chv",
        `the new ${name} and its repetition differ; nothing was changed`,
        details,
      );
    case padStatus.length:
      return new SmartCardError(
        "invalid-chv",
        `the ${name} entered at the PIN pad is too short or too long: it has at least ${leastBytes} digits; nothing was sent to the card`,
        details,
      );
    default:
      return undefined;
  }
}

/** wPINMaxExtraDigit: the most digits in the lower byte, as pcsc-lite's programs have it, and the fewest in the upper one. */
function digitsOf({ blockBytes }: PinPadCommand, { leastBytes, mostBytes }: PinDescription): number {
  const most = Math.min(mostBytes, blockBytes === 0 ? MOST_DIGITS : blockBytes);
  return Math.min(leastBytes, most) * 256 + most;
}

/** The command with room for so many PINs. */
function apduOf({ blockBytes, cla, ins, p1, p2, padding }: PinPadCommand, pins: number): Uint8Array {
  const lc = blockBytes * pins;
  return concatBytes(Uint8Array.of(cla, ins, p1, p2, lc), new Uint8Array(lc).fill(padding));
}

/** What both structures begin and end with. */
function shared(command: PinPadCommand, pin: PinDescription, apdu: Uint8Array) {
  const isFixed = pin.leastBytes === pin.mostBytes;
  return {
    ...{ timerOut: ENTRY_SECONDS, timerOut2: ENTRY_SECONDS, formatString: FORMAT, pinBlockString: command.blockBytes },
    ...{ pinLengthFormat: 0, pinMaxExtraDigit: digitsOf(command, pin), langId: ENGLISH },
    entryValidationCondition: isFixed ? BY_KEY | BY_LENGTH : BY_KEY,
    teoPrologue: new Uint8Array(3),
    dataLength: apdu.length,
  };
}

function verifyInput(command: PinPadCommand, pin: PinDescription): Uint8Array {
  const apdu = apduOf(command, 1);
  const fields = { ...shared(command, pin, apdu), numberMessage: ALL_MESSAGES, msgIndex: 0 };
  return concatBytes(pinVerifyStructure.encode(fields), apdu);
}

function changeInput(command: PinPadCommand, pin: PinDescription): Uint8Array {
  const apdu = apduOf(command, 2);
  const places = { insertionOffsetOld: 0, insertionOffsetNew: command.blockBytes, confirmPin: OLD_AND_TWICE };
  const messages = { numberMessage: CHANGE_MESSAGES, msgIndex1: 0, msgIndex2: 1, msgIndex3: 2 };
  return concatBytes(pinModifyStructure.encode({ ...shared(command, pin, apdu), ...places, ...messages }), apdu);
}
