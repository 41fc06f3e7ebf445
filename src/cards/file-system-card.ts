// SPDX-License-Identifier: MIT

import { copyBytes, zeroBytes } from "../binary/index.ts";
import { type CommandApdu, decodeClassByte, decodeCommand } from "../iso7816/index.ts";
import type { Random } from "../pcsc/index.ts";
import { readBinary, readBinaryOdd, updateBinary, updateBinaryOdd } from "./binary-commands.ts";
import type { CardState, Instruction } from "./card-state.ts";
import { createFileSystem } from "./file-system.ts";
import type { CardImage } from "./file-system-image.ts";
import { PinStore } from "./pin-store.ts";
import { appendRecord, readRecord, updateRecord } from "./record-commands.ts";
import { getChallenge, verify } from "./security-commands.ts";
import { select } from "./select-command.ts";
import type { SoftwareCard } from "./software-card.ts";
import { type Answer, encodeAnswer, status, sw } from "./status.ts";

/** By INS. ISO/IEC 7816-4:2005, table 4. */
const instructions: ReadonlyMap<number, Instruction> = new Map([
  [0x20, verify],
  [0x84, getChallenge],
  [0xa4, select],
  [0xb0, readBinary],
  [0xb1, readBinaryOdd],
  [0xb2, readRecord],
  [0xd6, updateBinary],
  [0xd7, updateBinaryOdd],
  [0xdc, updateRecord],
  [0xe2, appendRecord],
]);

/**
 * A card with files and PINs, as ISO/IEC 7816-4 has them, made from a description (`parseCardImage`).
 *
 * It knows SELECT, READ and UPDATE BINARY, READ, UPDATE and APPEND RECORD, VERIFY and GET CHALLENGE, with short and
 * extended length fields, on the basic logical channel, without secure messaging or command chaining. Contents and
 * retry counters live as long as the object; selected files and verified PINs until the next reset.
 *
 * A command without response data lets an Le pass that asks for some: none comes.
 */
export class FileSystemCard implements SoftwareCard {
  /** What its description calls it, for people. */
  readonly name: string;
  readonly #atr: Uint8Array;
  readonly #state: CardState;

  /** @param random where challenges come from */
  constructor(image: CardImage, random: Random) {
    this.name = image.name;
    this.#atr = copyBytes(image.atr);
    const masterFile = createFileSystem(image.masterFile);
    this.#state = {
      masterFile,
      pins: new PinStore(image.pins),
      random,
      challengeBytes: image.challengeBytes,
      currentDf: masterFile,
      currentEf: undefined,
      currentRecord: undefined,
    };
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
      return encodeAnswer(this.#carryOut(decoded.value));
    } finally {
      // It may hold a PIN.
      zeroBytes(decoded.value.data);
    }
  }

  #carryOut(command: CommandApdu): Answer {
    const wrongClass = checkClass(command.cla);
    if (wrongClass !== undefined) return status(wrongClass);
    const instruction = instructions.get(command.ins);
    return instruction === undefined ? status(sw.wrongInstruction) : instruction(this.#state, command);
  }

  #forget(): void {
    const state = this.#state;
    state.pins.forgetAll();
    state.currentDf = state.masterFile;
    state.currentEf = undefined;
    state.currentRecord = undefined;
  }
}

/** The status word for a class byte that the card does not work with. ISO/IEC 7816-4:2005, 5.1.1 and table 6. */
function checkClass(cla: number): number | undefined {
  const decoded = decodeClassByte(cla);
  if (decoded.kind !== "interindustry") return sw.wrongClass;
  if (decoded.secureMessaging !== "none") return sw.secureMessagingNotSupported;
  if (decoded.channel !== 0) return sw.channelNotSupported;
  if (decoded.chaining) return sw.chainingNotSupported;
  return undefined;
}
