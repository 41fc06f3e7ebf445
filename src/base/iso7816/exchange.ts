// SPDX-License-Identifier: MIT

import {
  checkList,
  checkMembers,
  checkObject,
  checkTruth,
  checkWhole,
  checkWord,
  concatBytes,
} from "../binary/index.ts";
import {
  type CommandApdu,
  type CommandInit,
  checkResponseApdu,
  completeCommand,
  MAX_EXTENDED_LE,
  type ResponseApdu,
} from "./apdu.ts";
import { type CarriedCommand, carryCommand, type ExchangeProtocol, type LongData } from "./envelope-and-chaining.ts";
import type { ExchangeErrorCode } from "./exchange-error.ts";
import { followUp } from "./follow-up.ts";
import { statusWords } from "./status-word.ts";

/**
 * Most commands that one exchange may take after the command itself was sent, which counts as one: GET RESPONSE, and
 * repetitions with all their parts. 65,536 bytes in portions of 64 need 1,024; a card that wants more is answering in
 * circles.
 */
export const MAX_FOLLOW_UP_ROUNDS = 1024;
/** Most response data that one exchange may gather, in bytes: as much as one extended response can hold. */
export const MAX_FOLLOW_UP_DATA_BYTES: number = MAX_EXTENDED_LE;

/** How a command is exchanged with a card. */
export interface ExchangeOptions {
  /** The protocol in use. @default none of T=0: the command is sent as it is written */
  readonly protocol?: ExchangeProtocol | undefined;
  /** How more than 255 bytes of data are sent. @default "envelope" with T=0, "extended" otherwise */
  readonly longData?: LongData | undefined;
  /** False to take the response to the command as it is. @default true: 61xx and 6Cxx are followed up */
  readonly follow?: boolean | undefined;
  /**
   * Class byte of GET RESPONSE and ENVELOPE, 0 to 255. @default that of the command, without chaining and secure messaging
   */
  readonly transportClass?: number | undefined;
}

/** The members of {@link ExchangeOptions}. */
export const exchangeMembers: readonly (keyof ExchangeOptions)[] = ["protocol", "longData", "follow", "transportClass"];

