// SPDX-License-Identifier: MIT

import type { ApplicationCommand } from "../applications/index.ts";
import type { CardCrypto } from "../crypto/index.ts";
import type { Answer } from "../software-card/index.ts";
import type { PivImage } from "./piv-image.ts";
import type { SecurityStatus } from "./security-status.ts";

/** What all commands of a PIV card application work on. */
export interface PivContext {
  readonly image: PivImage;
  readonly security: SecurityStatus;
  readonly crypto: CardCrypto;
  /** The image has changed, and should be saved. */
  readonly changed: () => void;
}

/** One command of the PIV card application: never throws for any command, and keeps no reference to its data. */
export type PivInstruction = (card: PivContext, command: ApplicationCommand) => Answer | Promise<Answer>;

/** Whether the card has the commands and objects of Yubico's tokens. */
export function isYubico(card: PivContext): boolean {
  return card.image.extensions === "yubico";
}

/** Whether the firmware is as new as that. */
export function hasFirmware({ image }: PivContext, major: number, minor: number, patch = 0): boolean {
  const [a, b, c] = image.firmware;
  return a * 65_536 + b * 256 + c >= major * 65_536 + minor * 256 + patch;
}
