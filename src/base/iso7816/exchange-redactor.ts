// SPDX-License-Identifier: MIT

import { checkBytes, checkMembers, checkTruth, checkWhole } from "../binary/index.ts";
import { type CommandApdu, decodeCommand } from "./apdu.ts";
import { decodeClassByte } from "./class-byte.ts";
import { type Disclosure, disclosureOf, opensResponse, type Selection, selectsByName } from "./disclosure.ts";
import { decodeFileControl } from "./file-control.ts";
import { decodeFileIds, MASTER_FILE_ID } from "./file-path.ts";
import { commandBytesText, commandDescription, describeMalformedCommand, responseBytesText } from "./redact.ts";

/** A command, as it may be shown. */
export interface RedactedCommand {
  /** The bytes: `00 A4 04 0C 02 3F 00`, or `00 20 00 81 [4 bytes withheld]`. */
  readonly bytes: string;
  /** In words: `VERIFY (00 20 00 81), channel 0, Lc 4, data [4 bytes withheld]`. */
  readonly text: string;
}

/** A response, as it may be shown. */
export interface RedactedResponse {
  /** The bytes: `6F 00 90 00`, or `[16 bytes withheld] 90 00`. */
  readonly bytes: string;
  /** How many bytes of data are withheld; 0 where everything is shown, or there is no data. */
  readonly withheldBytes: number;
}

const nothing: Disclosure = { command: false, response: false };
const MAX_CHANNELS = 20;

/**
 * Follows the commands and responses of one connection, and returns the parts of each that may be shown. It knows more than
 * {@link disclosureOf} knows about one command: which command a GET RESPONSE continues, which parts belong to a chain, and,
 * for each logical channel, the selected application and file, as some files contain keys.
 *
 * It stores only names and identifiers of the selection.
 */
export class ExchangeRedactor {
  readonly #showData: boolean;
  /** What is selected on a channel of which nothing was seen. */
  #before: Selection;
  /** By logical channel: 20 at most. */
  readonly #selections = new Map<number, Selection>();
  #command: CommandApdu | undefined;
  #disclosure: Disclosure = nothing;
  /** Whether the response before said that more can be fetched, on which channel, and whether that may be shown. */
  #continued: { readonly channel: number; readonly response: boolean } | undefined;
  /** The instruction of the chain that has begun. */
  #chain: number | undefined;

  /**
   * @param options.showData shows everything: for an owner of the card who asks for it. @default false
   * @param options.continues true for a card that was not reset: what another program has selected on it is not known, so what
   * is read from the current file is withheld until one is selected. @default false: the card was reset
   * @throws TypeError for a member that there is not, and anything but true or false
   */
  constructor(options: { readonly showData?: boolean; readonly continues?: boolean } = {}) {
    checkMembers(options, ["showData", "continues"], "ExchangeRedactor: options");
    const { continues = false, showData = false } = options;
    checkTruth(showData, "ExchangeRedactor: options.showData");
    checkTruth(continues, "ExchangeRedactor: options.continues");
    this.#before = continues ? { isUnknown: true } : {};
    this.#showData = showData;
  }

  /** Forgets what was selected: to be called when the card was reset. */
  reset(): void {
    this.#selections.clear();
    this.#before = {};
    this.#continued = undefined;
    this.#chain = undefined;
  }

  /** Takes the next command, and returns the parts of it that may be shown. */
  command(bytes: Uint8Array): RedactedCommand {
    checkBytes(bytes, "ExchangeRedactor.command: bytes");
    const decoded = decodeCommand(bytes);
    this.#command = decoded.ok ? decoded.value : undefined;
    this.#disclosure = decoded.ok ? this.#judge(decoded.value) : nothing;
    const show = this.#showData || this.#disclosure.command;
    return {
      bytes: commandBytesText(bytes, show),
      text: decoded.ok
        ? commandDescription(decoded.value, show).text
        : describeMalformedCommand(bytes, decoded.error.message),
    };
  }

  /** Takes the response to the last command, and returns the parts of it that may be shown. */
  response(bytes: Uint8Array): RedactedResponse {
    checkBytes(bytes, "ExchangeRedactor.response: bytes");
    const data = bytes.subarray(0, -2);
    const command = this.#command;
    const open =
      this.#disclosure.response && command !== undefined && bytes.length >= 2 && opensResponse(command, data);
    const sw1 = bytes.at(-2) ?? 0;
    // 9Fxx is what a SIM says for 61xx. 3GPP TS 51.011, 9.4.1.
    const isContinued = command !== undefined && bytes.length >= 2 && (sw1 === 0x61 || sw1 === 0x9f);
    this.#continued = isContinued ? { channel: channelOf(command.cla), response: open } : undefined;
    if (command !== undefined && bytes.length >= 2) this.#follow(command, data, sw1);
    this.#command = undefined;
    const show = this.#showData || open;
    const withheldBytes = show ? 0 : bytes.length < 2 ? bytes.length : data.length;
    return { bytes: responseBytesText(bytes, show), withheldBytes };
  }