/** An exchange under way. It is not changed: a step makes another one. */
export interface Exchange {
  /** The command to send now, as the protocol carries it. */
  readonly command: CommandApdu;
  readonly options: ExchangeOptions;
  /** What the command is, or is a part of: the caller's command, or GET RESPONSE. */
  readonly whole: CommandApdu;
  readonly carried: CarriedCommand;
  /** The place of `command` among those of `carried`. */
  readonly at: number;
  /** The response data so far. */
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
  /** There will be no response; the code and the reason say why. */
  | { readonly kind: "failed"; readonly code: ExchangeErrorCode; readonly reason: string };

/**
 * Begins an exchange: send its `command`, then {@link stepExchange} with the response, until a step says that it is done.
 * {@link runExchange} does all of it.
 *
 * The commands to send share memory with the data of `command`, which must not change until the end.
 *
 * @throws ExchangeError: cannot-send (extended length fields over T=0, chaining in a class that has none); TypeError and
 * RangeError as {@link encodeCommand}, and for unknown options
 */
export function beginExchange(command: CommandInit, options: ExchangeOptions = {}): Exchange {
  checkOptions(options);
  const whole = completeCommand(command, "beginExchange");
  return carry(whole, { options, parts: [], dataBytes: 0, rounds: 1 });
}

/**
 * Takes one response of an exchange. Data that comes with 61xx is joined with what follows; data that comes with 6Cxx
 * is dropped, as the repeated command brings it again. Where the repeated command would be the same bytes again, 6Cxx is the
 * answer.
 *
 * Of a command in parts, any response but 9000 to a part is the answer, and the parts behind it are not sent. Only the
 * first ENVELOPE tells whether the card knows that command: 6D00 or 6E00 to it ends the exchange with `no-envelope`. After
 * 6Cxx to the last part all parts are sent again, as the card has aborted the process.
 *
 * @throws TypeError, RangeError (not an exchange, or not a response)
 * @see ISO/IEC 7816-3:2006, 12.2; ISO/IEC 7816-4:2005, 5.1.1.1, 5.1.3 and 7.6
 */
export function stepExchange(exchange: Exchange, response: ResponseApdu): ExchangeStep {
  checkExchange(exchange);
  checkResponseApdu(response, "stepExchange: response");
  const { at, carried, options, whole } = exchange;
  const isLast = at === carried.commands.length - 1;
  if (!isLast && response.sw === statusWords.success) return sending({ ...exchange, ...partAt(carried, at + 1) });
  if (!isLast && isUnknownEnvelope(exchange, response)) {
    const reason = `the card does not know ENVELOPE, which T=0 needs for ${whole.data.length} bytes of data`;
    return { kind: "failed", code: "no-envelope", reason };
  }
  const next = options.follow === false ? ({ kind: "done" } as const) : followUp(whole, response);
  if (next.kind === "repeat") return isLast ? repeat(exchange, next.command, response) : finish(exchange, response);
  if (next.kind === "done") return finish(exchange, response);
  return gather(exchange, response, (gathered) => {
    const { transportClass: cla = next.command.cla } = options;
    return goOn(gathered, { ...next.command, cla });
  });
}

/** ISO/IEC 7816-3:2006, 12.2.7: 6D00 to the first ENVELOPE; a class without that instruction is answered 6E00. */
function isUnknownEnvelope({ at, carried }: Exchange, { sw }: ResponseApdu): boolean {
  return (
    carried.method === "envelope" && at === 0 && (sw === statusWords.wrongInstruction || sw === statusWords.wrongClass)
  );
}

/** A card that would be given the same bytes again has no better answer. */
function repeat(exchange: Exchange, command: CommandApdu, response: ResponseApdu): ExchangeStep {
  const { carried, options, whole } = exchange;
  const isSame =
    carried.method === "envelope"
      ? command.le === whole.le
      : carryCommand(command, options).commands.at(-1)?.le === exchange.command.le;
  return isSame ? finish(exchange, response) : goOn(exchange, command);
}

function goOn(exchange: Gathered, command: CommandApdu): ExchangeStep {
  const next = carry(command, exchange);
  const rounds = exchange.rounds + next.carried.commands.length;
  if (rounds <= MAX_FOLLOW_UP_ROUNDS) return sending({ ...next, rounds });
  return {
    kind: "failed",
    code: "endless-response",
    reason: `no final response after ${MAX_FOLLOW_UP_ROUNDS} commands`,
  };
}

function finish(exchange: Exchange, response: ResponseApdu): ExchangeStep {
  return gather(exchange, response, ({ parts }) => {
    return { kind: "done", response: { ...response, data: concatBytes(...parts) } };
  });
}

type Gathered = Pick<Exchange, "options" | "parts" | "dataBytes" | "rounds">;

/** Adds the data of a response, and goes on unless that is too much. */
function gather(
  exchange: Exchange,
  { data }: ResponseApdu,
  proceed: (gathered: Exchange) => ExchangeStep,
): ExchangeStep {
  const dataBytes = exchange.dataBytes + data.length;
  if (dataBytes > MAX_FOLLOW_UP_DATA_BYTES) {
    const reason = `more than ${MAX_FOLLOW_UP_DATA_BYTES} bytes of response data`;
    return { kind: "failed", code: "response-too-long", reason };
  }
  const parts = data.length === 0 ? exchange.parts : [...exchange.parts, data];
  return proceed({ ...exchange, parts, dataBytes });
}

function carry(whole: CommandApdu, { dataBytes, options, parts, rounds }: Gathered): Exchange {
  const carried = carryCommand(whole, options);
  return { ...partAt(carried, 0), options, whole, carried, parts, dataBytes, rounds };
}

function partAt(carried: CarriedCommand, at: number): Pick<Exchange, "command" | "at"> {
  const command = carried.commands[at];
  if (command === undefined) throw new RangeError(`a command of ${carried.commands.length} parts has no part ${at}`);
  return { command, at };
}

function sending(exchange: Exchange): ExchangeStep {
  return { kind: "send", command: exchange.command, exchange };
}

const protocolWords: readonly string[] = ["t0", "t1", "raw", "t15"];
const longDataWords: readonly string[] = ["extended", "envelope", "chaining"];

function checkOptions(options: ExchangeOptions): void {
  checkMembers(options, exchangeMembers, "beginExchange: options");
  const { follow, longData, protocol, transportClass } = options;
  if (protocol !== undefined) checkWord(protocol, protocolWords, "beginExchange: options.protocol");
  if (longData !== undefined) checkWord(longData, longDataWords, "beginExchange: options.longData");
  if (follow !== undefined) checkTruth(follow, "beginExchange: options.follow");
  if (transportClass !== undefined) checkWhole(transportClass, 0, 0xff, "beginExchange: options.transportClass");
}

function checkExchange(exchange: unknown): asserts exchange is Exchange {
  const [name, remedy] = ["stepExchange: exchange", "pass one that beginExchange() or stepExchange() gave"];
  checkObject(exchange, name, remedy);
  const { carried, options, parts }: Partial<Exchange> = exchange;
  checkObject(carried, `${name}.carried`, remedy);
  checkObject(options, `${name}.options`, remedy);
  checkList(parts, "bytes", `${name}.parts`);
}
