// SPDX-License-Identifier: MIT

import type { Field } from "../../base/binary/index.ts";
import { anyText, optional, optionsOf, SmartCardError, wholeNumber } from "../../port/index.ts";
import { type AnswerReader, bodyReader } from "./answer-readers.ts";
import { MAX_READER_NAME_BYTES, MAX_TRAILING_BYTES } from "./limits.ts";
import { connectStruct, controlStruct, reconnectStruct, transmitStruct } from "./messages.ts";
import { encodeRequest, type Request } from "./requests.ts";

/** The arguments of SCardConnect. */
export interface ConnectTerms {
  readonly context: number;
  /** At most 127 bytes of UTF-8. */
  readonly reader: string;
  readonly shareMode: number;
  readonly preferredProtocols: number;
}

/** The arguments of SCardReconnect. */
export interface ReconnectTerms {
  readonly card: number;
  readonly shareMode: number;
  readonly preferredProtocols: number;
  readonly initialization: number;
}

/** Only the return code: 0 or an error's number in the dialect `pcsclite`. */
export interface Outcome {
  readonly rv: number;
}

/** A connect: rv, and the connection. */
export interface ConnectOutcome extends Outcome {
  readonly card: number;
  readonly activeProtocol: number;
}

/** A reconnect: rv, and the protocol agreed on. */
export interface ReconnectOutcome extends Outcome {
  readonly activeProtocol: number;
}

/** The size of the caller's buffer for the answer. */
export interface ReceiveOptions {
  /** Room for the answer, in bytes. @default 65,548, all that the protocol can carry */
  readonly receiveLength?: number;
}

/** A transmit: rv, and what the service answers. */
export interface TransmitOutcome extends Outcome {
  /** The receive PCI's protocol. */
  readonly protocol: number;
  /** Empty unless rv is 0. */
  readonly response: Uint8Array;
  /** The response's length where it did not fit. */
  readonly neededLength: number;
}

/** A control: rv, and what the reader answers. */
export interface ControlOutcome extends Outcome {
  /** Empty unless rv is 0. */
  readonly output: Uint8Array;
  /** The output's length where it did not fit. */
  readonly neededLength: number;
}

/** A request that is written and may be sent, more than once if need be: see `ClientSession.send`. */
export interface PreparedRequest<T> {
  readonly request: Uint8Array;
  readonly reader: AnswerReader<T>;
}

const number = wholeNumber(0, 0xffff_ffff);
const connectTerms = optionsOf<ConnectTerms>({
  context: number,
  reader: anyText,
  shareMode: number,
  preferredProtocols: number,
});
const reconnectTerms = optionsOf<ReconnectTerms>({
  card: number,
  shareMode: number,
  preferredProtocols: number,
  initialization: number,
});
const receiveOptions = optionsOf<ReceiveOptions>({ receiveLength: optional(wholeNumber(0, 0xffff_ffff, "bytes")) });

/** @throws invalid-parameter */
function roomIn(options: ReceiveOptions, operation: string): number {
  const { receiveLength = MAX_TRAILING_BYTES } = receiveOptions(options, { operation, path: "options" });
  return receiveLength;
}

/** Writes the request of a connect. @throws invalid-handle, invalid-parameter, unknown-reader (a name that is too long) */
export function prepareConnect(terms: ConnectTerms): PreparedRequest<ConnectOutcome> {
  const checked = connectTerms(terms, { operation: "connect", path: "terms" });
  const nameBytes = new TextEncoder().encode(checked.reader).length;
  if (nameBytes >= MAX_READER_NAME_BYTES) {
    throw new SmartCardError("unknown-reader", `no reader has a name of ${nameBytes} bytes`);
  }
  const value = ({ rv, card, activeProtocol }: ConnectOutcome) => ({ rv, card, activeProtocol });
  return prepare(checked.context, { kind: "connect", ...checked }, connectStruct, value);
}

/** Writes the request of a reconnect. @throws invalid-handle, invalid-parameter */
export function prepareReconnect(terms: ReconnectTerms): PreparedRequest<ReconnectOutcome> {
  const checked = reconnectTerms(terms, { operation: "reconnect", path: "terms" });
  const value = ({ rv, activeProtocol }: ReconnectOutcome) => ({ rv, activeProtocol });
  return prepare(checked.card, { kind: "reconnect", ...checked }, reconnectStruct, value);
}

/** sizeof(SCARD_IO_REQUEST) on every 64-bit Linux. */
const PCI_BYTES = 16;
/** SCARD_PROTOCOL_ANY: what libpcsclite sends as receive PCI for a caller without one. */
const ANY_PROTOCOL = 3;

/** Writes the request of a transmit, with a copy of the command. @throws TypeError (not bytes), invalid-handle, invalid-parameter */
export function prepareTransmit(
  card: number,
  protocol: number,
  command: Uint8Array,
  options: ReceiveOptions = {},
): PreparedRequest<TransmitOutcome> {
  const receiveLength = roomIn(options, "transmit");
  return prepare(
    card,
    {
      kind: "transmit",
      card,
      sendProtocol: protocol,
      sendPciLength: PCI_BYTES,
      receiveProtocol: ANY_PROTOCOL,
      receivePciLength: PCI_BYTES,
      receiveLength,
      command,
    },
    transmitStruct,
    (answer, response) => ({
      rv: answer.rv,
      protocol: answer.receiveProtocol,
      response,
      neededLength: answer.receiveLength,
    }),
    (answer) => followedBy(answer.rv, answer.receiveLength, receiveLength),
  );
}

/** Writes the request of a control, with a copy of the input. @throws TypeError (not bytes), invalid-handle, invalid-parameter */
export function prepareControl(
  card: number,
  code: number,
  input: Uint8Array,
  options: ReceiveOptions = {},
): PreparedRequest<ControlOutcome> {
  const receiveLength = roomIn(options, "control");
  return prepare(
    card,
    { kind: "control", card, code, input, receiveLength },
    controlStruct,
    (answer, output) => ({ rv: answer.rv, output, neededLength: answer.bytesReturned }),
    (answer) => followedBy(answer.rv, answer.bytesReturned, receiveLength),
  );
}

/**
 * Writes a request about a context or a card. 0 is not a valid handle, and would be taken for a signal.
 *
 * @throws invalid-handle, invalid-parameter (the wire has no room for an argument)
 */
export function prepare<B, T>(
  handle: number,
  request: Request,
  body: Field<B>,
  value: (body: B, trailing: Uint8Array) => T,
  trailing: (body: B) => number | string = () => 0,
): PreparedRequest<T> {
  if (handle === 0) throw new SmartCardError("invalid-handle", "no context and no card has it");
  const encoded = encode(request);
  return { request: encoded, reader: bodyReader({ body, repeats: encoded, trailing, value }) };
}

/** Writes a request. @throws TypeError (not bytes), invalid-parameter (the wire has no room for an argument) */
export function encode(request: Request): Uint8Array {
  try {
    return encodeRequest(request);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw noRoom(error);
  }
}

function noRoom(cause: RangeError): SmartCardError {
  return new SmartCardError("invalid-parameter", cause.message, {}, { cause });
}

/** How many bytes follow an answer that says to have `length` of them, for which there is `room`. */
function followedBy(rv: number, length: number, room: number): number | string {
  if (rv !== 0) return 0;
  return length <= Math.min(room, MAX_TRAILING_BYTES)
    ? length
    : `${length} bytes are to follow, and there is room for ${room}`;
}
