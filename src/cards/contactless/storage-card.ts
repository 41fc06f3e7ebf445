// SPDX-License-Identifier: MIT

import { checkBytes, copyBytes, zeroBytes } from "../../base/binary/index.ts";
import { decodeCommand } from "../../base/iso7816/index.ts";
import { encodeAnswer, type SoftwareCard, status, sw } from "../software-card/index.ts";
import type { FieldCard } from "./field-card.ts";
import { READER_CLASS, ReaderCommands } from "./reader-commands.ts";

/** A storage card and its reader together, as a card for a virtual reader: commands of class FF, and no others. */
export class StorageCard implements SoftwareCard {
  readonly #card: FieldCard;
  readonly #atr: Uint8Array;
  readonly #commands: ReaderCommands;

  constructor(card: FieldCard, atr: Uint8Array) {
    this.#card = card;
    this.#atr = atr;
    this.#commands = new ReaderCommands(card);
  }

  reset(): Uint8Array {
    this.#card.enterField();
    return copyBytes(this.#atr);
  }

  powerOff(): void {
    this.#card.enterField();
  }

  process(command: Uint8Array): Uint8Array {
    checkBytes(command, "process: command");
    const decoded = decodeCommand(isDirectTransmit(command) ? withRightLength(command) : command);
    if (!decoded.ok) return encodeAnswer(status(sw.wrongLength));
    try {
      const { cla } = decoded.value;
      return encodeAnswer(cla === READER_CLASS ? this.#commands.answer(decoded.value) : status(sw.wrongClass));
    } finally {
      // It may hold a password or a key.
      zeroBytes(decoded.value.data);
    }
  }
}

const HEADER_BYTES = 5;

function isDirectTransmit(command: Uint8Array): boolean {
  return (
    command.length > HEADER_BYTES &&
    command.length <= HEADER_BYTES + 0xff &&
    [0xff, 0, 0, 0].every((byte, at) => command[at] === byte)
  );
}

/** Readers pass a frame on as it came, and programs rely on that: nfc-pcsc's example of FAST_READ has an Lc that is too large by two. */
function withRightLength(command: Uint8Array): Uint8Array {
  const copy = copyBytes(command);
  copy[HEADER_BYTES - 1] = command.length - HEADER_BYTES;
  return copy;
}
