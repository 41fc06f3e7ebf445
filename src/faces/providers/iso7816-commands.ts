// SPDX-License-Identifier: MIT

import { instructions as ins, MAX_SHORT_LE } from "../../base/iso7816/index.ts";
import { badArgument, badPointer, checkNumber, hasMethods } from "./arguments.ts";
import { type ByteSource, checkSource } from "./byte-buffer.ts";
import { CSCardCmd, type ISCardCmd } from "./command.ts";

/**
 * Builds the commands of ISO/IEC 7816-4. Nothing is sent: each method puts a command into `cmd`, or into a new one where
 * none is given, and answers it. Secure messaging is up to the caller, who sets it in the class byte.
 *
 * A length of 0 in the methods that read means "all there is": it is written as Le 00. In SelectFile it means no Le.
 * Every method fails with E_INVALIDARG for bytes outside 0 to 255 and lengths outside 0 to 65,536, and with E_POINTER for
 * invalid data. Optional data may be null, and null for `cmd` makes a new one.
 *
 * @see ISCardISO7816, Microsoft
 */
export interface ISCardISO7816 {
  /** APPEND RECORD. `refCtrl`: P2, with the short EF id in its upper five bits (7816-4, 11.3.5). */
  AppendRecord(refCtrl: number, data: ByteSource, cmd?: ISCardCmd | null): ISCardCmd;
  /** ERASE BINARY, from the place in P1-P2 up to the offset in `data`, or to the end of the file (11.2.7). */
  EraseBinary(p1: number, p2: number, data?: ByteSource | null, cmd?: ISCardCmd | null): ISCardCmd;
  /** EXTERNAL AUTHENTICATE with what the algorithm `algorithmRef` and the key `secretRef` make of a challenge (11.5.4). */
  ExternalAuthenticate(
    algorithmRef: number,
    secretRef: number,
    challenge?: ByteSource | null,
    cmd?: ISCardCmd | null,
  ): ISCardCmd;
  /** GET CHALLENGE of that many bytes (11.5.3). */
  GetChallenge(bytesExpected?: number, cmd?: ISCardCmd | null): ISCardCmd;
  /** GET DATA of the object with the tag in P1-P2 (11.4.3). */
  GetData(p1: number, p2: number, bytesToGet: number, cmd?: ISCardCmd | null): ISCardCmd;
  /** GET RESPONSE; P1 and P2 should be 0 (11.7.1). */
  GetResponse(p1: number, p2: number, dataLength: number, cmd?: ISCardCmd | null): ISCardCmd;
  /** INTERNAL AUTHENTICATE: what the card makes of a challenge (11.5.2). */
  InternalAuthenticate(
    algorithmRef: number,
    secretRef: number,
    challenge: ByteSource,
    replyBytes: number,
    cmd?: ISCardCmd | null,
  ): ISCardCmd;
  /** MANAGE CHANNEL: `channelState` 0x00 opens, 0x80 closes; opening channel 0 asks the card for a number (11.1.2). */
  ManageChannel(channelState: number, channel: number, cmd?: ISCardCmd | null): ISCardCmd;
  /** PUT DATA into the object with the tag in P1-P2 (11.4.6). */
  PutData(p1: number, p2: number, data: ByteSource, cmd?: ISCardCmd | null): ISCardCmd;
  /** READ BINARY from the place in P1-P2: an offset, or 0x80 and a short EF id in P1 and an offset in P2 (11.2.3). */
  ReadBinary(p1: number, p2: number, bytesToRead: number, cmd?: ISCardCmd | null): ISCardCmd;
  /** READ RECORD; `refCtrl`, P2, says what `recordId`, P1, is (11.3.3). */
  ReadRecord(recordId: number, refCtrl: number, bytesToRead: number, cmd?: ISCardCmd | null): ISCardCmd;
  /** SELECT by what P1 says; `bytesToRead` 0: no file information is returned (11.1.1). */
  SelectFile(p1: number, p2: number, data?: ByteSource | null, bytesToRead?: number, cmd?: ISCardCmd | null): ISCardCmd;
  /** The class byte of every command that is built from now on; 0x00 at first. @throws E_INVALIDARG */
  SetDefaultClassId(classId: number): void;
  /** UPDATE BINARY at the place in P1-P2 (11.2.5). */
  UpdateBinary(p1: number, p2: number, data: ByteSource, cmd?: ISCardCmd | null): ISCardCmd;
  /** UPDATE RECORD (11.3.6). */
  UpdateRecord(recordId: number, refCtrl: number, data: ByteSource, cmd?: ISCardCmd | null): ISCardCmd;
  /** VERIFY the reference data `refCtrl`; without data the card is asked whether that is needed (11.5.6). */
  Verify(refCtrl?: number, data?: ByteSource | null, cmd?: ISCardCmd | null): ISCardCmd;
  /** WRITE BINARY at the place in P1-P2 (11.2.4). */
  WriteBinary(p1: number, p2: number, data: ByteSource, cmd?: ISCardCmd | null): ISCardCmd;
  /** WRITE RECORD (11.3.4). */
  WriteRecord(recordId: number, refCtrl: number, data: ByteSource, cmd?: ISCardCmd | null): ISCardCmd;
}

/** The base provider's builder of commands. */
export class CSCardISO7816 implements ISCardISO7816 {
  #classId = 0;

