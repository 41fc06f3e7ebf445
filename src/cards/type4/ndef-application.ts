// SPDX-License-Identifier: MIT

import { copyBytes, hexBytes } from "../../base/binary/index.ts";
import { applicationIdentifiers, instructions } from "../../base/iso7816/index.ts";
import { byteString, callback, optional, optionsOf, SmartCardError, truth, wholeNumber } from "../../port/index.ts";
import type { ApplicationCommand, CardApplication } from "../applications/index.ts";
import { type Answer, status, sw } from "../software-card/index.ts";

/** What an NDEF application holds. */
export interface NdefApplicationOptions {
  /** The NDEF message. @default none: the file is there, and empty */
  readonly message?: Uint8Array;
  /** Bytes of the NDEF file, with the two that hold the message's length: 5 to 32,767. @default 2048, or more where the message needs it */
  readonly fileBytes?: number;
  /** Whether the message cannot be written. @default false */
  readonly readOnly?: boolean;
  /** Called when a command has changed the message. */
  readonly changed?: () => void;
}

const applicationOptions = optionsOf<NdefApplicationOptions>({
  message: optional(byteString),
  fileBytes: optional(wholeNumber(5, 0x7fff, "bytes")),
  readOnly: optional(truth),
  changed: optional(callback<() => void>("a function that is told of changes")),
});

// NFC Forum, Type 4 Tag, version 2.0, 5.1
const CAPABILITY_CONTAINER = 0xe103;
const NDEF_FILE = 0xe104;
const MAPPING_VERSION = 0x20;
const NDEF_FILE_CONTROL = 0x04;
const MAX_READ_BYTES = 255;
const MAX_UPDATE_BYTES = 255;
const LENGTH_BYTES = 2;
const FREE = 0x00;
const NEVER = 0xff;
const DEFAULT_FILE_BYTES = 2048;
const P1_BY_FILE_ID = 0x00;
const P2_FIRST_NO_ANSWER = 0x0c;

/**
 * The application of an NFC Forum Type 4 tag: a capability container and a file with an NDEF message. Put it on an
 * `ApplicationCard`, and that into a `ContactlessCard`.
 *
 * @see NFC Forum, Type 4 Tag, version 2.0
 */
export class NdefApplication implements CardApplication {
  readonly aid: Uint8Array = hexBytes(applicationIdentifiers.ndef);
  readonly #file: Uint8Array;
  readonly #container: Uint8Array;
  readonly #isReadOnly: boolean;
  readonly #changed: () => void;
  #current: "container" | "ndef" | undefined;

  /** @throws invalid-parameter (no options object, sizes out of range), invalid-value (a message that does not fit into the file) */
  constructor(options: NdefApplicationOptions = {}) {
    const checked = applicationOptions(options, { operation: "NdefApplication", path: "options" });
    const { changed = () => {}, message = new Uint8Array(0), readOnly = false } = checked;
    const { fileBytes = Math.max(DEFAULT_FILE_BYTES, message.length + LENGTH_BYTES) } = checked;
    if (message.length + LENGTH_BYTES > fileBytes || fileBytes > 0x7fff) {
      throw new SmartCardError(
        "invalid-value",
        `a message of ${message.length} bytes does not fit into ${fileBytes} bytes`,
      );
    }
    this.#isReadOnly = readOnly;
    this.#changed = changed;
    this.#file = new Uint8Array(fileBytes);
    this.#file.set([message.length >> 8, message.length & 0xff]);
    this.#file.set(message, LENGTH_BYTES);
    const u16 = (value: number): readonly number[] => [value >> 8, value & 0xff];
    this.#container = Uint8Array.of(
      ...u16(15),
      MAPPING_VERSION,
      ...u16(MAX_READ_BYTES),
      ...u16(MAX_UPDATE_BYTES),
      ...[NDEF_FILE_CONTROL, 6, ...u16(NDEF_FILE), ...u16(fileBytes), FREE, readOnly ? NEVER : FREE],
    );
  }

  /** The NDEF message: a copy. A length that a program has written and that the file does not have counts as the file's. */
  get message(): Uint8Array {
    const [high = 0, low = 0] = this.#file;
    return this.#file.slice(LENGTH_BYTES, LENGTH_BYTES + ((high << 8) | low));
  }

  select(): Answer {
    this.#current = undefined;
    return status(sw.success);
  }

  deselect(): void {
    this.#current = undefined;
  }

  reset(): void {
    this.#current = undefined;
  }

  process(command: ApplicationCommand): Answer {
    if (command.cla !== 0x00) return status(sw.wrongClass);
    switch (command.ins) {
      case instructions.SELECT:
        return this.#selectFile(command);
      case instructions.READ_BINARY:
        return this.#read(command);
      case instructions.UPDATE_BINARY:
        return this.#update(command);
      default:
        return status(sw.wrongInstruction);
    }
  }

  #selectFile({ data, p1, p2 }: ApplicationCommand): Answer {
    if (p1 !== P1_BY_FILE_ID || (p2 & ~P2_FIRST_NO_ANSWER) !== 0) return status(sw.wrongP1P2);
    if (data.length !== 2) return status(sw.wrongLcForP1P2);
    const id = ((data[0] ?? 0) << 8) | (data[1] ?? 0);
    if (id !== CAPABILITY_CONTAINER && id !== NDEF_FILE) return status(sw.fileNotFound);
    this.#current = id === NDEF_FILE ? "ndef" : "container";
    return status(sw.success);
  }

  #read({ data, le, p1, p2 }: ApplicationCommand): Answer {
    if (this.#current === undefined) return status(sw.noCurrentFile);
    if (le === undefined || data.length > 0) return status(sw.wrongLength);
    const file = this.#current === "ndef" ? this.#file : this.#container;
    const offset = (p1 << 8) | p2;
    if (offset > 0x7fff || offset >= file.length) return status(sw.wrongOffset);
    const found = file.slice(offset, offset + Math.min(le, MAX_READ_BYTES + 1));
    return { data: found, status: found.length < le && le <= MAX_READ_BYTES ? sw.endOfFile : sw.success };
  }

  #update({ data, p1, p2 }: ApplicationCommand): Answer {
    if (this.#current === undefined) return status(sw.noCurrentFile);
    if (this.#current === "container" || this.#isReadOnly) return status(sw.securityNotSatisfied);
    const offset = (p1 << 8) | p2;
    if (data.length === 0) return status(sw.wrongLength);
    if (offset + data.length > this.#file.length) return status(sw.wrongOffset);
    this.#file.set(copyBytes(data), offset);
    this.#changed();
    return status(sw.success);
  }
}
