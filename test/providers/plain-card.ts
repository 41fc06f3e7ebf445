// SPDX-License-Identifier: MIT

import { decodeHex, encodeHex } from "../../src/base/binary/index.ts";
import type { SoftwareCard } from "../../src/entry/cards.ts";
import { type ISCardManage, iso7816Provider } from "../../src/faces/providers/index.ts";
import { EchoCard } from "../manager/world.ts";
import { world } from "./world.ts";

/** A card that knows the commands that are listed, in hexadecimal, and answers 6D00 to all others. */
export class PlainCard extends EchoCard implements SoftwareCard {
  readonly #answers: Readonly<Record<string, string>>;

  constructor(answers: Readonly<Record<string, string>>) {
    super("3B8180018080");
    this.#answers = answers;
  }

  override process(command: Uint8Array): Uint8Array {
    this.commands.push(command.slice());
    const answer = decodeHex(this.#answers[encodeHex(command)] ?? "6D00");
    return answer.ok ? answer.value : Uint8Array.of(0x6f, 0x00);
  }
}

/** A program that is attached to such a card by the ISO 7816-4 provider. */
export async function plainWorld(
  answers: Readonly<Record<string, string>>,
): Promise<{ readonly manage: ISCardManage; readonly card: PlainCard }> {
  const card = new PlainCard(answers);
  const { name, program } = await world({ card });
  const manage = iso7816Provider(program("program").winscard);
  await manage.AttachByIFD(name);
  return { manage, card };
}
