// SPDX-License-Identifier: MIT

import { checkWhole } from "../binary/index.ts";

/** How a command is protected, as far as its class byte tells. ISO/IEC 7816-4:2005, 5.1.1, tables 2 and 3. */
export type SecureMessaging = "none" | "proprietary" | "header-not-processed" | "header-authenticated";

/**
 * What a class byte says. ISO/IEC 7816-4:2005, 5.1.1.
 *
 * - `interindustry`: coded by ISO/IEC 7816-4, with a logical channel (0 to 19), command chaining and secure messaging.
 * - `reserved`: 20 to 3F, left for future use by the standard.
 * - `proprietary`: 80 to FE, whose bits mean what the application says.
 * - `reader`: FF, which no card accepts. PC/SC part 3 addresses the reader with it.
 */
export type ClassByte =
  | {
      readonly kind: "interindustry";
      readonly channel: number;
      /** True on every command of a chain but the last one. */
      readonly chaining: boolean;
      readonly secureMessaging: SecureMessaging;
    }
  | { readonly kind: "reserved" }
  | { readonly kind: "proprietary" }
  | { readonly kind: "reader" };

const firstInterindustrySecurity: readonly SecureMessaging[] = [
  "none",
  "proprietary",
  "header-not-processed",
  "header-authenticated",
];

/** Reads a class byte, 0 to 255. ISO/IEC 7816-4:2005, 5.1.1. @throws RangeError, TypeError (any other value) */
export function decodeClassByte(cla: number): ClassByte {
  checkWhole(cla, 0, 0xff, "a class byte");
  if (cla === 0xff) return { kind: "reader" };
  if (cla >= 0x80) return { kind: "proprietary" };
  const chaining = (cla & 0x10) !== 0;
  if (cla >= 0x40) {
    const secureMessaging = (cla & 0x20) === 0 ? "none" : "header-not-processed";
    return { kind: "interindustry", channel: 4 + (cla & 0x0f), chaining, secureMessaging };
  }
  if (cla >= 0x20) return { kind: "reserved" };
  const secureMessaging = firstInterindustrySecurity[(cla >> 2) & 0x03] ?? "none";
  return { kind: "interindustry", channel: cla & 0x03, chaining, secureMessaging };
}

/**
 * The class byte of a plain command on the same logical channel: an interindustry class loses its chaining and secure
 * messaging bits; any other class is kept, as only its application knows what its bits mean.
 */
export function plainClassByte(cla: number): number {
  if (decodeClassByte(cla).kind !== "interindustry") return cla;
  return cla >= 0x40 ? cla & 0x4f : cla & 0x03;
}
