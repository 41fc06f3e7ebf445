// SPDX-License-Identifier: MIT

import { copyBytes, isBytes, kindOf } from "../../base/binary/index.ts";
import { byteString, type HostCrypto, SmartCardError } from "../../port/index.ts";
import type { AdminChallenge } from "./card-module.ts";
import type { FailurePlace } from "./failures.ts";

/**
 * What answers a card's challenge: an administrator's key, or a function that has it.
 *
 * @throws invalid-parameter (neither of both; an answer that is no bytes)
 */
export function adminSecret(
  secret: unknown,
  library: HostCrypto,
  place: FailurePlace,
): (challenge: AdminChallenge) => Promise<Uint8Array> {
  if (typeof secret !== "function" && !isBytes(secret)) {
    const message = `secret is ${kindOf(secret)}; give the key as a Uint8Array, or a function that answers the challenge`;
    throw new SmartCardError("invalid-parameter", message, place);
  }
  return async (challenge) => {
    const answer: unknown = await (typeof secret === "function"
      ? secret(challenge)
      : enciphered(challenge, secret, library));
    return copyBytes(byteString(answer, { operation: place.operation, path: "the answer to the challenge" }));
  };
}

function enciphered({ challenge, cipher }: AdminChallenge, key: Uint8Array, library: HostCrypto): Uint8Array {
  const { blockBytes, encrypt } = library.blockCipher(cipher, key);
  const answer = new Uint8Array(challenge.length);
  for (let at = 0; at < challenge.length; at += blockBytes)
    answer.set(encrypt(challenge.subarray(at, at + blockBytes)), at);
  return answer;
}
