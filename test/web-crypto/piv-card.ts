// SPDX-License-Identifier: MIT

import { type OpenCard, openCard } from "../../src/entry/modules.ts";
import { testRig } from "../../src/entry/test-rig.ts";
import { algorithms, generate } from "../modules/piv-keys.ts";

/** A key of each kind, by its slot. */
const kinds = {
  "9A": algorithms.rsa2048,
  "9C": algorithms.p256,
  "9D": algorithms.p384,
  "9E": algorithms.ed25519,
  "82": algorithms.x25519,
} as const;

/** A slot with a key of a kind of its own. */
export type Slot = keyof typeof kinds;

/** The slots in the order of a card's list. */
export const allSlots: readonly Slot[] = ["9A", "9C", "9D", "9E", "82"];

/** Makes the keys of these slots. */
export async function generateIn(card: OpenCard, slots: readonly Slot[]): Promise<void> {
  for (const slot of slots) await generate(card, slot, kinds[slot]);
}

/** A PIV card with keys that is open, and its reader. */
export interface PivCard {
  readonly card: OpenCard;
  close(): Promise<void>;
}

/** Opens a new PIV card with the keys of these slots; its PIN is given where it is asked for. */
export async function openPivCard(slots: readonly Slot[]): Promise<PivCard> {
  const rig = await testRig({ card: "piv" });
  const card = await openCard(await rig.connect(), { pin: () => "123456" });
  await generateIn(card, slots);
  return {
    card,
    close: async () => {
      await card.close();
      await rig.close();
    },
  };
}
