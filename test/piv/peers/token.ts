// SPDX-License-Identifier: MIT

import { type CardService, digitsOf, serveCard } from "../../peers/card-service.ts";
import type { PeerProgram } from "../../peers/peers.ts";

export const READER = "Yubico YubiKey CCID 00 00";
export const PIN = "123456";
export const PUK = "12345678";
export const MANAGEMENT_KEY = "010203040506070801020304050607080102030405060708";
/** Where Debian keeps PKCS#11 modules. */
const LIBRARIES = `/usr/lib/${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu`;
export const OPENSC_MODULE = `${LIBRARIES}/opensc-pkcs11.so`;
export const YKCS11_MODULE = `${LIBRARIES}/libykcs11.so`;
export const OPENSSL_ENGINE = `${LIBRARIES}/engines-3/pkcs11.so`;

const SET_UP = "scripts/setup-peers.sh installs it on Debian.";

/** A program, or a file of one, that the tests use. */
export function peer(name: string): PeerProgram {
  return { name, remedy: SET_UP, probe: () => undefined };
}

/** Our daemon with a PIV card in a reader that has a token's name, for the tests of one file. */
export function useToken(card = "piv"): CardService {
  const secrets = [PIN, PUK, "654321"].map(digitsOf);
  return serveCard({ card, reader: READER, secrets: [...secrets, MANAGEMENT_KEY, MANAGEMENT_KEY.slice(0, 16)] });
}
