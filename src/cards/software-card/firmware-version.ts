// SPDX-License-Identifier: MIT

import type { Shape } from "../../base/json/index.ts";
import * as is from "../../base/json/index.ts";

/** The version of a token's firmware, each number 0 to 255. */
export type FirmwareVersion = readonly [major: number, minor: number, patch: number];

/** A version of firmware as it stands in a description: `"5.7.2"`. */
export const firmwareShape: Shape<FirmwareVersion, string> = is
  .textLike(/^[0-9]{1,3}(?:\.[0-9]{1,3}){2}$/, 'a version such as "5.7.2"')
  .as((text, place): FirmwareVersion | undefined => {
    const [major = 0, minor = 0, patch = 0] = text.split(".").map(Number);
    const isByte = [major, minor, patch].every((part) => part <= 0xff);
    return isByte ? [major, minor, patch] : place.problem("has a number above 255");
  });
