// SPDX-License-Identifier: MIT

import { copyBytes, zeroBytes } from "../../base/binary/index.ts";
import { decodeCommand } from "../../base/iso7816/index.ts";
import {
  anyText,
  byteString,
  type Check,
  callback,
  having,
  listOf,
  partsOf,
  type Random,
  refuse,
  SmartCardError,
  shown,
  wholeNumber,
} from "../../port/index.ts";
import type { BlockCipherFactory, SoftwareCard } from "../software-card/index.ts";
import { encodeAnswer, status, sw } from "../software-card/index.ts";
import { CardKey } from "./card-key.ts";
import { type CardState, openChannel } from "./card-state.ts";
import { answerCommand, forgetChannels } from "./command-dispatch.ts";
import { createFileSystem } from "./file-system.ts";
import type { CardImage } from "./file-system-image.ts";
import type { CardImageSource } from "./parse-card-image.ts";
import { Pin } from "./pin.ts";
import { describeCard } from "./save-card-image.ts";

/**
 * A card with files, PINs and keys, as ISO/IEC 7816-4 and 7816-9 have them, made from a description
 * (`parseCardImage`). docs/guide/software-cards.md says what it can do.
 *
 * It knows 20 logical channels, short and extended length fields and command chaining, but no secure messaging. Files,
 * PINs, keys and retry counters live as long as the object, and longer if {@link toImage} is saved; selected files,
 * channels and the security status until the next reset.
 *
 * A command without response data lets an Le pass that asks for some: none comes.
 */
export class FileSystemCard implements SoftwareCard {
  /** Its name in the description, for people. */
  readonly name: string;
  readonly #atr: Uint8Array;
  readonly #state: CardState;

  /**
   * @param random the source of challenges
   * @param createCipher what makes the ciphers of the card's keys; a card without keys needs none
   * @throws unsupported-feature for a card with keys without `createCipher`, and for a cipher that this machine does
   * not have
   */
  constructor(image: CardImage, random: Random, createCipher: BlockCipherFactory = noCipher) {
    const operation = "FileSystemCard";
    checkImage(image, { operation, path: "image" });
    having<Random>(["bytes"], "a source of random bytes: nodeRuntime().random")(random, { operation, path: "random" });
    callback("a function that makes ciphers")(createCipher, { operation, path: "createCipher" });
    this.name = image.name;
    this.#atr = copyBytes(image.atr);
    this.#state = {
      masterFile: createFileSystem(image.masterFile),
      pins: new Map(image.pins.map((pin) => [pin.reference, new Pin(pin)])),
      keys: new Map(image.keys.map((key) => [key.reference, new CardKey(key, createCipher)])),
      random,
      challengeBytes: image.challengeBytes,
      channels: new Map(),
    };
    this.#forget();
  }

  reset(): Uint8Array {
    this.#forget();
    return copyBytes(this.#atr);
  }

  powerOff(): void {
    this.#forget();
  }

  process(command: Uint8Array): Uint8Array {
    const decoded = decodeCommand(command);
    if (!decoded.ok) return encodeAnswer(status(sw.wrongLength));
    try {
      return encodeAnswer(answerCommand(this.#state, decoded.value));
    } finally {
      // It may hold a PIN.
      zeroBytes(decoded.value.data);
    }
  }

  /**
   * The description of the card as it is now, for `JSON.stringify`: a card that is made from it (`parseCardImage`)
   * behaves as this one does after a reset. It holds all PINs and keys in plain text: store it safely.
   */
  toImage(): CardImageSource {
    return describeCard(this.name, this.#atr, this.#state);
  }

  #forget(): void {
    forgetChannels(this.#state);
    openChannel(this.#state, 0);
  }
}

const anyObject: Check<object> = (value, place) =>
  typeof value === "object" && value !== null ? value : refuse(place, shown(value), "pass what parseCardImage() gives");

/** What is wrong inside of it, `parseCardImage` has said. */
const checkImage = partsOf<CardImage>(
  {
    name: anyText,
    atr: byteString,
    challengeBytes: wholeNumber(0, 65_536),
    pins: listOf(anyObject, "PINs") as Check<CardImage["pins"]>,
    keys: listOf(anyObject, "keys") as Check<CardImage["keys"]>,
    masterFile: anyObject as Check<CardImage["masterFile"]>,
  },
  "a card image, as parseCardImage() gives it",
);

function noCipher(): never {
  const remedy = "pass the card something that makes ciphers: scard/embedded has nodeBlockCipher";
  throw new SmartCardError("unsupported-feature", `this card has keys; ${remedy}`);
}
