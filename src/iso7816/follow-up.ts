// SPDX-License-Identifier: MIT

import { concatBytes } from "../binary/index.ts";
import { type CommandApdu, maxExtendedLe, maxShortLe, type ResponseApdu } from "./apdu.ts";
import { plainClassByte } from "./class-byte.ts";

/**
 * Most commands that one exchange may take, GET RESPONSE and repetitions included. 65,536 bytes in portions of 64 need
 * 1,024; a card that exceeds this answers in a loop.
 */
export const maxFollowUpRounds = 1024;
/** Most response data that one exchange may gather, in bytes: as much as one extended response can hold. */
export const maxFollowUpDataBytes: number = maxExtendedLe;

/** The follow-up that a response requires. */
export type FollowUp =
  | { readonly kind: "done" }
  /** 61xx: the card holds response data; send this GET RESPONSE to fetch it. */
  | { readonly kind: "get-response"; readonly command: CommandApdu }
  /** 6Cxx: the card did nothing because Le was wrong; send this same command with the right one. */
  | { readonly kind: "repeat"; readonly command: CommandApdu };

/**
 * Returns the follow-up that a response requires. SW2 is the number of bytes in both cases, and 00 stands for 256.
 *
 * GET RESPONSE goes to the logical channel of the command, without its chaining and secure messaging bits, as it is a
 * command of the transport and belongs to no chain; a class that is not interindustry is kept as it is (A0 C0 of
 * GSM 11.11, FF C0 of contactless readers).
 *
 * @param command the command that was answered: what is repeated after 6Cxx.
 * @see ISO/IEC 7816-4:2005, 5.1.3 and 7.6.1; ISO/IEC 7816-3:2006, 12.2
 */
export function followUp(command: CommandApdu, response: ResponseApdu): FollowUp {
  const le = response.sw2 || maxShortLe;
  if (response.sw1 === 0x61) {
    const cla = plainClassByte(command.cla);
    const data = new Uint8Array(0);
    return { kind: "get-response", command: { cla, ins: 0xc0, p1: 0, p2: 0, data, le, extended: false } };
  }
  if (response.sw1 === 0x6c) return { kind: "repeat", command: { ...command, le } };
  return { kind: "done" };
}

/** An exchange under way: the command last sent, and what the card has answered so far. */
export interface Exchange {
  readonly command: CommandApdu;
  readonly parts: readonly Uint8Array[];
  readonly dataBytes: number;
  readonly rounds: number;
}

/** What to do after a response of an exchange. */
export type ExchangeStep =
  /** Send this command, and step again with its response. */
  | { readonly kind: "send"; readonly command: CommandApdu; readonly exchange: Exchange }
  /** All data in one response, with the status of the last one. */
  | { readonly kind: "done"; readonly response: ResponseApdu }
  /** The card passed a limit; the reason says which. */
  | { readonly kind: "failed"; readonly reason: string };

/** Begins an exchange that follows 61xx and 6Cxx up: send the command, then {@link stepExchange} with the response. */
export function beginExchange(command: CommandApdu): Exchange {
  return { command, parts: [], dataBytes: 0, rounds: 1 };
}

/**
 * Takes one response of an exchange. Data that comes with 61xx is joined with what follows; data that comes with 6Cxx
 * is dropped, as the repeated command brings it again; where the command already had that Le, 6Cxx is the final answer.
 */
export function stepExchange(exchange: Exchange, response: ResponseApdu): ExchangeStep {
  const next = followUp(exchange.command, response);
  // The command already had the Le that the card asks for, so repeating it would not help.
  if (next.kind === "repeat" && next.command.le === exchange.command.le) {
    return { kind: "done", response: { ...response, data: concatBytes(...exchange.parts, response.data) } };
  }
  const gained = next.kind === "repeat" ? 0 : response.data.length;
  const dataBytes = exchange.dataBytes + gained;
  if (dataBytes > maxFollowUpDataBytes) {
    return { kind: "failed", reason: `more than ${maxFollowUpDataBytes} bytes of response data` };
  }
  const parts = gained === 0 ? exchange.parts : [...exchange.parts, response.data];
  if (next.kind === "done") return { kind: "done", response: { ...response, data: concatBytes(...parts) } };
  if (exchange.rounds >= maxFollowUpRounds) {
    return { kind: "failed", reason: `no final response after ${maxFollowUpRounds} commands` };
  }
  const { command } = next;
  return { kind: "send", command, exchange: { command, parts, dataBytes, rounds: exchange.rounds + 1 } };
}
