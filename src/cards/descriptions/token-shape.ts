// SPDX-License-Identifier: MIT

import type { JsonOf, ValueOf } from "../../base/json/index.ts";
import * as is from "../../base/json/index.ts";
import { object } from "../../base/json/index.ts";

type FirmwareVersion = readonly [major: number, minor: number, patch: number];

const firmware = is
  .textLike(/^[0-9]{1,3}(?:\.[0-9]{1,3}){2}$/, 'a version such as "5.7.2"')
  .as((text, place): FirmwareVersion | undefined => {
    const [major = 0, minor = 0, patch = 0] = text.split(".").map(Number);
    const isByte = [major, minor, patch].every((part) => part <= 0xff);
    return isByte ? [major, minor, patch] : place.problem("has a number above 255");
  });

/** The YubiKey that a card is. */
export const tokenShape = object({
  firmware: firmware.about("The version of its firmware."),
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
