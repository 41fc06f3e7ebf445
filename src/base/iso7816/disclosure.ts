// SPDX-License-Identifier: MIT

import { bigEndianNumber, checkBytes, checkMembers, checkTruth, checkWhole, hexBytes } from "../binary/index.ts";
import { type CommandApdu, checkCommandApdu } from "./apdu.ts";
import { applicationIdentifiers, applicationProviders } from "./application-identifiers.ts";
import { decodeBerTlv } from "./ber-tlv.ts";
import { decodeClassByte } from "./class-byte.ts";
import { isFileControlTemplate } from "./file-control.ts";

/**
 * Which parts of an exchange may be shown: in a log, in a trace, on a screen. The header, the lengths and the status
 * word are always shown; this is about the data.
 */
export interface Disclosure {
  /** Whether the data field of the command is known to hold no PIN, password, key or other secret. */
  readonly command: boolean;
  /** The same for the data field of the response. */
  readonly response: boolean;
}

/** The selection on the logical channel of a command, as far as it was observed. */
export interface Selection {
  /** The DF name (AID) that was selected last, as far as the command contained it. */
  readonly application?: Uint8Array | undefined;
  /** The identifier of the file that was selected last. */
  readonly file?: number | undefined;
  /** The identifier of the directory (3FXX, 5FXX, 7FXX) that was selected last. */
  readonly directory?: number | undefined;
  /** True where the last SELECT could not be read: its name was in parts, or encrypted. */
  readonly isHidden?: boolean | undefined;
  /** True where an application or a file may be selected that was not seen, as by a program before this one. */
  readonly isUnknown?: boolean | undefined;
}

const withheld: Disclosure = { command: false, response: false };
const shown: Disclosure = { command: true, response: true };
const commandOnly: Disclosure = { command: true, response: false };

/** Rules by instruction, for commands of an interindustry class without chaining and secure messaging. */
const interindustryRules: Readonly<Record<number, (command: CommandApdu, selection: Selection) => Disclosure>> = {
  0x70: ({ data }) => (data.length === 0 ? shown : withheld), // MANAGE CHANNEL
  0x84: ({ data }) => (data.length === 0 ? shown : withheld), // GET CHALLENGE
  0xa4: select,
  0xb0: readBinary,
  0xb1: readWithOffset, // READ BINARY
  0xb2: readRecord,
  0xb3: readWithOffset, // READ RECORD
  0xc0: ({ data }) => (data.length === 0 ? commandOnly : withheld), // GET RESPONSE: {@link ExchangeRedactor} knows of what
  0xca: getData,
  0xcb: getDataByTagList,
};

/** Objects of GET DATA in the class 80 that tell about the card: GlobalPlatform 2.3.1, table 11-26; EMV book 3, 6.5.7. */
const openGlobalPlatformObjects: ReadonlySet<number> = new Set([
  0x0042, 0x0045, 0x0066, 0x0067, 0x00c1, 0x00e0, 0x2f00, 0x9f13, 0x9f17, 0x9f36, 0x9f4f, 0x9f7f, 0xff21,
]);

/** Instructions of GSM 11.11, class A0, without data: SEEK and the rest are withheld. */
const openGsmInstructions: ReadonlySet<number> = new Set([0xb0, 0xb2, 0xf2]);

/** Yubico: OATH, OTP and YubiHSM Auth give the interindustry instructions meanings of their own. */
const yubico = hexBytes(applicationProviders.yubico);
/** 3GPP: SIM, USIM, ISIM. */
const threeGpp = hexBytes(applicationProviders.threeGpp);

/**
 * Files of a SIM or USIM that hold keys in use: EF.Keys and EF.KeysPS (6F08, 6F09), EF.Kc and EF.KcGPRS (6F20, 6F52;
 * 4F20, 4F52 in DF.GSM-ACCESS), EF.EPSNSC (6FE4), those of DF.5GS (4F03 to 4F05). 3GPP TS 31.102, 4.2 and 4.4; TS 51.011, 10.3.
 */
const keyFiles: ReadonlySet<number> = new Set([
  0x6f08, 0x6f09, 0x6f20, 0x6f52, 0x6fe4, 0x4f20, 0x4f52, 0x4f03, 0x4f04, 0x4f05,
]);
/**
 * The same by short identifier, which means a file of the current directory: EF.Keys, EF.KeysPS and EF.EPSNSC of a USIM; EF.Kc
 * and EF.KcGPRS in DF.GSM-ACCESS; three files in DF.5GS. 3GPP TS 31.102, 4.2, 4.4.3 and 4.4.11; 7FFF is the current USIM.
 */
