// SPDX-License-Identifier: MIT

import type { JsonOf, ValueOf } from "../../base/json/index.ts";
import * as is from "../../base/json/index.ts";
import { object } from "../../base/json/index.ts";
import { firmwareShape } from "../software-card/index.ts";

/** The YubiKey that a card is. */
export const tokenShape = object({
  firmware: firmwareShape.about("The version of its firmware."),
  serialNumber: is.whole(1, 0xffff_ffff, "Its serial number."),
}).about("Makes the card a YubiKey: its name, its ATR, and the applications by which Yubico's programs know it.");

/** The YubiKey that a card is, as it stands in a description. */
export type TokenSource = JsonOf<typeof tokenShape>;
/** The same, read. */
export type TokenValue = ValueOf<typeof tokenShape>;

/** Writes a YubiKey as it stands in a description. */
export function savedToken({ firmware: version, serialNumber }: TokenValue): TokenSource {
  return { firmware: version.join("."), serialNumber };
}
