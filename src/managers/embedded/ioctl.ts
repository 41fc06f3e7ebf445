// SPDX-License-Identifier: MIT

import { bytes, struct, u32le } from "../../base/binary/index.ts";
import {
  type CardState,
  type ClassFunction,
  cardStates,
  fromNumber,
  type PowerAction,
  type Protocol,
  protocolMask,
  protocols,
  protocolsInMask,
  SmartCardError,
} from "../../port/index.ts";
import type { ConnectionState } from "./connection-state.ts";

/** A reader as the functions of Windows' class driver use it, in the turn of one connection. */
export interface IoctlTarget {
  /** Resets the card, or takes its power. @throws no-smartcard, unresponsive-card */
  power(connection: ConnectionState, action: PowerAction): Promise<Uint8Array>;
  /** Agrees on a protocol. @throws no-smartcard, proto-mismatch, unresponsive-card */
  setProtocol(connection: ConnectionState, preferred: readonly Protocol[]): Promise<Protocol>;
  readonly cardState: CardState;
  /** @throws as the port's transmit */
  transmit(connection: ConnectionState, command: Uint8Array, protocol: Protocol | undefined): Promise<Uint8Array>;
  /** Moves the card out. @throws no-smartcard, unsupported-feature */
  eject(): Promise<void>;
  /** @throws not-supported */
  getAttribute(attribute: number): Uint8Array;
  /** @throws not-supported */
  setAttribute(attribute: number, value: Uint8Array): void;
}

const dword = struct("DWORD", { value: u32le });
/** SCARD_IO_REQUEST, at the head of both buffers of IOCTL_SMARTCARD_TRANSMIT. */
const ioRequest = struct("SCARD_IO_REQUEST", { protocol: u32le, pciLength: u32le });
const none = new Uint8Array();

/** SCARD_POWER_DOWN, SCARD_COLD_RESET, SCARD_WARM_RESET. */
const powerActions: readonly PowerAction[] = ["power-down", "cold-reset", "warm-reset"];
/** SCARD_PROTOCOL_DEFAULT: with the parameters that the card has of itself; it names no protocol. */
const ANY_PROTOCOL_BIT = 0x8000_0000;

/** Why no reader of this manager has a function. */
const lacking = {
  confiscate: "no reader keeps cards",
  swallow: "a card is in position as soon as it is put in",
  read: "it is obsolete, and Microsoft does not document it",
  write: "it is obsolete, and Microsoft does not document it",
  "get-perf-cntr": "Microsoft does not say what it answers; SCardGetTransmitCount counts the exchanges",
} as const satisfies Partial<Readonly<Record<ClassFunction, string>>>;

/**
 * Does what a function of Windows' class driver does, but for the two that wait for a card.
 *
 * @throws invalid-parameter (the input is not what the function takes), unsupported-feature (no reader has it)
 * @see Smart card driver IOCTLs (winsmcrd.h), Microsoft
 */
export async function answerIoctl(
  name: Exclude<ClassFunction, "is-present" | "is-absent">,
  input: Uint8Array,
  connection: ConnectionState,
  target: IoctlTarget,
): Promise<Uint8Array> {
  const { reader } = connection;
  switch (name) {
    case "power": {
      const number = dwordOf(
        input,
        "a DWORD: SCARD_POWER_DOWN (0), SCARD_COLD_RESET (1) or SCARD_WARM_RESET (2)",
        reader,
      );
      const action = powerActions[number];
      if (action === undefined) throw bad(`unknown power operation ${number}`, reader);
      return await target.power(connection, action);
    }
    case "get-attribute":
      return target.getAttribute(dwordOf(input, "a DWORD: the attribute", reader));
    case "set-attribute": {
      if (input.length < dword.size) throw bad("the input is a DWORD, the attribute, and its value", reader);
      target.setAttribute(dwordOf(input.subarray(0, dword.size), "", reader), input.subarray(dword.size));
      return none;
    }
    case "set-protocol": {
      const mask = dwordOf(input, "a DWORD: the protocols, SCARD_PROTOCOL_", reader);
      const named = protocolsInMask(mask);
      const preferred: readonly Protocol[] =
        named.length === 0 && (mask & ANY_PROTOCOL_BIT) !== 0 ? ["t0", "t1"] : named;
      if (preferred.length === 0) throw bad(`protocol mask 0x${mask.toString(16)} names no protocol`, reader);
      return dword.encode({ value: protocolMask([await target.setProtocol(connection, preferred)]) });
    }
    case "get-state":
      return dword.encode({ value: cardStates[target.cardState].windows });
    case "transmit":
      return await transmit(input, connection, target);
    case "eject":
      await target.eject();
      return none;
    case "get-last-error":
      return dword.encode({ value: connection.lastError });
    case "confiscate":
    case "swallow":
    case "read":
    case "write":
    case "get-perf-cntr": {
      const message = `IOCTL_SMARTCARD_${name.toUpperCase().replaceAll("-", "_")}: ${lacking[name]}`;
      throw new SmartCardError("unsupported-feature", message, { reader, operation: "control" });
    }
  }
}

async function transmit(input: Uint8Array, connection: ConnectionState, target: IoctlTarget): Promise<Uint8Array> {
  const { reader } = connection;
  const head = ioRequest.decode(input.subarray(0, ioRequest.size));
  if (!head.ok || head.value.pciLength < ioRequest.size || head.value.pciLength > input.length) {
    throw bad("the input must be an SCARD_IO_REQUEST with its length, followed by the command", reader);
  }
  const protocol = fromNumber(protocols, head.value.protocol);
  if (protocol === undefined) {
    const details = { reader, operation: "control" };
    throw new SmartCardError(
      "proto-mismatch",
      `unknown protocol ${head.value.protocol} in the SCARD_IO_REQUEST`,
      details,
    );
  }
  const response = await target.transmit(connection, input.subarray(head.value.pciLength), protocol);
  const answer = struct("transmit", { head: ioRequest, response: bytes(response.length) });
  return answer.encode({ head: { protocol: head.value.protocol, pciLength: ioRequest.size }, response });
}

function dwordOf(input: Uint8Array, what: string, reader: string): number {
  const decoded = dword.decode(input);
  if (!decoded.ok) throw bad(`the input is ${what}; it has ${input.length} bytes`, reader);
  return decoded.value.value;
}

function bad(message: string, reader: string): SmartCardError {
  return new SmartCardError("invalid-parameter", message, { reader, operation: "control" });
}
