// SPDX-License-Identifier: MIT

import { decodeClassByte } from "../../base/iso7816/index.ts";
import { type Answer, status, sw } from "../software-card/index.ts";

/** What the card reads in a class byte, and what is left of it for the application. */
export interface CommandClass {
  readonly cla: number;
  readonly channel: number;
  readonly chaining: boolean;
}

/**
 * Takes a class byte apart. Interindustry classes: ISO/IEC 7816-4:2005, 5.1.1. Of the proprietary ones 80 to 83 and C0 to
 * CF have a channel as well (GlobalPlatform Card Specification 2.3.1, 11.1.4); the others belong to the application whole,
 * on the basic channel.
 *
 * @returns the answer where the card does not take the class
 */
export function classOfCommand(cla: number): CommandClass | Answer {
  const decoded = decodeClassByte(cla);
  switch (decoded.kind) {
    case "reserved":
    case "reader":
      return status(sw.wrongClass);
    case "proprietary":
      if (cla <= 0x83) return { cla: 0x80, channel: cla & 0x03, chaining: false };
      if (cla >= 0xc0 && cla <= 0xcf) return { cla: 0x80, channel: 4 + (cla & 0x0f), chaining: false };
      return { cla, channel: 0, chaining: false };
    case "interindustry":
      if (decoded.secureMessaging !== "none") return status(sw.secureMessagingNotSupported);
      return { cla: 0x00, channel: decoded.channel, chaining: decoded.chaining };
  }
}
