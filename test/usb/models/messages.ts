// SPDX-License-Identifier: MIT

/** CCID 1.1, 6.1 and 6.2: bMessageType of what the host sends and what the reader answers. */
export const commands = {
  setParameters: 0x61,
  powerOn: 0x62,
  powerOff: 0x63,
  getSlotStatus: 0x65,
  secure: 0x69,
  t0Apdu: 0x6a,
  escape: 0x6b,
  getParameters: 0x6c,
  resetParameters: 0x6d,
  iccClock: 0x6e,
  xfrBlock: 0x6f,
  mechanical: 0x71,
  abort: 0x72,
  setDataRateAndClock: 0x73,
} as const;

const answers = {
  dataBlock: 0x80,
  slotStatus: 0x81,
  parameters: 0x82,
  escape: 0x83,
  dataRateAndClock: 0x84,
} as const;

/** What a message of the interrupt endpoint says: CCID 1.1, 6.3. */
export const notices = { slotChange: 0x50, hardwareError: 0x51 } as const;

/** bError, CCID 1.1, table 6.2-2. A small number is the offset of the field that is wrong. */
export const errors = {
  notSupported: 0x00,
  badLength: 0x01,
  badSlot: 0x05,
  slotBusy: 0xe0,
  pinCancelled: 0xef,
  pinTimeout: 0xf0,
  autoSequence: 0xf2,
  deactivatedProtocol: 0xf3,
  procedureByteConflict: 0xf4,
  classNotSupported: 0xf5,
  protocolNotSupported: 0xf6,
  badAtrTck: 0xf7,
  badAtrTs: 0xf8,
  hardware: 0xfb,
  overrun: 0xfc,
  parity: 0xfd,
  mute: 0xfe,
  aborted: 0xff,
} as const;

/** Which message answers which: CCID 1.1, table 6.1-1. */
const answerOf: Readonly<Record<number, number>> = {
  [commands.setParameters]: answers.parameters,
  [commands.powerOn]: answers.dataBlock,
  [commands.powerOff]: answers.slotStatus,
  [commands.getSlotStatus]: answers.slotStatus,
  [commands.secure]: answers.dataBlock,
  [commands.t0Apdu]: answers.slotStatus,
  [commands.escape]: answers.escape,
  [commands.getParameters]: answers.parameters,
  [commands.resetParameters]: answers.parameters,
  [commands.iccClock]: answers.slotStatus,
  [commands.xfrBlock]: answers.dataBlock,
  [commands.mechanical]: answers.slotStatus,
  [commands.abort]: answers.slotStatus,
  [commands.setDataRateAndClock]: answers.dataRateAndClock,
};

export const HEADER_BYTES = 10;

/** A message of the host, taken apart. */
export interface Command {
  readonly type: number;
  readonly slot: number;
  readonly sequence: number;
  /** Bytes 7, 8 and 9: their meaning is the message's own. */
  readonly parameters: readonly [number, number, number];
  readonly data: Uint8Array;
}

/** What a slot says of its card: bmICCStatus. */
export type IccStatus = 0 | 1 | 2;
export const iccStatus = { active: 0, inactive: 1, absent: 2 } as const;

export type CommandStatus = 0 | 1 | 2;
export const commandStatus = { done: 0, failed: 1, timeExtension: 2 } as const;

export function answerTypeOf(command: number): number {
  return answerOf[command] ?? answers.slotStatus;
}

export function decodeCommand(message: Uint8Array): Command {
  const byte = (index: number): number => message[index] ?? 0;
  return {
    type: byte(0),
    slot: byte(5),
    sequence: byte(6),
    parameters: [byte(7), byte(8), byte(9)],
    data: message.subarray(HEADER_BYTES),
  };
}

/** How many bytes a message is to have, from its first ten. */
export function messageBytes(header: Uint8Array): number {
  return HEADER_BYTES + dword(header, 1);
}

export function encodeAnswer(answer: {
  readonly type: number;
  readonly slot: number;
  readonly sequence: number;
  readonly icc: IccStatus;
  readonly status: CommandStatus;
  readonly error: number;
  /** Byte 9: bChainParameter, bClockStatus, bProtocolNum. */
  readonly last: number;
  readonly data: Uint8Array;
}): Uint8Array {
  const message = new Uint8Array(HEADER_BYTES + answer.data.length);
  message[0] = answer.type;
  message.set(littleEndian(answer.data.length, 4), 1);
  message[5] = answer.slot;
  message[6] = answer.sequence;
  message[7] = answer.icc | (answer.status << 6);
  message[8] = answer.error;
  message[9] = answer.last;
  message.set(answer.data, HEADER_BYTES);
  return message;
}

export function littleEndian(value: number, length: number): number[] {
  return Array.from({ length }, (_, index) => (value >>> (8 * index)) & 0xff);
}

function dword(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let index = 3; index >= 0; index--) value = value * 256 + (bytes[at + index] ?? 0);
  return value;
}
