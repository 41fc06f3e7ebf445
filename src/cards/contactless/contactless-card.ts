// SPDX-License-Identifier: MIT

import { checkBytes, copyBytes, zeroBytes } from "../../base/binary/index.ts";
import { buildAtr, decodeCommand } from "../../base/iso7816/index.ts";
import { byteString, having, optional, optionsOf, SmartCardError } from "../../port/index.ts";
import { type Answer, encodeAnswer, type SoftwareCard, status, sw } from "../software-card/index.ts";
import type { FieldCard } from "./field-card.ts";
import { READER_CLASS, ReaderCommands } from "./reader-commands.ts";

/** A processor card of ISO/IEC 14443-4 in the field. */
export interface ContactlessCardOptions {
  /** The card itself, which answers every class but FF. Its own ATR is not used. */
  readonly card: SoftwareCard;
  /** The identifier: 4, 7 or 10 bytes. @default an example: 08 and three bytes, as of a card that makes a new one each time */
  readonly uid?: Uint8Array;
  /** The historical bytes of its ATS, at most 15: they are those of the ATR. @default none */
  readonly historicalBytes?: Uint8Array;
}

const softwareCard = having<SoftwareCard>(["reset", "powerOff", "process"], "a software card");
const cardOptions = optionsOf<ContactlessCardOptions>({
  card: softwareCard,
  uid: optional(byteString),
  historicalBytes: optional(byteString),
});

const exampleUid = Uint8Array.of(0x08, 0x1a, 0x2b, 0x3c);
const uidSizes: readonly number[] = [4, 7, 10];
const MAX_HISTORICAL_BYTES = 15;

/**
 * A processor card in the field of a contactless reader: the card's own commands, and the reader's of class FF for its UID
 * (`FF CA 00 00 00`) and the historical bytes of its ATS (`FF CA 01 00 00`). The ATR is the one that readers make for such a card.
 *
 * Put it into a reader that speaks T=1 alone, as contactless readers do: `new VirtualReader({ protocols: ["t1"], … })`.
 *
 * @see PC/SC part 3, 3.1.3.2.2 (ATR) and 3.2.2
 */
export class ContactlessCard implements SoftwareCard {
  readonly #card: SoftwareCard;
  readonly #atr: Uint8Array;
  readonly #reader: ReaderCommands;

  /** @throws invalid-parameter (no card), invalid-value (a UID of another length, more than 15 historical bytes) */
  constructor(options: ContactlessCardOptions) {
    const checked = cardOptions(options, { operation: "ContactlessCard", path: "options" });
    const { card, historicalBytes = new Uint8Array(0), uid = exampleUid } = checked;
    if (!uidSizes.includes(uid.length)) {
      throw new SmartCardError("invalid-value", `a UID has 4, 7 or 10 bytes, not ${uid.length}`);
    }
    if (historicalBytes.length > MAX_HISTORICAL_BYTES) {
      throw new SmartCardError(
        "invalid-value",
        `an ATR has 15 historical bytes at most, not ${historicalBytes.length}`,
      );
    }
    this.#card = card;
    this.#atr = buildAtr({ protocols: [0, 1], historicalBytes });
    this.#reader = new ReaderCommands(new ProcessorCard(copyBytes(uid)), copyBytes(historicalBytes));
  }

  reset(kind: "cold" | "warm"): Uint8Array {
    this.#card.reset(kind);
    return copyBytes(this.#atr);
  }

  powerOff(): void {
    this.#card.powerOff();
  }

  process(command: Uint8Array): Uint8Array | Promise<Uint8Array> {
    checkBytes(command, "process: command");
    if (command[0] !== READER_CLASS) return this.#card.process(command);
    const decoded = decodeCommand(command);
    if (!decoded.ok) return encodeAnswer(status(sw.wrongLength));
    try {
      return encodeAnswer(this.#reader.answer(decoded.value));
    } finally {
      zeroBytes(decoded.value.data);
    }
  }
}

/** A card whose commands go through the reader as they are: the reader itself has no memory of it to read. */
class ProcessorCard implements FieldCard {
  readonly uid: Uint8Array;

  constructor(uid: Uint8Array) {
    this.uid = uid;
  }

  enterField(): void {
    // The card itself is reset.
  }

  read(): Answer {
    return status(sw.functionNotSupported);
  }

  update(): Answer {
    return status(sw.functionNotSupported);
  }

  exchange(): undefined {
    // Its frames belong to the block protocol of ISO/IEC 14443-4, which the reader speaks for the card.
  }
}