  /**
   * Identifier of the application that is selected on the channel of a class byte, as far as SELECT or its response named it; undefined
   * where none was seen.
   *
   * @param cla 0 to 255
   */
  application(cla: number): Uint8Array | undefined {
    checkWhole(cla, 0, 0xff, "ExchangeRedactor.application: cla");
    const { application, isHidden } = this.#selections.get(channelOf(cla)) ?? this.#before;
    return isHidden || application === undefined ? undefined : Uint8Array.from(application);
  }

  #judge(command: CommandApdu): Disclosure {
    const { cla, ins } = command;
    const classByte = decodeClassByte(cla);
    const chain = this.#chain;
    this.#chain = classByte.kind === "interindustry" && classByte.chaining ? ins : undefined;
    // The last part of a chain has the class of a whole command.
    if (chain === ins) return nothing;
    const disclosure = disclosureOf(command, this.#selections.get(channelOf(cla)) ?? this.#before);
    if (ins !== 0xc0 || !disclosure.command) return disclosure;
    // Another channel may have data of its own to be fetched.
    const isSame = this.#continued?.channel === channelOf(cla);
    return { command: true, response: isSame && this.#continued?.response === true };
  }

  /** Remembers what a command selected. */
  #follow(command: CommandApdu, data: Uint8Array, sw1: number): void {
    const channel = channelOf(command.cla);
    if (command.ins === 0x70 && sw1 === 0x90) this.#opened(command, data);
    // The DF name can come with the GET RESPONSE after a SELECT.
    if (command.ins === 0xc0 && this.#disclosure.response) this.#complete(channel, data);
    if (command.ins !== 0xa4 || ![0x90, 0x91, 0x9f, 0x61, 0x62, 0x63].includes(sw1)) return;
    if (this.#disclosure.command) {
      this.#select(channel, selectionAfter(command, this.#selections.get(channel) ?? this.#before));
      this.#complete(channel, data);
    } else if (decodeClassByte(command.cla).kind === "interindustry") {
      this.#select(channel, { ...(this.#selections.get(channel) ?? this.#before), isHidden: true });
    }
  }

  /** A channel that was opened from another has its selection. ISO/IEC 7816-4:2005, 7.1.2; ETSI TS 102 221, 11.1.17. */
  #opened(command: CommandApdu, data: Uint8Array): void {
    const from = this.#selections.get(channelOf(command.cla));
    if (command.p1 !== 0 || from === undefined) return;
    this.#select(command.p2 || (data[0] ?? 0), from);
  }

  #select(channel: number, selection: Selection): void {
    if (this.#selections.size < MAX_CHANNELS || this.#selections.has(channel)) this.#selections.set(channel, selection);
  }

  /** Takes the DF name (84) of file control information: SELECT may have named only the beginning of it. */
  #complete(channel: number, data: Uint8Array): void {
    const { dfName: name } = decodeFileControl(data);
    const selection = this.#selections.get(channel);
    if (name === undefined || selection === undefined || name.length < 5) return;
    this.#selections.set(channel, { ...selection, application: Uint8Array.from(name) });
  }
}

function selectionAfter(command: CommandApdu, before: Selection): Selection {
  const { data, p1 } = command;
  if (command.cla < 0x80 && selectsByName(command)) return { application: Uint8Array.from(data) };
  const { application, isUnknown } = before;
  if (data.length < 2) return p1 === 0x03 ? { application, isUnknown } : {};
  const identifiers = decodeFileIds(data);
  const file = identifiers.at(-1);
  // 3F00 is the master file, outside of any application. ISO/IEC 7816-4:2005, 5.3.1.1.
  if (file === MASTER_FILE_ID) return {};
  const directory = identifiers.findLast((one) => [0x3f, 0x5f, 0x7f].includes(one >> 8)) ?? before.directory;
  return { application, directory, file, isUnknown };
}

/** The channel of a class byte; 0 for classes without channels. */
function channelOf(cla: number): number {
  const classByte = decodeClassByte(cla);
  return classByte.kind === "interindustry" ? classByte.channel : 0;
}
