// SPDX-License-Identifier: MIT

import { checkWhole } from "../binary/index.ts";

/**
 * Instructions of the interindustry classes. ISO/IEC 7816-4:2005, table 4; ISO/IEC 7816-8:2004 and 7816-9:2004 for
 * those it takes from there. An odd instruction is the even one below it with BER-TLV data.
 */
const interindustry: Readonly<Record<number, string>> = {
  0x04: "DEACTIVATE FILE",
  0x0c: "ERASE RECORD",
  0x0e: "ERASE BINARY",
  0x0f: "ERASE BINARY",
  0x10: "PERFORM SCQL OPERATION",
  0x12: "PERFORM TRANSACTION OPERATION",
  0x14: "PERFORM USER OPERATION",
  0x20: "VERIFY",
  0x21: "VERIFY",
  0x22: "MANAGE SECURITY ENVIRONMENT",
  0x24: "CHANGE REFERENCE DATA",
  0x25: "CHANGE REFERENCE DATA",
  0x26: "DISABLE VERIFICATION REQUIREMENT",
  0x28: "ENABLE VERIFICATION REQUIREMENT",
  0x2a: "PERFORM SECURITY OPERATION",
  0x2b: "PERFORM SECURITY OPERATION",
  0x2c: "RESET RETRY COUNTER",
  0x2d: "RESET RETRY COUNTER",
  0x44: "ACTIVATE FILE",
  0x46: "GENERATE ASYMMETRIC KEY PAIR",
  0x47: "GENERATE ASYMMETRIC KEY PAIR",
  0x70: "MANAGE CHANNEL",
  0x82: "EXTERNAL AUTHENTICATE",
  0x84: "GET CHALLENGE",
  0x86: "GENERAL AUTHENTICATE",
  0x87: "GENERAL AUTHENTICATE",
  0x88: "INTERNAL AUTHENTICATE",
  0xa0: "SEARCH BINARY",
  0xa1: "SEARCH BINARY",
  0xa2: "SEARCH RECORD",
  0xa4: "SELECT",
  0xb0: "READ BINARY",
  0xb1: "READ BINARY",
  0xb2: "READ RECORD",
  0xb3: "READ RECORD",
  0xc0: "GET RESPONSE",
  0xc2: "ENVELOPE",
  0xc3: "ENVELOPE",
  0xca: "GET DATA",
  0xcb: "GET DATA",
  0xd0: "WRITE BINARY",
  0xd1: "WRITE BINARY",
  0xd2: "WRITE RECORD",
  0xd6: "UPDATE BINARY",
  0xd7: "UPDATE BINARY",
  0xda: "PUT DATA",
  0xdb: "PUT DATA",
  0xdc: "UPDATE RECORD",
  0xdd: "UPDATE RECORD",
  0xe0: "CREATE FILE",
  0xe2: "APPEND RECORD",
  0xe4: "DELETE FILE",
  0xe6: "TERMINATE DF",
  0xe8: "TERMINATE EF",
  0xfe: "TERMINATE CARD USAGE",
};

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
  return cla === 0xff ? reader[ins] : interindustry[ins];
}