const keyFileShortIdentifiers: Readonly<Record<"usim" | "gsmAccess" | "fiveG", ReadonlySet<number>>> = {
  usim: new Set([0x08, 0x09, 0x18]),
  gsmAccess: new Set([0x01, 0x02]),
  fiveG: new Set([0x03, 0x04, 0x05]),
};

/**
 * Objects of GET DATA that are secret, or that a PIN protects: private use objects of OpenPGP (0103, 0104) and its KDF
 * object with hashes of passwords (00F9).
 */
const protectedObjects: ReadonlySet<number> = new Set([0x0103, 0x0104, 0x00f9]);

/**
 * Objects of a PIV card that a PIN protects: fingerprints, face, printed information (where Yubico's tools keep the
 * management key), iris, pairing code. NIST SP 800-73-4, part 1, table 2. 5FFF00 is the administrator's object of Yubico.
 */
const protectedTags: ReadonlySet<number> = new Set([0x5fc103, 0x5fc108, 0x5fc109, 0x5fc121, 0x5fc123, 0x5fff00]);

const gids = hexBytes(applicationIdentifiers.gids);
/** Files of GIDS cards that the user or the administrator alone reads, those that all read, and the status of PIN and PUK. */
const protectedGidsFiles: ReadonlySet<number> = new Set([0xa013, 0xa014]);
const openGidsFiles: ReadonlySet<number> = new Set([0x2f00, 0x2f01, 0xa000, 0xa010, 0xa012]);
const openGidsTags: ReadonlySet<number> = new Set([0x7f71, 0x7f72, 0x7f73]);

/**
 * Returns which data of an exchange may be shown. Data is shown only for commands that are known to carry no secret: SELECT,
 * READ BINARY and READ RECORD, GET DATA, GET CHALLENGE and MANAGE CHANNEL of the interindustry classes, in the form that
 * the standard gives them; a few of GlobalPlatform, GSM and of the reader's own commands. Everything else is withheld, so an
 * unknown instruction never shows a PIN.
 *
 * It looks at a single command, so the response of GET RESPONSE is withheld. {@link ExchangeRedactor} follows a session.
 *
 * @throws TypeError, RangeError (not a command, or not a selection)
 * @param selection what the channel of this command has selected, where that is known. It can only withhold more.
 */
export function disclosureOf(command: CommandApdu, selection: Selection = {}): Disclosure {
  checkCommandApdu(command, "disclosureOf: command");
  checkSelection(selection);
  const { cla, ins } = command;
  const classByte = decodeClassByte(cla);
  switch (classByte.kind) {
    case "interindustry":
      // Chaining sends parts, and secure messaging sends cryptograms: the rules do not apply to either.
      if (classByte.chaining || classByte.secureMessaging !== "none") return withheld;
      if (startsWith(selection.application, yubico) && !selectsByName(command)) return withheld;
      if (selection.isHidden && !selectsByName(command)) return withheld;
      return interindustryRules[ins]?.(command, selection) ?? withheld;
    case "reader":
      return readerCommand(command);
    case "proprietary":
      if (cla === 0x80) return globalPlatformCommand(command);
      return cla === 0xa0 ? gsmCommand(command, selection) : withheld;
    case "reserved":
      return withheld;
  }
}

function checkSelection(selection: Selection): void {
  checkMembers(selection, ["application", "file", "directory", "isHidden", "isUnknown"], "disclosureOf: selection");
  const { application, directory, file, isHidden, isUnknown } = selection;
  if (application !== undefined) checkBytes(application, "disclosureOf: selection.application");
  if (file !== undefined) checkWhole(file, 0, 0xffff, "disclosureOf: selection.file");
  if (directory !== undefined) checkWhole(directory, 0, 0xffff, "disclosureOf: selection.directory");
  if (isHidden !== undefined) checkTruth(isHidden, "disclosureOf: selection.isHidden");
  if (isUnknown !== undefined) checkTruth(isUnknown, "disclosureOf: selection.isUnknown");
}

/** Whether a command of these two bytes can be one that {@link disclosureOf} shows, regardless of its lengths. */
export function isOpenInstruction(cla: number, ins: number): boolean {
  const classByte = decodeClassByte(cla);
  if (classByte.kind !== "interindustry" || classByte.chaining || classByte.secureMessaging !== "none") return false;
  return ins in interindustryRules;
}

/** SELECT of an application by its name. ISO/IEC 7816-4:2005, 7.1.1. */
export function selectsByName({ data, ins, p1, p2 }: CommandApdu): boolean {
  return ins === 0xa4 && p1 === 0x04 && (p2 & 0xf0) === 0 && data.length <= 16;
}

