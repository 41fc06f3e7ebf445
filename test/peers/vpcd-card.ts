// SPDX-License-Identifier: MIT

import { compileC } from "./compile.ts";
import { Program } from "./program.ts";

/** The ATR of vpcd-card.c: T=0 and T=1, historical bytes "peers". */
export const VPCD_CARD_ATR = "3B858001706565727375";

/** The card of vpcd-card.c, in the reader at a port. */
export class VpcdCard {
  readonly #program: Program;

  private constructor(program: Program) {
    this.#program = program;
  }

  /** Puts the card into the reader. The service may see it a little later. */
  static async insert(port: number): Promise<VpcdCard> {
    const card = new VpcdCard(new Program(compileC("vpcd-card", ["test/peers/vpcd-card.c"]), [String(port)]));
    await card.#program.line((line) => line.startsWith("in "));
    return card;
  }

  /** Puts it in or pulls it; returns the monotonic clock's reading from just before, in nanoseconds. */
  async move(where: "in" | "out"): Promise<bigint> {
    this.#program.write(`${where}\n`);
    const [, at = "0"] = (await this.#program.line()).split(" ");
    return BigInt(at);
  }

  /** Does away with it. */
  async end(): Promise<void> {
    await this.#program.end();
  }
}
