// SPDX-License-Identifier: MIT

import type { OpenPgpSource } from "../../src/cards/openpgp/index.ts";
import { type CardService, digitsOf, serveCard } from "../peers/card-service.ts";

export const SERIAL_NUMBER = "0000A1B2";

/**
 * Our daemon with an OpenPGP card in a virtual reader, for the tests of one file.
 *
 * @param source what makes the card another one than it is when it is new
 * @param passwords that the tests use besides those of a new card
 */
export function useOpenPgpCard(source: OpenPgpSource = {}, passwords: readonly string[] = []): CardService {
  const openpgp = { serialNumber: SERIAL_NUMBER, ...source };
  return serveCard({
    card: { kind: "openpgp", version: 1, applications: { openpgp } },
    secrets: ["12345678", "123456", ...passwords].map(digitsOf),
  });
}