/** SELECT, bounded to what a name, an identifier or a path can be. ISO/IEC 7816-4:2005, 7.1.1, table 39. */
function select(command: CommandApdu): Disclosure {
  const { data, p1, p2 } = command;
  if (selectsByName(command)) return shown;
  if ((p2 & 0xf0) !== 0) return withheld;
  const isPath = (p1 === 0x08 || p1 === 0x09) && data.length % 2 === 0 && data.length <= 16;
  const isIdentifier = p1 <= 0x02 && (data.length === 0 || data.length === 2);
  // A response of another form than file control information is withheld by {@link opensResponse}.
  return isPath || isIdentifier || (p1 === 0x03 && data.length === 0) ? shown : withheld;
}

function readBinary({ data, p1 }: CommandApdu, selection: Selection): Disclosure {
  if (data.length > 0) return withheld;
  // With bit 8 of P1 the file is named by its short identifier. ISO/IEC 7816-4:2005, 7.2.2.
  const isKeyFile = (p1 & 0x80) !== 0 ? isShortKeyFile(p1 & 0x1f, selection) : isCurrentKeyFile(selection);
  return isKeyFile ? commandOnly : shown;
}

function readRecord({ data, p2 }: CommandApdu, selection: Selection): Disclosure {
  if (data.length > 0) return withheld;
  // Bits 8 to 4 of P2 are the short identifier; 0 is the current file. ISO/IEC 7816-4:2005, 7.3.3.
  return isKeyFileOf(p2 >> 3, selection) ? commandOnly : shown;
}

/** READ BINARY and READ RECORD with an offset data object (54), and nothing else. ISO/IEC 7816-4:2005, 7.2.2 and 7.3.3. */
function readWithOffset({ data, ins, p1, p2 }: CommandApdu, selection: Selection): Disclosure {
  const [tag, length] = data;
  if (tag !== 0x54 || length !== data.length - 2 || length > 4) return withheld;
  if (ins === 0xb3) return isKeyFileOf(p2 >> 3, selection) ? commandOnly : shown;
  const named = (p1 << 8) | p2;
  return keyFiles.has(named) || (named < 0x20 && isKeyFileOf(named, selection)) ? commandOnly : shown;
}

/** Whether a file holds keys: that of a short identifier, or for 0 the one that was selected. */
function isKeyFileOf(shortIdentifier: number, selection: Selection): boolean {
  return shortIdentifier === 0 ? isCurrentKeyFile(selection) : isShortKeyFile(shortIdentifier, selection);
}

function isCurrentKeyFile({ file, isUnknown }: Selection): boolean {
  return file === undefined ? isUnknown === true : keyFiles.has(file);
}

function isShortKeyFile(shortIdentifier: number, { application, directory, isUnknown }: Selection): boolean {
  const { fiveG, gsmAccess, usim } = keyFileShortIdentifiers;
  if (directory === 0x5f3b) return gsmAccess.has(shortIdentifier);
  if (directory === 0x5fc0) return fiveG.has(shortIdentifier);
  // The current directory may be any of those.
  if (isUnknown && application === undefined && directory === undefined) {
    return [usim, gsmAccess, fiveG].some((identifiers) => identifiers.has(shortIdentifier));
  }
  return (directory === 0x7fff || startsWith(application, threeGpp)) && usim.has(shortIdentifier);
}

function getData({ data, p1, p2 }: CommandApdu): Disclosure {
  if (data.length > 0) return withheld;
  return protectedObjects.has((p1 << 8) | p2) ? commandOnly : shown;
}

/** GET DATA with a tag list (5C) as its only data object. ISO/IEC 7816-4:2005, 7.4.2. */
function getDataByTagList({ data, p1, p2 }: CommandApdu, selection: Selection): Disclosure {
  if (data.length > 18) return withheld;
  const objects = decodeBerTlv(data);
  if (!objects.ok) return withheld;
  const [list, ...others] = objects.value;
  if (list?.tag !== 0x5c || others.length > 0 || list.value.length !== data.length - 2) return withheld;
  const tags = tagsOf(list.value);
  if (tags === undefined) return withheld;
  if (isProtectedGidsFile((p1 << 8) | p2, tags, selection)) return commandOnly;
  return tags.length > 0 && !tags.some((tag) => protectedTags.has(tag)) ? shown : commandOnly;
}

