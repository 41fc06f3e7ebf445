// SPDX-License-Identifier: MIT

import type { Protocol, Random } from "../../port/index.ts";
import type { CardCrypto } from "../crypto/index.ts";
import type { BlockCipherFactory, SoftwareCard } from "../software-card/index.ts";
import type { ReadApplication } from "./application-kind.ts";

/** Protocols of contactless readers: they speak for the card, and have one way to do it. */
export const contactlessProtocols: readonly Protocol[] = ["t1"];

/** What cards need of the machine that they live on. */
export interface CardSurroundings {
  readonly random: Random;
  /** The ciphers of a file-system card's keys. */
  readonly createCipher: BlockCipherFactory;
  /** What applications calculate with. It is asked for when a card needs it, and not before. */
  crypto(): Promise<CardCrypto>;
}

/** A card that was made from its description. */
export interface PlannedCard {
  readonly card: SoftwareCard;
  /** The description of the card as it is now, for `JSON.stringify`. It holds PINs and keys in plain text. */
  describe(): object;
}

/** Where the changes of a card go: nowhere, so that it begins anew each time, or back into its file. */
export type Keep = "memory" | "file";

/** An application on a card, or what is on it in the place of one. */
interface CardContent extends Pick<ReadApplication, "facts" | "provision"> {
  /** The member of `applications` that describes it; undefined where a card has something else in its place. */
  readonly member: string | undefined;
  /** For people: `PIV`. */
  readonly name: string;
}

/** A description that was checked. It holds PINs and keys: do not print it. */
export interface CardPlan {
  readonly kind: string;
  readonly keep: Keep;
  /** The name that its reader should have, where programs look for one. */
  readonly reader: string | undefined;
  /** The protocols that its reader should speak, where they are not those of any virtual reader: contactless readers speak T=1. */
  readonly readerProtocols?: readonly Protocol[];
  /** What is on the card. */
  readonly contents: readonly CardContent[];
  /**
   * Makes the card.
   *
   * @param changed is called when something has changed that lasts: before the command that changed it is answered
   * @throws unsupported-feature where this machine lacks a cipher that the card needs
   */
  open(surroundings: CardSurroundings, changed: () => void): Promise<PlannedCard>;
}
