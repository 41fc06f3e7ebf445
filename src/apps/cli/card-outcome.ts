// SPDX-License-Identifier: MIT

import { encodeHex, hexWord } from "../../base/binary/index.ts";
import type { ExchangeRedactor } from "../../base/iso7816/index.ts";
import { nodeClock } from "../../platform/node/runtime/index.ts";
import type { Connection, Protocol } from "../../port/index.ts";
import { type AnswerForPrograms, answerForPrograms, describeData } from "./answer.ts";
import { type ExchangeRecord, exchange, type Round } from "./card-exchange.ts";
import type { Paint } from "./terminal.ts";
import { duration } from "./text.ts";

/** The result of one command. */
export interface Outcome extends ExchangeRecord {
  /** How long it took, in milliseconds. */
  readonly ms: number;
  /** The instruction; undefined for a class that is not interindustry. */
  readonly ins: number | undefined;
}

/** Sends a command, and measures how long its answer takes. @throws as {@link exchange} */
export async function sendTimed(
  connection: Connection,
  command: Uint8Array,
  follow: boolean,
  redactor: ExchangeRedactor,
  signal: AbortSignal,
): Promise<Outcome> {
  const start = nodeClock.now();
  const { protocol } = connection;
  const send = (bytes: Uint8Array): Promise<Uint8Array> => connection.transmit(bytes, { protocol, signal });
  const record = await exchange(command, protocol, follow, send, redactor);
  // Other classes give the numbers of instructions other meanings.
  const [cla = 0, ins = 0] = command;
  return { ...record, ms: nodeClock.now() - start, ins: cla < 0x80 ? ins : undefined };
}

/** `T=1`. */
export function protocolName(protocol: Protocol): string {
  return protocol.replace(/^t(\d+)$/, "T=$1");
}

/** A result for people. @param option shows what is withheld */
export function describeOutcome(
  { ins, ms, response, rounds, withheldBytes }: Outcome,
  paint: Paint,
  option: string,
): string[] {
  const lines = rounds.flatMap((round) => describeRound(round, paint));
  const { kind, meaning } = answerForPrograms(response, withheldBytes, ins);
  const style = kind === "success" ? "green" : "yellow";
  lines.push(`  ${paint(style, `${hexWord(response.sw)} ${meaning}`)}  ${paint("dim", duration(ms))}`);
  lines.push(...describeData(response.data, withheldBytes, option).map((line) => `  ${line}`), "");
  return lines;
}

function describeRound({ sent, shown, text }: Round, paint: Paint): string[] {
  return [`${paint("bold", ">")} ${sent}`, `  ${paint("cyan", text)}`, `${paint("bold", "<")} ${shown.bytes}`];
}

/** A result as JSON has it. */
export function outcomeForPrograms({ ins, ms, response, rounds, withheldBytes }: Outcome): object {
  const answer: AnswerForPrograms = answerForPrograms(response, withheldBytes, ins);
  const [first] = rounds;
  return {
    command: first?.sent,
    description: first?.text,
    answer,
    rounds: rounds.map(roundForPrograms),
    ms: Number(ms.toFixed(3)),
  };
}

function roundForPrograms({ answer, sent, shown: { withheldBytes }, text }: Round): object {
  if (withheldBytes === 0) return { sent, text, answer };
  const sw = encodeHex(answer.subarray(withheldBytes));
  return { sent, text, withheldBytes, ...(sw !== "" && { sw }) };
}
