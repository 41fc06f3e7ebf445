// SPDX-License-Identifier: MIT

import { concatBytes, type Result, success, zeroBytes } from "../../base/binary/index.ts";
import type { CommandApdu } from "../../base/iso7816/index.ts";
import { type Answer, status, sw } from "./status.ts";

/** A command with all of its data. */
export interface WholeCommand {
  readonly command: CommandApdu;
  /** What goes out for the answer to it: 6700 after a chain becomes 6A87 ({@link notRepeated}). */
  answer(answer: Answer): Answer;
}

/**
 * The commands of a chain on one logical channel. All but the last have the chaining bit in their class byte; their data is
 * put together, and the last is carried out with all of it. A command that does not continue the chain ends it.
 *
 * @see ISO/IEC 7816-4:2005, 5.1.1.1
 */
export class CommandChain {
  readonly #maxBytes: number;
  /** Undefined between chains. The header is INS, P1 and P2, the same in all commands of a chain. */
  #open: { readonly header: string; readonly data: Uint8Array } | undefined;

  /** @param maxBytes most data of all commands of a chain; 6A84 answers more */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Takes a command that has the chaining bit. */
  add(command: CommandApdu): Answer {
    const data = this.#withOpen(command);
    this.drop();
    if (data.length > this.#maxBytes) {
      zeroBytes(data);
      return status(sw.notEnoughMemory);
    }
    this.#open = { header: headerOf(command), data };
    return status(sw.success);
  }

  /**
   * Takes a command without the chaining bit, with the data of the chain where it ends one. Overwrite its data when it was
   * carried out, and pass its answer through `answer`.
   */
  end(command: CommandApdu): Result<WholeCommand, Answer> {
    const chained = this.#open?.header === headerOf(command);
    const data = chained ? this.#withOpen(command) : command.data;
    this.drop();
    if (!chained) return success({ command, answer: (answer) => answer });
    if (data.length <= this.#maxBytes) return success({ command: { ...command, data }, answer: notRepeated });
    zeroBytes(data);
    return { ok: false, error: status(sw.notEnoughMemory) };
  }

  /** Ends a chain that is open. Its data may hold a PIN. */
  drop(): void {
    if (this.#open !== undefined) zeroBytes(this.#open.data);
    this.#open = undefined;
  }

  #withOpen(command: CommandApdu): Uint8Array {
    const before = this.#open?.header === headerOf(command) ? this.#open.data : new Uint8Array(0);
    return concatBytes(before, command.data);
  }
}

/**
 * 6700 as 6A87. After 6700 a T=0 reader tries the command in another form, which would be carried out alone: the chain or
 * the envelopes before it are gone.
 */
export function notRepeated(answer: Answer): Answer {
  return answer.status === sw.wrongLength ? status(sw.wrongLcForP1P2) : answer;
}

function headerOf({ ins, p1, p2 }: CommandApdu): string {
  return `${ins} ${p1} ${p2}`;
}
