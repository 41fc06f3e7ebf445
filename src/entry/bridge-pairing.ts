// SPDX-License-Identifier: MIT

/** The part of `scard/bridge` that is loaded only where the bridge asks for a pairing code. */

import { type AgreedSecret, exchangeWithCode, type PairingRequest } from "../faces/bridge-client/index.ts";
import { pageCrypto, pageExchange } from "../platform/browser/index.ts";
import type { BridgeMeeting } from "../wire/bridge/index.ts";

/** The exchange of a pairing, with what the browser calculates. */
export function exchange(code: string, meeting: BridgeMeeting, share: Uint8Array): Promise<AgreedSecret | undefined> {
  return exchangeWithCode(code, meeting, share, { hmac: pageCrypto().hmac, exchange: pageExchange });
}

/** Asks with the browser's own prompt. */
export async function askInPage({ triesLeft }: PairingRequest): Promise<string | null> {
  const { prompt } = globalThis as { prompt?: (question: string) => string | null };
  if (prompt === undefined)
    throw new DOMException("the bridge asks for a pairing code: give the option pairingCode", "NotAllowedError");
  return prompt(`Type the code that "scard bridge" shows in its terminal (${triesLeft} tries left):`);
}