/** Whether GET DATA may read what a PIN or the administrator's key protects on a GIDS card. P1 and P2 name a file there. */
function isProtectedGidsFile(file: number, tags: readonly number[], { application }: Selection): boolean {
  if (protectedGidsFiles.has(file)) return true;
  if (!startsWith(application, gids) || openGidsFiles.has(file)) return false;
  // In all files at once, or in the current one: only how many tries of the PIN are left is known to be open.
  return !tags.every((tag) => openGidsTags.has(tag));
}

/** The tags of a tag list; undefined for other bytes. */
function tagsOf(list: Uint8Array): readonly number[] | undefined {
  const tags: number[] = [];
  for (let at = 0; at < list.length; ) {
    const start = at++;
    if (((list[start] ?? 0) & 0x1f) === 0x1f) while (((list[at++] ?? 0) & 0x80) !== 0);
    if (at > list.length || at - start > 3) return undefined;
    tags.push(bigEndianNumber(list.subarray(start, at)));
  }
  return tags;
}

function globalPlatformCommand({ data, ins, p1, p2 }: CommandApdu): Disclosure {
  if (ins === 0xca && data.length === 0) {
    return openGlobalPlatformObjects.has((p1 << 8) | p2) ? shown : commandOnly;
  }
  if (ins === 0xc0 && data.length === 0) return commandOnly;
  // GET STATUS with the search criterion "all". GlobalPlatform 2.3.1, 11.4.2.
  if (ins === 0xf2 && data.length === 2 && data[0] === 0x4f && data[1] === 0x00) return shown;
  return withheld;
}

/** SELECT and the commands that read, of a SIM. 3GPP TS 51.011, 9.2. */
function gsmCommand({ data, ins, p1, p2 }: CommandApdu, selection: Selection): Disclosure {
  if (ins === 0xa4 && p1 === 0 && p2 === 0 && data.length === 2) return shown;
  if (data.length > 0) return withheld;
  if (ins === 0xc0) return commandOnly;
  if (ins === 0xb0 || ins === 0xb2) return isCurrentKeyFile(selection) ? commandOnly : shown;
  return openGsmInstructions.has(ins) ? shown : withheld;
}

/** Commands that the reader answers itself. PC/SC part 3, 3.2.2.1; the others load keys, or carry raw frames. */
function readerCommand({ data, ins, le, p1, p2 }: CommandApdu): Disclosure {
  if (ins === 0xca && data.length === 0) return p1 <= 0x01 && p2 === 0x00 ? shown : commandOnly;
  if (ins === 0xb0 && data.length === 0) return holdsSectorTrailer(p1, p2, le) ? commandOnly : shown;
  // GENERAL AUTHENTICATE: version, block address, type and number of a key that the reader holds.
  const [version, , , keyType] = data;
  const isAddress = data.length === 5 && version === 0x01 && (keyType === 0x60 || keyType === 0x61);
  return ins === 0x86 && p1 === 0 && p2 === 0 && isAddress ? shown : withheld;
}

/**
 * Whether blocks of 16 bytes from this one on can hold the sector trailer of a MIFARE Classic, in which key B may be
 * readable: each fourth block, and from 128 on each sixteenth. NXP MF1S50 data sheet, 8.6; MF1S70, 8.6.
 */
function holdsSectorTrailer(p1: number, p2: number, le: number | undefined): boolean {
  // Up to ten bytes of a trailer are key A, which reads as zeros, and the access bits. Four are a page of a Type 2 tag.
  if (le !== undefined && le <= 10) return false;
  const first = (p1 << 8) | p2;
  const isTrailer = (block: number): boolean => (block < 128 ? block % 4 === 3 : block % 16 === 15);
  // Without Le a reader may answer with a whole block.
  for (let block = first; block < first + Math.min(16, Math.ceil((le ?? 16) / 16)); block++) {
    if (isTrailer(block)) return true;
  }
  return false;
}

/**
 * Whether the data of a response has the form that its command asks for. SELECT by identifier or path answers with file
 * control information (62, 64, 6F): anything else is an answer of an application that takes A4 for another instruction.
 */
export function opensResponse(command: CommandApdu, data: Uint8Array): boolean {
  if (command.cla >= 0x80 || command.ins !== 0xa4 || command.p1 === 0x04) return true;
  const [first] = data;
  return first === undefined || isFileControlTemplate(first);
}

/** Whether a name may begin so: one that was given in part may be longer. */
function startsWith(name: Uint8Array | undefined, prefix: Uint8Array): boolean {
  if (name === undefined || name.length === 0) return false;
  return prefix.slice(0, name.length).every((byte, index) => name[index] === byte);
}
