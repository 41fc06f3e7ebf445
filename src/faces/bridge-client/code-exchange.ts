// SPDX-License-Identifier: MIT

import { type BridgeMeeting, generatorFrom, meetingBytes } from "../../wire/bridge/index.ts";
import type { AgreedSecret, ExchangeCrypto } from "./ports.ts";

/**
 * Agrees on a secret with a program that knows the code: CPace, as `wire/bridge/proofs.ts` has it. Only a first pairing needs it, so it is in a file that
 * pages load then.
 *
 * @param share of the service
 * @returns undefined for a share of low order, which no bridge sends
 */
export async function exchangeWithCode(
  code: string,
  meeting: BridgeMeeting,
  share: Uint8Array,
  { exchange, hmac }: ExchangeCrypto,
): Promise<AgreedSecret | undefined> {
  const digits = new TextEncoder().encode(code.replace(/[\s-]/g, ""));
  const own = await exchange(generatorFrom(await hmac(digits, meetingBytes("generator", meeting))));
  const agreed = await own.agree(share).catch(() => undefined);
  if (agreed === undefined) return undefined;
  return { share: own.share, secret: await hmac(agreed, meetingBytes("exchange", meeting, own.share, share)) };
}
