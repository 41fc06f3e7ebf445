// SPDX-License-Identifier: MIT

import { expect, it } from "vitest";
import { decodeHex, encodeHex } from "../../base/binary/index.ts";
import { generatorFrom } from "./generator.ts";

/** Numbers of the RFC have the most significant byte first, X25519 has the least significant one first. */
function reversed(hex: string): Uint8Array {
  const decoded = decodeHex(hex);
  if (!decoded.ok) throw new Error(hex);
  return decoded.value.toReversed();
}

// RFC 9380, J.4.2 (curve25519_XMD:SHA-512_ELL2_NU_): u[0], and the x of map_to_curve(u).
it.each([
  [
    "608d892b641f0328523802a6603427c26e55e6f27e71a91a478148d45b5093cd",
    "51125222da5e763d97f3c10fcc92ea6860b9ccbbd2eb1285728f566721c1e65b",
  ],
  [
    "46f5b22494bfeaa7f232cc8d054be68561af50230234d7d1d63d1d9abeca8da5",
    "7d56d1e08cb0ccb92baf069c18c49bb5a0dcd927eff8dcf75ca921ef7f3e6eeb",
  ],
  [
    "235fe40c443766ce7e18111c33862d66c3b33267efa50d50f9e8e5d252a40aaa",
    "3fbe66b9c9883d79e8407150e7c2a1c8680bee496c62fabe4619a72b3cabe90f",
  ],
  [
    "001e92a544463bda9bd04ddbe3d6eed248f82de32f522669efc5ddce95f46f5b",
    "227e0bb89de700385d19ec40e857db6e6a3e634b1c32962f370d26f84ff19683",
  ],
  [
    "1a68a1af9f663592291af987203393f707305c7bac9c8d63d6a729bdc553dc19",
    "3bcd651ee54d5f7b6013898aab251ee8ecc0688166fce6e9548d38472f6bd196",
  ],
])("a number maps to the point of the RFC: %s", (u, x) => {
  expect(encodeHex(generatorFrom(reversed(u)).toReversed()).toLowerCase()).toBe(x);
});
