// SPDX-License-Identifier: MIT

import { encodeBerTlv, instructions } from "../../base/iso7816/index.ts";
import type { ModuleHost } from "./card-module.ts";
import { valueAt } from "./tlv-values.ts";

/** GENERAL AUTHENTICATE in its form for BER-TLV. */
export const GENERAL_AUTHENTICATE: number = instructions.GENERAL_AUTHENTICATE + 1;
/** Tags of the dynamic authentication template. ISO/IEC 7816-4:2005, 7.5.5. */
export const authenticationTags = { template: 0x7c, challenge: 0x81, response: 0x82, exponential: 0x85 } as const;
const tags = authenticationTags;

/** The key of the administrator: P1 and P2. */
interface AdminKey {
  readonly p1: number;
  readonly p2: number;
}

/** External authentication: the card gives a challenge. @throws SmartCardError with the status, where the card refuses */
export async function adminChallenge(host: ModuleHost, key: AdminKey): Promise<Uint8Array> {
  const data = encodeBerTlv([{ tag: tags.template, children: [{ tag: tags.challenge, value: new Uint8Array(0) }] }]);
  const answer = await host.send({ cla: 0, ins: GENERAL_AUTHENTICATE, ...key, data, le: 256 });
  const challenge = valueAt(host.data(answer, "give a challenge"), tags.template, tags.challenge);
  if (challenge === undefined) throw host.failure(answer.sw, "give a challenge that can be read");
  return challenge;
}

/** The response to it. @param name what the card calls the key @throws SmartCardError with the status, where the card refuses */
export async function answerChallenge(
  host: ModuleHost,
  key: AdminKey,
  response: Uint8Array,
  name: string,
): Promise<void> {
  const data = encodeBerTlv([{ tag: tags.template, children: [{ tag: tags.response, value: response }] }]);
  host.data(await host.send({ cla: 0, ins: GENERAL_AUTHENTICATE, ...key, data }), `take the ${name}`);
}
