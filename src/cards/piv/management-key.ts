// SPDX-License-Identifier: MIT

import { decodeHex } from "../../base/binary/index.ts";
import { type BlockCipher, matchesSecret } from "../software-card/index.ts";
import { type ManagementAlgorithm, managementAlgorithm } from "./algorithms.ts";
import type { PivContext } from "./piv-context.ts";

/** The key that every token leaves the factory with. */
const FACTORY_KEY = "010203040506070801020304050607080102030405060708";

/** The management key that a new card has. */
export function factoryManagementKey(): Uint8Array {
  const decoded = decodeHex(FACTORY_KEY);
  if (!decoded.ok) throw new TypeError(decoded.error.message);
  return decoded.value;
}

/** Whether this is the key that a new card has. */
export function isFactoryKey(key: Uint8Array): boolean {
  return matchesSecret(factoryManagementKey(), key);
}

/** The management key as a cipher. */
export function managementCipher(card: PivContext, algorithm: ManagementAlgorithm): BlockCipher {
  return card.crypto.blockCipher(managementAlgorithm(algorithm).cipher, card.image.managementKey.value);
}
