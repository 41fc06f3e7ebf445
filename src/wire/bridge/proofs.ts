// SPDX-License-Identifier: MIT

import { concatBytes } from "../../base/binary/index.ts";
import { BRIDGE_VERSION } from "./limits.ts";

// What page and service prove to each other. `H(key, data)` is HMAC-SHA-256, `M` the bytes of a meeting, labels stand in quotes.
//
// A pairing has a secret T of 32 bytes, which never travels. The page keeps it; the service keeps what proves, and what is proved, but not T
// (as in SCRAM, RFC 5802, 3):
//   name = H(T, "name"), its first 16 bytes     pageKey = H(T, "page key")
//   stored = H(pageKey, "stored key")           serviceKey = H(T, "service key")
//
// The service proves itself first:   hello{nonce, name} -> challenge{nonce, H(serviceKey, M "service")} -> prove{pageKey xor H(stored, M "page")}
//
// A pairing (CPace, draft-irtf-cfrg-cpace: who does not know the code can try one in each exchange, and none afterwards):
//   G = generatorFrom(H(code, M "generator")), each side has a scalar and shows its share, the scalar times G
//   S = H(scalar times the other's share, M "exchange" share-of-the-page share-of-the-service)
//   pairingWanted{nonce, share} -> pair{share, H(S, "page")} -> welcome{H(S, "service")}; T = H(S, "secret")

/** What both sides know of one connection: every proof is about all of it, so that none is good for another. */
export interface BridgeMeeting {
  /** The origin of the page: as it knows it itself, and as the browser has told the service. */
  readonly origin: string;
  /** Where the page has connected to, and the service listens: `127.0.0.1:41964`. So no program between two ports can hand proofs on. */
  readonly address: string;
  readonly pageNonce: Uint8Array;
  readonly serviceNonce: Uint8Array;
}

/** The bytes of a meeting, for what a label says. With other members they are others: what varies in length is JSON, the rest is 32 bytes each. */
export function meetingBytes(
  label: "service" | "page" | "generator" | "exchange",
  { address, origin, pageNonce, serviceNonce }: BridgeMeeting,
  ...shares: readonly Uint8Array[]
): Uint8Array {
  const head = labelBytes(JSON.stringify([label, origin, address]));
  return concatBytes(head, pageNonce, serviceNonce, ...shares);
}

/** The bytes of a label: of this version, and of nothing else. */
export function labelBytes(label: string): Uint8Array {
  return new TextEncoder().encode(`scard bridge ${BRIDGE_VERSION}: ${label}`);
}
