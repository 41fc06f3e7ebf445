// SPDX-License-Identifier: MIT

import {
  type CommandInit,
  decodeCommand,
  encodeCommand,
  instructions,
  MAX_EXTENDED_DATA_BYTES,
  MAX_EXTENDED_LE,
  MAX_SHORT_LE,
} from "../../base/iso7816/index.ts";
import { badArgument } from "./arguments.ts";
import { type ByteSource, CByteBuffer, contentOf, type IByteBuffer } from "./byte-buffer.ts";
import { ComError } from "./com-error.ts";
import { ISO_APDU_TYPE } from "./enumerations.ts";

const noBytes = new Uint8Array(0);

/**
 * A command for a card, and what the card has answered: two buffers, and their fields as properties. `ISCard.Transaction`
 * sends the one and fills the other. Setting any field of a command builds a command; `Clear` leaves none.
 *
 * Bytes are 0 to 255 and lengths numbers of bytes; what is not gives E_INVALIDARG and changes nothing.
 *
 * @see ISCardCmd, Microsoft; ISO/IEC 7816-4:2013, 5.1
 */
export interface ISCardCmd {
  /** The whole command, a copy; empty where none was built. Put: an APDU of any case. @throws E_INVALIDARG, E_POINTER */
  get Apdu(): IByteBuffer;
  set Apdu(apdu: ByteSource);
  readonly ApduLength: number;
  /**
   * The data of the answer, a copy, without its status word; undefined where nothing was transacted. Put: other data.
   *
   * @throws E_POINTER
   */
  get ApduReply(): IByteBuffer | undefined;
  set ApduReply(reply: ByteSource);
  /** Bytes of the answer's data, 0 where nothing was transacted. Put: cut off, or lengthened with zeros. */
  ApduReplyLength: number;
  /** The class byte, CLA. */
  ClassId: number;
  /** The command's data, a copy. Put: Lc and P3 follow from it. @throws E_INVALIDARG (over 65,535 bytes), E_POINTER */
  get Data(): IByteBuffer;
  set Data(data: ByteSource);
  /** The instruction byte, INS. */
  InstructionId: number;
  /** The most bytes that the answer may have, 1 to 65,536; 0 where the command has no Le. */
  readonly LeField: number;
  P1: number;
  P2: number;
  /** How many bytes of data the command has, as the one byte that T=0 has room for. */
  readonly P3: number;
  /** SW1 and SW2 as one number, 0x9000 where all went well; 0 where nothing was transacted. */
  ReplyStatus: number;
  readonly ReplyStatusSW1: number;
  readonly ReplyStatusSW2: number;
  /** Which case of {@link ISO_APDU_TYPE} the command is. */
  readonly Type: ISO_APDU_TYPE;
  /** Node address to send to, with T=1 only; 0 unless it was put. */
  Nad: number;
  /** Node address that the card answered with. @throws E_ACCESSDENIED where it is unknown */
  ReplyNad: number;
  /** Class byte of the commands that T=0 makes necessary: GET RESPONSE and ENVELOPE. @throws E_ACCESSDENIED before it was put */
  AlternateClassId: number;
  /**
   * Builds a command from its parts. Length fields are short wherever they can be, extended otherwise (T=1 only).
   *
   * @param data null or nothing: the command has no data
   * @param le the most bytes that the answer may have, 1 to 65,536; 0, null or nothing: the command has no Le
   * @throws E_INVALIDARG, E_POINTER
   */
  BuildCmd(
    classId: number,
    insId: number,
    p1?: number,
    p2?: number,
    data?: ByteSource | null,
    le?: number | null,
  ): void;
  /** Empties both buffers, with zeros over what was there. */
  Clear(): void;
  /**
   * Makes this command an ENVELOPE (INS C2) that carries another one; the class byte stays.
   *
   * @param apduType the case of the command that is carried, by which an answer is expected or not
   * @throws E_INVALIDARG (no command, or of another case), E_POINTER
   */
  Encapsulate(apdu: ByteSource, apduType: ISO_APDU_TYPE): void;
}

type Header = "cla" | "ins" | "p1" | "p2";
type Command = CommandInit & { readonly data: Uint8Array };

const emptyCommand: Command = { cla: 0, ins: 0, p1: 0, p2: 0, data: noBytes, le: undefined };

/** The base provider's command. */
export class CSCardCmd implements ISCardCmd {
  #command: Command | undefined;
  #reply: { readonly data: Uint8Array; readonly sw: number } | undefined;
  #nad = 0;
  #replyNad: number | undefined;
  #alternateClassId: number | undefined;

