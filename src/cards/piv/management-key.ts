// SPDX-License-Identifier: MIT

import { hexBytes } from "../../base/binary/index.ts";
import { pivFactory } from "../../base/card-applications/index.ts";
import { type BlockCipher, matchesSecret } from "../software-card/index.ts";
import { type ManagementAlgorithm, managementAlgorithm } from "./algorithms.ts";
import type { PivContext } from "./piv-context.ts";

/** The management key that a new card has. */
export function factoryManagementKey(): Uint8Array {
  return hexBytes(pivFactory.managementKey);
}

/** Whether this is the key that a new card has. */
export function isFactoryKey(key: Uint8Array): boolean {
  return matchesSecret(factoryManagementKey(), key);
}

/** The management key as a cipher. */
export function managementCipher(card: PivContext, algorithm: ManagementAlgorithm): BlockCipher {
  return card.crypto.blockCipher(managementAlgorithm(algorithm).cipher, card.image.managementKey.value);
}
