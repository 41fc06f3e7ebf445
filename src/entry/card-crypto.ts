// SPDX-License-Identifier: MIT

import type { CardCrypto } from "../cards/crypto/index.ts";
import { nodeRuntime } from "../platform/node/runtime/index.ts";
import { having, type Random } from "../port/index.ts";

const randomness = having<Random>(["bytes"], "a source of random bytes: nodeRuntime().random");

/**
 * What the applications of a card calculate with, on this machine: Node's own cryptography and `@noble/curves`, which is
 * loaded now and not before.
 *
 * @param random where keys of elliptic curves and challenges come from @default this machine's own
 * @throws invalid-parameter (not a source of random bytes)
 */
export async function nodeCardCrypto(random: Random = nodeRuntime().random): Promise<CardCrypto> {
  const checked = randomness(random, { operation: "nodeCardCrypto", path: "random" });
  const { makeCardCrypto } = await import("../platform/node/crypto/index.ts");
  return makeCardCrypto(checked);
}