  get Apdu(): IByteBuffer {
    return CByteBuffer.of(this.#command === undefined ? noBytes : encodeCommand(this.#command));
  }

  set Apdu(apdu: ByteSource) {
    this.#build(decodeApdu(apdu));
  }

  get ApduLength(): number {
    return this.#command === undefined ? 0 : encodeCommand(this.#command).length;
  }

  get ApduReply(): IByteBuffer | undefined {
    return this.#reply && CByteBuffer.of(this.#reply.data);
  }

  set ApduReply(reply: ByteSource) {
    const data = contentOf(reply, "reply");
    if (data.length > MAX_EXTENDED_LE)
      throw new ComError("E_INVALIDARG", `a reply has at most ${MAX_EXTENDED_LE} bytes, not ${data.length}`);
    this.#reply = { data, sw: this.ReplyStatus };
  }

  get ApduReplyLength(): number {
    return this.#reply?.data.length ?? 0;
  }

  set ApduReplyLength(length: number) {
    checkLength(length, "length", MAX_EXTENDED_LE);
    const data = new Uint8Array(length);
    data.set((this.#reply?.data ?? noBytes).subarray(0, length));
    this.#reply = { data, sw: this.ReplyStatus };
  }

  get ClassId(): number {
    return this.#field("cla");
  }

  set ClassId(classId: number) {
    this.#setField("cla", "classId", classId);
  }

  get Data(): IByteBuffer {
    return CByteBuffer.of((this.#command ?? emptyCommand).data);
  }

  set Data(data: ByteSource) {
    this.#build({ ...(this.#command ?? emptyCommand), data: contentOf(data, "data") });
  }

  get InstructionId(): number {
    return this.#field("ins");
  }

  set InstructionId(insId: number) {
    this.#setField("ins", "insId", insId);
  }

  get LeField(): number {
    return this.#command?.le ?? 0;
  }

  get P1(): number {
    return this.#field("p1");
  }

  set P1(p1: number) {
    this.#setField("p1", "P1", p1);
  }

  get P2(): number {
    return this.#field("p2");
  }

  set P2(p2: number) {
    this.#setField("p2", "P2", p2);
  }

  get P3(): number {
    return (this.#command ?? emptyCommand).data.length & 0xff;
  }

  get ReplyStatus(): number {
    return this.#reply?.sw ?? 0;
  }

  set ReplyStatus(status: number) {
    checkLength(status, "status", 0xffff);
    this.#reply = { data: this.#reply?.data ?? noBytes, sw: status };
  }

  get ReplyStatusSW1(): number {
    return this.ReplyStatus >> 8;
  }

  get ReplyStatusSW2(): number {
    return this.ReplyStatus & 0xff;
  }

  get Type(): ISO_APDU_TYPE {
    return typeOf(this.#command ?? emptyCommand);
  }

  get Nad(): number {
    return this.#nad;
  }

  set Nad(nad: number) {
    checkByte(nad, "nad");
    this.#nad = nad;
  }

  get ReplyNad(): number {
    if (this.#replyNad === undefined)
      throw new ComError("E_ACCESSDENIED", "the node address of the reply cannot be told: T=0, or nothing transacted");
    return this.#replyNad;
  }

  set ReplyNad(nad: number) {
    checkByte(nad, "nad");
    this.#replyNad = nad;
  }

  get AlternateClassId(): number {
    if (this.#alternateClassId === undefined)
      throw new ComError("E_ACCESSDENIED", "there is no alternate class: none was put");
    return this.#alternateClassId;
  }

  set AlternateClassId(classId: number) {
    checkByte(classId, "classId");
    this.#alternateClassId = classId;
  }

  BuildCmd(
    classId: number,
    insId: number,
    p1 = 0,
    p2 = 0,
    data: ByteSource | null = null,
    le: number | null = null,
  ): void {
    const content = data === null ? noBytes : contentOf(data, "data");
    if (le !== null) checkLength(le, "le", MAX_EXTENDED_LE);
    this.#build({ cla: classId, ins: insId, p1, p2, data: content, le: le === 0 || le === null ? undefined : le });
  }

  Clear(): void {
    this.#command?.data.fill(0);
    this.#reply?.data.fill(0);
    this.#command = undefined;
    this.#reply = undefined;
    this.#replyNad = undefined;
  }

  Encapsulate(apdu: ByteSource, apduType: ISO_APDU_TYPE): void {
    const inner = decodeApdu(apdu);
    const type = typeOf(inner);
    if (type !== apduType) throw badArgument("apduType", apduType, `the command in apdu is of case ${type}`);
    const isAnswered = type === ISO_APDU_TYPE.ISO_CASE_2 || type === ISO_APDU_TYPE.ISO_CASE_4;
    const le = isAnswered ? MAX_SHORT_LE : undefined;
    this.#build({ cla: this.ClassId, ins: instructions.ENVELOPE, p1: 0, p2: 0, data: contentOf(apdu, "apdu"), le });
  }

  #field(field: Header): number {
    return (this.#command ?? emptyCommand)[field];
  }

  #setField(field: Header, what: string, value: number): void {
    checkByte(value, what);
    this.#command = { ...(this.#command ?? emptyCommand), [field]: value };
  }

  /** Takes a command if it can be encoded. */
  #build(command: Command): void {
    checkByte(command.cla, "classId");
    checkByte(command.ins, "insId");
    checkByte(command.p1, "P1");
    checkByte(command.p2, "P2");
    checkLength(command.data.length, "length of the data", MAX_EXTENDED_DATA_BYTES);
    // It may have been a PIN.
    if (this.#command?.data !== command.data) this.#command?.data.fill(0);
    this.#command = command;
  }
}

function decodeApdu(apdu: ByteSource): Command {
  const decoded = decodeCommand(contentOf(apdu, "apdu"));
  if (decoded.ok) return decoded.value;
  throw new ComError("E_INVALIDARG", `apdu is not a command APDU: ${decoded.error.message}`);
}

function typeOf({ data, le }: Command): ISO_APDU_TYPE {
  const { ISO_CASE_1, ISO_CASE_2, ISO_CASE_3, ISO_CASE_4 } = ISO_APDU_TYPE;
  if (data.length === 0) return le === undefined ? ISO_CASE_1 : ISO_CASE_2;
  return le === undefined ? ISO_CASE_3 : ISO_CASE_4;
}

function checkByte(value: number, what: string): void {
  checkLength(value, what, 0xff);
}

function checkLength(value: number, what: string, most: number): void {
  if (Number.isInteger(value) && value >= 0 && value <= most) return;
  // A value other than a number may be a PIN, if the caller has confused the arguments.
  throw badArgument(what, value, `give a whole number from 0 to ${most}`);
}
