// SPDX-License-Identifier: MIT

import { zeroBytes } from "../binary/index.ts";
import {
  beginExchange,
  type CommandApdu,
  commandForT0,
  decodeResponse,
  encodeCommand,
  type ResponseApdu,
  stepExchange,
} from "../iso7816/index.ts";
import { SmartCardError } from "./error.ts";
import type { Protocol } from "./vocabulary.ts";

/** How a command is exchanged with a card. */
export interface ExchangeSetting {
  /** The connection's protocol; `t0` has commands written as it carries them. */
  readonly protocol: Protocol | undefined;
  /** False to take the first response as it is. @default true: 61xx and 6Cxx are followed */
  readonly follow?: boolean;
  /** Class byte of GET RESPONSE. @default that of the command, without chaining and secure messaging */
  readonly getResponseClass?: number | undefined;
  /** Called with each sent command and its answer. */
  readonly answered?: (command: CommandApdu, sent: Uint8Array, answer: Uint8Array) => void;
}

/**
 * Sends a command and its follow-ups: GET RESPONSE after 61xx, the same command with the right Le after 6Cxx. The sent
 * bytes are overwritten with zeros: they may hold a PIN.
 *
 * @param transmit sends one command and brings its answer, SW1 SW2 included
 * @returns all data that came, and the last status word
 * @throws unsupported-feature (more than 255 bytes of data over T=0, before anything is sent); comm-error (an answer
 * without a status word, or answers that never end); and what `transmit` throws
 * @see ISO/IEC 7816-3:2006, 12.2; ISO/IEC 7816-4:2005, 5.1.3
 */
export async function exchangeCommand(
  command: CommandApdu,
  transmit: (command: Uint8Array) => Promise<Uint8Array>,
  setting: ExchangeSetting,
): Promise<ResponseApdu> {
  const send = async (next: CommandApdu): Promise<ResponseApdu> => {
    const bytes = encodeFor(setting.protocol, next);
    try {
      const answer = await transmit(bytes);
      setting.answered?.(next, bytes, answer);
      const decoded = decodeResponse(answer);
      if (decoded.ok) return decoded.value;
      throw new SmartCardError("comm-error", `the card's answer is not valid: ${decoded.error.message}`);
    } finally {
      zeroBytes(bytes);
    }
  };
  let response = await send(command);
  if (setting.follow === false) return response;
  for (let step = stepExchange(beginExchange(command), response); ; step = stepExchange(step.exchange, response)) {
    if (step.kind === "done") return step.response;
    if (step.kind === "failed") throw new SmartCardError("comm-error", `the card answers in circles: ${step.reason}`);
    const isGetResponse = step.command.ins === insGetResponse && setting.getResponseClass !== undefined;
    response = await send(isGetResponse ? { ...step.command, cla: setting.getResponseClass } : step.command);
  }
}

const insGetResponse = 0xc0;

/** @throws unsupported-feature */
function encodeFor(protocol: Protocol | undefined, command: CommandApdu): Uint8Array {
  if (protocol !== "t0") return encodeCommand(command);
  const carried = commandForT0(command);
  if (carried !== undefined) return encodeCommand(carried);
  const message =
    `T=0 carries at most 255 bytes of data in one command, not ${command.data.length}; connect with T=1, or send the ` +
    "data in parts (command chaining, ENVELOPE) if the card has them";
  throw new SmartCardError("unsupported-feature", message, { operation: "transmit" });
}
