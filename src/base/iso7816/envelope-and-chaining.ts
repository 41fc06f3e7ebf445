// SPDX-License-Identifier: MIT

import { type CommandApdu, encodeCommand, MAX_SHORT_DATA_BYTES, MAX_SHORT_LE } from "./apdu.ts";
import { decodeAtr } from "./atr.ts";
import { decodeClassByte, plainClassByte } from "./class-byte.ts";
import { ExchangeError } from "./exchange-error.ts";
import { instructions } from "./instruction.ts";
import { commandForT0 } from "./t0-command.ts";

/**
 * How a command with more than 255 bytes of data reaches the card. Shorter commands are never cut.
 *
 * - `extended`: in one command with extended length fields. T=0 cannot carry it.
 * - `envelope`: the command with extended length fields, cut into the data of ENVELOPE commands (C2). It is how
 *   ISO/IEC 7816-3:2006, 12.2.7 and 12.2.8, map such a command onto T=0.
 * - `chaining`: the data, cut into a chain of commands with short length fields. ISO/IEC 7816-4:2005, 5.1.1.1.
 */
export type LongData = "extended" | "envelope" | "chaining";

/** The protocols of ISO/IEC 7816-3 and of PC/SC; T=0 alone has rules of its own for an APDU. */
export type ExchangeProtocol = "t0" | "t1" | "raw" | "t15";

/** A command, as one or more commands that the protocol carries. */
export interface CarriedCommand {
  readonly method: LongData;
  /** To be sent one after the other; all but the last are answered with 9000 where the card goes on. Never empty. */
  readonly commands: readonly CommandApdu[];
  /** The bytes that the ENVELOPE commands share: to be cleared at the end, as a PIN or a key may be in them. */
  readonly content: Uint8Array | undefined;
}

/** How to carry a command. */
export interface CarriageOptions {
  readonly protocol?: ExchangeProtocol | undefined;
  readonly longData?: LongData | undefined;
  /** Class byte of ENVELOPE. @default that of the command, without chaining and secure messaging */
  readonly transportClass?: number | undefined;
}

const BIT_CHAINING = 0x10;

/**
 * How a card asks for long data in its ATR: `chaining` where its capabilities have command chaining and no extended length
 * fields. Undefined for any other card, and then the protocol decides.
 *
 * @param atr the card's ATR
 * @see ISO/IEC 7816-4:2005, 8.1.1.2.7, table 88
 */
export function longDataOf(atr: Uint8Array): LongData | undefined {
  const decoded = decodeAtr(atr);
  const historical = decoded.ok ? decoded.value.historical : undefined;
  const transport = historical?.kind === "compact-tlv" ? historical.capabilities?.transport : undefined;
  return transport?.commandChaining === true && !transport.extendedLength ? "chaining" : undefined;
}

/**
 * The commands that carry a command over a protocol: itself, as T=0 writes it with T=0; or its parts, where it has more than
 * 255 bytes of data and the protocol or `longData` asks for parts.
 *
 * @throws ExchangeError: cannot-send
 */
export function carryCommand(command: CommandApdu, options: CarriageOptions): CarriedCommand {
  const method = methodFor(command, options);
  switch (method) {
    case "extended":
      return { method, commands: [shortest(command, options)], content: undefined };
    case "envelope":
      return envelopes(command, options.transportClass ?? plainClassByte(command.cla));
    case "chaining":
      return { method, commands: chain(command).map((part) => shortest(part, options)), content: undefined };
  }
}

/** @throws ExchangeError: cannot-send */
function methodFor(command: CommandApdu, { longData, protocol }: CarriageOptions): LongData {
  const { length } = command.data;
  if (length <= MAX_SHORT_DATA_BYTES) return "extended";
  const method = longData ?? (protocol === "t0" ? "envelope" : "extended");
  if (method === "extended" && protocol === "t0") {
    const message = `T=0 has no extended length fields for ${length} bytes of data; use "envelope" or "chaining"`;
    throw new ExchangeError("cannot-send", message);
  }
  if (method === "chaining" && decodeClassByte(command.cla).kind !== "interindustry") {
    const message = `only an interindustry class says that a command is chained, and ${length} bytes need a chain`;
    throw new ExchangeError("cannot-send", message);
  }
  return method;
}

function shortest(command: CommandApdu, { protocol }: CarriageOptions): CommandApdu {
  return (protocol === "t0" ? commandForT0(command) : undefined) ?? command;
}

function envelopes(command: CommandApdu, cla: number): CarriedCommand {
  const content = encodeCommand({ ...command, extended: true });
  const commands = portions(content).map((data) => {
    return { cla, ins: instructions.ENVELOPE, p1: 0, p2: 0, data, le: undefined, extended: false };
  });
  return { method: "envelope", commands, content };
}

/** The data of the parts is that of the command, not a copy. */
function chain(command: CommandApdu): readonly CommandApdu[] {
  const { cla, le } = command;
  const parts = portions(command.data);
  return parts.map((data, index) => {
    if (index < parts.length - 1) return { ...command, cla: cla | BIT_CHAINING, data, le: undefined, extended: false };
    return { ...command, data, le: le === undefined ? undefined : Math.min(le, MAX_SHORT_LE), extended: false };
  });
}

function portions(bytes: Uint8Array): readonly Uint8Array[] {
  const count = Math.ceil(bytes.length / MAX_SHORT_DATA_BYTES);
  return Array.from({ length: count }, (_, index) =>
    bytes.subarray(index * MAX_SHORT_DATA_BYTES, (index + 1) * MAX_SHORT_DATA_BYTES),
  );
}