  AppendRecord(refCtrl: number, data: ByteSource, cmd?: ISCardCmd | null): ISCardCmd {
    return this.#build(cmd, ins.APPEND_RECORD, 0, refCtrl, needed(data, "data"));
  }

  EraseBinary(p1: number, p2: number, data?: ByteSource | null, cmd?: ISCardCmd | null): ISCardCmd {
    return this.#build(cmd, ins.ERASE_BINARY, p1, p2, data);
  }

  ExternalAuthenticate(
    algorithmRef: number,
    secretRef: number,
    challenge?: ByteSource | null,
    cmd?: ISCardCmd | null,
  ): ISCardCmd {
    if (challenge !== undefined && challenge !== null) checkSource("challenge", challenge);
    return this.#build(cmd, ins.EXTERNAL_AUTHENTICATE, algorithmRef, secretRef, challenge);
  }

  GetChallenge(bytesExpected = 0, cmd?: ISCardCmd | null): ISCardCmd {
    return this.#build(cmd, ins.GET_CHALLENGE, 0, 0, undefined, allOr(bytesExpected));
  }

  GetData(p1: number, p2: number, bytesToGet: number, cmd?: ISCardCmd | null): ISCardCmd {
    return this.#build(cmd, ins.GET_DATA, p1, p2, undefined, allOr(bytesToGet));
  }

  GetResponse(p1: number, p2: number, dataLength: number, cmd?: ISCardCmd | null): ISCardCmd {
    return this.#build(cmd, ins.GET_RESPONSE, p1, p2, undefined, allOr(dataLength));
  }

  InternalAuthenticate(
    algorithmRef: number,
    secretRef: number,
    challenge: ByteSource,
    replyBytes: number,
    cmd?: ISCardCmd | null,
  ): ISCardCmd {
    const data = needed(challenge, "challenge");
    return this.#build(cmd, ins.INTERNAL_AUTHENTICATE, algorithmRef, secretRef, data, allOr(replyBytes));
  }

  ManageChannel(channelState: number, channel: number, cmd?: ISCardCmd | null): ISCardCmd {
    const asksForNumber = channelState === 0 && channel === 0;
    return this.#build(cmd, ins.MANAGE_CHANNEL, channelState, channel, undefined, asksForNumber ? 1 : 0);
  }

  PutData(p1: number, p2: number, data: ByteSource, cmd?: ISCardCmd | null): ISCardCmd {
    return this.#build(cmd, ins.PUT_DATA, p1, p2, needed(data, "data"));
  }

  ReadBinary(p1: number, p2: number, bytesToRead: number, cmd?: ISCardCmd | null): ISCardCmd {
    return this.#build(cmd, ins.READ_BINARY, p1, p2, undefined, allOr(bytesToRead));
  }

  ReadRecord(recordId: number, refCtrl: number, bytesToRead: number, cmd?: ISCardCmd | null): ISCardCmd {
    return this.#build(cmd, ins.READ_RECORD, recordId, refCtrl, undefined, allOr(bytesToRead));
  }

  SelectFile(p1: number, p2: number, data?: ByteSource | null, bytesToRead = 0, cmd?: ISCardCmd | null): ISCardCmd {
    return this.#build(cmd, ins.SELECT, p1, p2, data, bytesToRead);
  }

  SetDefaultClassId(classId: number): void {
    checkNumber("classId", classId, 0, 0xff);
    this.#classId = classId;
  }

  UpdateBinary(p1: number, p2: number, data: ByteSource, cmd?: ISCardCmd | null): ISCardCmd {
    return this.#build(cmd, ins.UPDATE_BINARY, p1, p2, needed(data, "data"));
  }

  UpdateRecord(recordId: number, refCtrl: number, data: ByteSource, cmd?: ISCardCmd | null): ISCardCmd {
    return this.#build(cmd, ins.UPDATE_RECORD, recordId, refCtrl, needed(data, "data"));
  }

  Verify(refCtrl = 0, data?: ByteSource | null, cmd?: ISCardCmd | null): ISCardCmd {
    return this.#build(cmd, ins.VERIFY, 0, refCtrl, data);
  }

  WriteBinary(p1: number, p2: number, data: ByteSource, cmd?: ISCardCmd | null): ISCardCmd {
    return this.#build(cmd, ins.WRITE_BINARY, p1, p2, needed(data, "data"));
  }

  WriteRecord(recordId: number, refCtrl: number, data: ByteSource, cmd?: ISCardCmd | null): ISCardCmd {
    return this.#build(cmd, ins.WRITE_RECORD, recordId, refCtrl, needed(data, "data"));
  }

  #build(
    cmd: ISCardCmd | null | undefined,
    insId: number,
    p1: number,
    p2: number,
    data: ByteSource | null | undefined,
    le = 0,
  ): ISCardCmd {
    const target = cmd ?? new CSCardCmd();
    if (!hasMethods(target, "BuildCmd")) throw badArgument("cmd", cmd, "pass an ISCardCmd, or leave it out");
    target.BuildCmd(this.#classId, insId, p1, p2, data, le);
    return target;
  }
}

function needed(data: ByteSource, name: string): ByteSource {
  if (data === undefined || data === null) throw badPointer(name, data, "this command needs data");
  checkSource(name, data);
  return data;
}

/** A length to read; 0 stands for all there is. */
function allOr(length: number): number {
  return length === 0 ? MAX_SHORT_LE : length;
}
