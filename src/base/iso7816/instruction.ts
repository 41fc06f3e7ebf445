// SPDX-License-Identifier: MIT

import { checkWhole } from "../binary/index.ts";

/** The offset data object that instructions with odd numbers take, READ BINARY B1 above all. ISO/IEC 7816-4:2005, 7.2.2. */
export const TAG_OFFSET = 0x54;
/** The discretionary data object, in which those instructions carry the bytes of the file. ISO/IEC 7816-4:2005, 7.2.2. */
export const TAG_DISCRETIONARY_DATA = 0x53;

/**
 * Instruction bytes of the interindustry classes, by the names of the standards. ISO/IEC 7816-4:2005, table 4; ISO/IEC
 * 7816-8:2004 and 7816-9:2004 for those it takes from there.
 */
export const instructions = {
  DEACTIVATE_FILE: 0x04,
  ERASE_RECORD: 0x0c,
  ERASE_BINARY: 0x0e,
  PERFORM_SCQL_OPERATION: 0x10,
  PERFORM_TRANSACTION_OPERATION: 0x12,
  PERFORM_USER_OPERATION: 0x14,
  VERIFY: 0x20,
  MANAGE_SECURITY_ENVIRONMENT: 0x22,
  CHANGE_REFERENCE_DATA: 0x24,
  DISABLE_VERIFICATION_REQUIREMENT: 0x26,
  ENABLE_VERIFICATION_REQUIREMENT: 0x28,
  PERFORM_SECURITY_OPERATION: 0x2a,
  RESET_RETRY_COUNTER: 0x2c,
  ACTIVATE_FILE: 0x44,
  GENERATE_ASYMMETRIC_KEY_PAIR: 0x46,
  MANAGE_CHANNEL: 0x70,
  EXTERNAL_AUTHENTICATE: 0x82,
  GET_CHALLENGE: 0x84,
  GENERAL_AUTHENTICATE: 0x86,
  INTERNAL_AUTHENTICATE: 0x88,
  SEARCH_BINARY: 0xa0,
  SEARCH_RECORD: 0xa2,
  SELECT: 0xa4,
  READ_BINARY: 0xb0,
  READ_RECORD: 0xb2,
  GET_RESPONSE: 0xc0,
  ENVELOPE: 0xc2,
  GET_DATA: 0xca,
  WRITE_BINARY: 0xd0,
  WRITE_RECORD: 0xd2,
  UPDATE_BINARY: 0xd6,
  PUT_DATA: 0xda,
  UPDATE_RECORD: 0xdc,
  CREATE_FILE: 0xe0,
  APPEND_RECORD: 0xe2,
  DELETE_FILE: 0xe4,
  TERMINATE_DF: 0xe6,
  TERMINATE_EF: 0xe8,
  TERMINATE_CARD_USAGE: 0xfe,
} as const;

/** Instructions with a form for BER-TLV data: the odd instruction above each. ISO/IEC 7816-4:2005, 5.1.2. */
const withTlvData: readonly number[] = [
  instructions.ERASE_BINARY,
  instructions.VERIFY,
  instructions.CHANGE_REFERENCE_DATA,
  instructions.PERFORM_SECURITY_OPERATION,
  instructions.RESET_RETRY_COUNTER,
  instructions.GENERATE_ASYMMETRIC_KEY_PAIR,
  instructions.GENERAL_AUTHENTICATE,
  instructions.SEARCH_BINARY,
  instructions.READ_BINARY,
  instructions.READ_RECORD,
  instructions.ENVELOPE,
  instructions.GET_DATA,
  instructions.WRITE_BINARY,
  instructions.UPDATE_BINARY,
  instructions.PUT_DATA,
  instructions.UPDATE_RECORD,
];

const interindustry: ReadonlyMap<number, string> = new Map(
  Object.entries(instructions).flatMap(([name, ins]): [number, string][] => {
    const words = name.replaceAll("_", " ");
    return withTlvData.includes(ins)
      ? [
          [ins, words],
          [ins + 1, words],
        ]
      : [[ins, words]];
  }),
);

/**
 * The instructions that carry reference data such as a PIN: VERIFY, CHANGE REFERENCE DATA, RESET RETRY COUNTER, and the two
 * that switch verification off and on, all with their odd forms. ISO/IEC 7816-4:2005, 7.5.6 to 7.5.10.
 */
export const referenceDataInstructions: ReadonlySet<number> = new Set(
  [
    instructions.VERIFY,
    instructions.CHANGE_REFERENCE_DATA,
    instructions.DISABLE_VERIFICATION_REQUIREMENT,
    instructions.ENABLE_VERIFICATION_REQUIREMENT,
    instructions.RESET_RETRY_COUNTER,
  ].flatMap((ins) => [ins, ins + 1]),
);

/** Instructions to the reader, class FF. PC/SC part 3, 3.2.2.1; TRANSPARENT EXCHANGE is of its supplement. */
const reader: Readonly<Record<number, string>> = {
  0x20: "VERIFY",
  0x82: "LOAD KEYS",
  0x86: "GENERAL AUTHENTICATE",
  0x88: "AUTHENTICATE",
  0xb0: "READ BINARY",
  0xc2: "TRANSPARENT EXCHANGE",
  0xca: "GET DATA",
  0xd6: "UPDATE BINARY",
};

/**
 * Names an instruction as the standards write it: `SELECT`. Undefined where they do not name it; a card may still
 * support it. In a proprietary class applications mostly use the standard's instructions, so those have
 * the same names.
 *
 * @param cla class byte: FF asks for the reader's instructions.
 */
export function instructionName(cla: number, ins: number): string | undefined {
  checkWhole(cla, 0, 0xff, "instructionName: cla");
  checkWhole(ins, 0, 0xff, "instructionName: ins");
  return cla === 0xff ? reader[ins] : interindustry.get(ins);
}
