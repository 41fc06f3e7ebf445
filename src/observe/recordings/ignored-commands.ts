// SPDX-License-Identifier: MIT

import { checkList, checkText, quoteWord } from "../../base/binary/index.ts";
import { instructionName, instructions } from "../../base/iso7816/index.ts";
import { type RecordedBytes, recordedLength } from "./recorded-bytes.ts";

/**
 * Commands whose data, or whose answer, is another each time, as a program or a card draws it by chance: challenges, and what is
 * calculated from them.
 */
export const randomCommands: readonly string[] = [
  "GET CHALLENGE",
  "INTERNAL AUTHENTICATE",
  "EXTERNAL AUTHENTICATE",
  "GENERAL AUTHENTICATE",
];

const HEADER_BYTES = 4;

/** Commands of which only the header is compared. */
export class IgnoredCommands {
  readonly #names: ReadonlySet<string>;

  /**
   * @param names of commands, as the standard writes them, beside {@link randomCommands}
   * @throws TypeError, RangeError (a name that ISO/IEC 7816-4 does not have)
   */
  constructor(names: readonly string[]) {
    checkList(names, "names of commands", "ignoring");
    for (const name of names) {
      checkText(name, "ignoring: a name");
      if (!knownNames.has(name.toUpperCase()))
        throw new RangeError(
          `ignoring: ${quoteWord(name)} is no command of ISO/IEC 7816-4; one is "PERFORM SECURITY OPERATION"`,
        );
    }
    this.#names = new Set([...randomCommands, ...names.map((name) => name.toUpperCase())]);
  }

  /** Whether only the header of this command is compared. */
  has(command: RecordedBytes): boolean {
    const [cla = 0, ins = 0] = command.before;
    if (command.before.length < 2) return false;
    const name = instructionName(cla, ins);
    return name !== undefined && this.#names.has(name);
  }

  /** Whether two commands have the same header, of 4 bytes, and are such. */
  areAlike(one: RecordedBytes, other: RecordedBytes): boolean {
    if (!this.has(one) || recordedLength(other) < HEADER_BYTES) return false;
    return [0, 1, 2, 3].every((index) => one.before[index] !== undefined && one.before[index] === other.before[index]);
  }
}

const knownNames: ReadonlySet<string> = new Set(Object.keys(instructions).map((name) => name.replaceAll("_", " ")));
