// SPDX-License-Identifier: MIT

import { encodeHex, hexByte } from "../../base/binary/index.ts";
import type { ClassDescriptor, ExchangeLevel } from "./class-descriptor.ts";
import { readerFeatures } from "./class-descriptor.ts";

/** What is other about a reader than its descriptor says. Each member is one change. */
export interface QuirkChanges {
  /** The level of exchange that works. */
  readonly level?: ExchangeLevel;
  /** Bits of dwFeatures to add. */
  readonly addFeatures?: number;
  readonly maxIfsd?: number;
  /** Bits per second. Rates above are left out of the list. */
  readonly maxDataRate?: number;
  /** The rates of all slots but the first. */
  readonly secondaryDataRates?: readonly number[];
  /** The PIN pad that it announces does not exist, or is unsafe. */
  readonly noPinPad?: true;
  /** It is refused: the firmware is known not to work. */
  readonly refused?: true;
  /** The maker's own driver for pcsc-lite has it where that is installed. */
  readonly makersDriverFirst?: true;
  /** It takes no PPS: the card stays with its first protocol. */
  readonly noPps?: true;
  /** SetParameters for T=1 may fail: the card is reset, and works. */
  readonly parametersMayFail?: true;
  /** A pause before the first command, in milliseconds. */
  readonly startPauseMs?: number;
  /** Escape commands to begin with, in hexadecimal. A failure does not matter. */
  readonly startEscapes?: readonly string[];
  /** Least wait for an answer, in milliseconds. */
  readonly leastAnswerMs?: number;
  /** Added to the wait for the card under T=1, in milliseconds. */
  readonly extraAnswerMs?: number;
  /** The escape command that takes the reader out of EMV mode, when it refuses a card in that mode. */
  readonly isoModeEscape?: string;
  /** The card is powered off before it is powered on. */
  readonly powersOffFirst?: true;
  /** It reports a card in every slot: only powering it shows whether there is one. */
  readonly presenceByPower?: true;
  /** Commands that the driver answers: both in hexadecimal. */
  readonly driverAnswers?: Readonly<Record<string, string>>;
  /** A command that is answered with the release of the device as text, in hexadecimal. */
  readonly releaseCommand?: string;
  /** Escape commands may always be sent; or those that begin so, in hexadecimal. */
  readonly allowedEscapes?: "all" | readonly string[];
  /** It passes FEATURE_MCT_READER_DIRECT on. */
  readonly mctReaderDirect?: true;
  /** It tells its firmware's abilities by escape command 6A, and its firmware by 02. */
  readonly firmwareFeatures?: true;
  readonly pin?: PinQuirks;
}

/** What is other about a PIN pad. */
export interface PinQuirks {
  /** bNumberMessage of PIN verification: the only one that the reader takes. */
  readonly verifyNumberMessage?: number;
  /** bEntryValidationCondition: the only one that the reader takes. */
  readonly validation?: number;
  /** The two bytes of wPINMaxExtraDigit change places in PIN verification. */
  readonly swapsExtraDigit?: true;
  /** A pause before PIN verification, so that the enter key is released, in milliseconds. */
  readonly pauseMs?: number;
  /** An escape command before PIN verification without a PIN block, with a command that has no data. */
  readonly bareVerifyEscape?: string;
  /** All three message indexes go to the reader, whatever bNumberMessage says: `zero` says 0 messages and index 0. */
  readonly allMessageIndexes?: "kept" | "zero";
  /** bNumberMessage of PIN modification: always this one. */
  readonly modifyNumberMessage?: number;
  /** bNumberMessage 0 of PIN modification becomes this one. */
  readonly modifyNoMessage?: number;
  readonly minDigits?: number;
  readonly maxDigits?: number;
}

/** A reader, or some releases of it, and what is other about it. */
export interface Quirk {
  readonly vendor: number;
  /** @default every product of the vendor */
  readonly product?: number;
  /** bcdDevice, both ends included. */
  readonly releases?: { readonly from?: number; readonly to?: number };
  /** Only where its descriptor says so. */
  readonly onlyLevel?: ExchangeLevel;
  readonly changes: QuirkChanges;
  readonly why: string;
  /** Where this is known from. */
  readonly source: string;
}

const OPEN = "libccid, src/ccid.c, ccid_open_hack_pre and ccid_open_hack_post";
const PIN = "libccid, src/commands.c, SecurePINVerify and SecurePINModify";
const HANDLER = "libccid, src/ifdhandler.c";
const USB = "libccid, src/ccid_usb.c";
const BOGUS = `${USB}, Bogus_firmwares`;

const noPinPad: QuirkChanges = { noPinPad: true };
const chainsWithoutPinPad: QuirkChanges = { noPinPad: true, level: "extended-apdu" };
const chains: QuirkChanges = { level: "extended-apdu" };
const secondarySlots: QuirkChanges = { secondaryDataRates: [10_753, 21_505, 43_011, 125_000] };

const NO_PIN_PAD = "it announces a PIN pad and has none";
const SENDS_PIN = "the PIN that is entered is sent to the computer as well";
const OMNIKEY_CHIP = "the chip announces a PIN pad that is not there, and chains messages at the level of short APDUs";

/** The texts of a PIN pad's display: command, address and a magic number, and ten texts of 16 characters. */
function displayTexts(texts: readonly string[]): string {
  const bytes = texts.flatMap((text) => Array.from(text.padEnd(16), (character) => character.charCodeAt(0)));
  return `B2A0004D4C${encodeHex(Uint8Array.from(bytes))}`;
}

const englishTexts = displayTexts([
  "Enter PIN",
  "New PIN",
  "New PIN again",
  "PIN correct",
  "PIN wrong",
  "Too late",
  "* tries left",
  "Insert card",
  "Card error",
  "PIN blocked",
]);

const gemaltoPinPad: QuirkChanges = {
  startPauseMs: 1_000,
  startEscapes: [englishTexts],
  pin: { verifyNumberMessage: 1, validation: 2, minDigits: 4, maxDigits: 8 },
};

function text(value: string): string {
  return encodeHex(new TextEncoder().encode(value));
}

/** Vendor, product, the first release that works, its name. */
const bogusFirmwares: readonly (readonly [number, number, number, string])[] = [
  [0x04e6, 0xe001, 0x0516, "SCR 331"],
  [0x04e6, 0x5111, 0x0620, "SCR 331-DI"],
  [0x04e6, 0xe003, 0x0510, "SPR 532"],
  [0x0d46, 0x3001, 0x0037, "KAAN Base"],
  [0x0d46, 0x3002, 0x0037, "KAAN Advanced"],
  [0x09c3, 0x0008, 0x0203, "ActivCard V2"],
  [0x0dc3, 0x1004, 0x0502, "ASE IIIe USB v2"],
  [0x0dc3, 0x1102, 0x0607, "ASE IIIe KB USB"],
  [0x058f, 0x9520, 0x0102, "Alcor AU9520-G"],
  [0x072f, 0x2200, 0x0206, "ACS ACR122U"],
  [0x08c3, 0x0402, 0x5000, "Precise 200 MC"],
  [0x08c3, 0x0401, 0x5000, "Precise 250 MC"],
  [0x0b0c, 0x0050, 0x0101, "Argos Mini II"],
  [0x0dc3, 0x0900, 0x0200, "Athena IDProtect Key v2"],
  [0x03f0, 0x0036, 0x0124, "HP USB keyboard"],
  [0x062d, 0x0001, 0x0102, "THRC reader"],
  [0x04e6, 0x5291, 0x0112, "SCM SCL010"],
];

const UNSUPPORTED = "libccid, readers/supported_readers.txt, section unsupported; the maker's driver is libacsccid";

const table: readonly Quirk[] = [
  one(
    0x072f,
    0x2200,
    { makersDriverFirst: true },
    "libccid leaves it to the maker's driver (ACS ACR122U)",
    UNSUPPORTED,
  ),
  one(
    0x072f,
    0x2224,
    { makersDriverFirst: true },
    "libccid leaves it to the maker's driver (ACS ACR1281U)",
    UNSUPPORTED,
  ),
  one(0x09be, 0x0002, { maxIfsd: 254 }, "dwMaxIFSD is wrong (MySmartPad)", OPEN),
  one(0x0b81, 0x0200, { startPauseMs: 1_000, leastAnswerMs: 60_000 }, "slow to start and to answer (CL1356D)", OPEN),
  one(0x0b97, 0x7762, { maxDataRate: 9_600, noPps: true }, "it cannot do PPS, nor fast rates (O2Micro OZ776)", OPEN),
  one(0x0b97, 0x7772, { maxDataRate: 9_600, noPps: true }, "as the OZ776 (O2Micro OZ776 7772)", OPEN),
  one(
    0x058f,
    0x9540,
    { maxDataRate: 200_000, parametersMayFail: true },
    "errors above 200,000 bits per second, and SetParameters fails with some cards (Alcor AU9540)",
    `${OPEN}; ${HANDLER}, IFDHSetProtocolParameters`,
  ),
  one(0x03f0, 0x1024, noPinPad, `${SENDS_PIN} (HP keyboard)`, OPEN),
  one(0x03f0, 0x0036, noPinPad, `${SENDS_PIN} (HP USB keyboard)`, OPEN),
  one(0x0bf8, 0x1017, noPinPad, `${SENDS_PIN} (Fujitsu keyboard)`, OPEN),
  one(0x04f2, 0x1469, noPinPad, `${SENDS_PIN} (Chicony HP keyboard)`, OPEN),
  one(0x0783, 0x0006, noPinPad, `${NO_PIN_PAD} (C3PO LTC31 v2)`, OPEN),
  one(0x25dd, 0x3111, noPinPad, `${NO_PIN_PAD} (bit4id miniLector)`, OPEN),
  one(0x076b, 0x3a21, chainsWithoutPinPad, `${OMNIKEY_CHIP} (OMNIKEY generic)`, OPEN),
  one(0x076b, 0x3031, chainsWithoutPinPad, `${OMNIKEY_CHIP} (OMNIKEY 3x21)`, OPEN),
  one(0x076b, 0x6632, chainsWithoutPinPad, `${OMNIKEY_CHIP} (OMNIKEY 6121)`, OPEN),
  one(0x046a, 0x00a7, chainsWithoutPinPad, `${OMNIKEY_CHIP} (Cherry Smart Terminal xx44)`, OPEN),
  one(0x0bf8, 0x1024, chainsWithoutPinPad, `${OMNIKEY_CHIP} (Fujitsu D323)`, OPEN),
  one(0x2f7c, 0x6007, chains, "it chains messages at the level of short APDUs (Diebold Nixdorf PN7362AU)", OPEN),
  {
    ...one(0x046a, 0x00a1, chains, "it chains responses above 128 bytes (Cherry KC 1000 SC, release 1.00)", OPEN),
    releases: { from: 0x0100, to: 0x0100 },
    onlyLevel: "short-apdu",
  },
  one(
    0x0d46,
    0x3010,
    { level: "short-apdu", mctReaderDirect: true },
    "it announces extended APDUs, which it cannot do (Kobil TriB@nk)",
    `${OPEN}; ${HANDLER}, IFDHControl`,
  ),
  one(0x0d46, 0x4289, { mctReaderDirect: true }, "it has the Secoder commands (Kobil mIDentity visual)", HANDLER),
  {
    ...one(
      0x0529,
      0x0620,
      { addFeatures: readerFeatures.automaticIfsd },
      "it fails at an IFSD exchange (eToken 5100)",
      OPEN,
    ),
    releases: { from: 0x0012, to: 0x0013 },
  },
  {
    vendor: 0x08e6,
    changes: { firmwareFeatures: true, allowedEscapes: ["02"] },
    why: "Gemalto readers tell more of themselves",
    source: OPEN,
  },
  one(
    0x08e6,
    0x5503,
    { allowedEscapes: ["52F8040100"] },
    "the command that switches between its interfaces (Prox-DU)",
    HANDLER,
  ),
  one(0x076b, 0x5427, { allowedEscapes: "all" }, "the only way to it without a card (OMNIKEY 5427 CK)", HANDLER),
  one(
    0x08e6,
    0x4433,
    { isoModeEscape: "1F01" },
    "it may be in EMV mode (GemPC433)",
    "libccid, src/commands.c, CmdPowerOn",
  ),
  one(
    0x046a,
    0x0005,
    { isoModeEscape: "1F01" },
    "it may be in EMV mode (Cherry XX33)",
    "libccid, src/commands.c, CmdPowerOn",
  ),
  one(
    0x0d46,
    0x301d,
    {
      powersOffFirst: true,
      driverAnswers: { FF9A010100: `${text("KOBIL systems")}9000`, FF9A010300: `${text("IDToken")}9000` },
      releaseCommand: "FF9A010600",
    },
    "its card must be off before it is powered, and programs ask the driver for its name (Kobil IDToken)",
    HANDLER,
  ),
  {
    ...one(
      0x08e6,
      0x3480,
      { presenceByPower: true, ...secondarySlots },
      "every slot reports a card (GemCore SIM Pro, release 1)",
      `${HANDLER}; ${USB}`,
    ),
    releases: { to: 0x01ff },
  },
  one(0x08e6, 0x3479, secondarySlots, "the slots beside the first are slower (GemCore POS Pro)", USB),
  one(
    0x08e6,
    0x34d2,
    { extraAnswerMs: 300_000 },
    "it generates keys for minutes without a sign (Thales Fusion NFC)",
    HANDLER,
  ),
  one(
    0x08e6,
    0x3478,
    gemaltoPinPad,
    "its display needs its texts, and it takes one message and the enter key only (GemPC Pinpad)",
    `${OPEN}; ${PIN}`,
  ),
  one(
    0x0982,
    0x0008,
    { ...gemaltoPinPad, pin: { ...gemaltoPinPad.pin, allMessageIndexes: "kept" } },
    "as the GemPC Pinpad (Covadis Vega-Alpha)",
    `${OPEN}; ${PIN}`,
  ),
  one(
    0x413c,
    0x2101,
    { pin: { verifyNumberMessage: 0, pauseMs: 250 } },
    "it takes no message (Dell SCRK keyboard)",
    PIN,
  ),
  one(
    0x413c,
    0x2100,
    { pin: { verifyNumberMessage: 0, pauseMs: 250, swapsExtraDigit: true } },
    "it takes no message, and reads wPINMaxExtraDigit the wrong way round (Dell SK keyboard)",
    PIN,
  ),
  one(
    0x04e6,
    0xe003,
    { pin: { bareVerifyEscape: "800200", allMessageIndexes: "zero" } },
    "it needs a command before a PIN without padding, and all message indexes (SPR 532)",
    PIN,
  ),
  one(
    0x046a,
    0x003e,
    { pin: { allMessageIndexes: "zero", minDigits: 0, maxDigits: 25 } },
    "it needs all message indexes (Cherry ST-2000)",
    `${PIN}; ${HANDLER}`,
  ),
  one(
    0x046a,
    0x0010,
    { pin: { modifyNumberMessage: 3 } },
    "it changes a PIN with three messages only (Cherry XX44)",
    PIN,
  ),
  one(
    0x046a,
    0x00a1,
    { pin: { modifyNoMessage: 0xff, minDigits: 0, maxDigits: 32 } },
    "it changes no PIN without a message (Cherry KC 1000 SC)",
    `${PIN}; ${HANDLER}`,
  ),
  one(
    0x076b,
    0x3821,
    { pin: { minDigits: 1, maxDigits: 31 } },
    "the lengths of PINs that it takes (OMNIKEY 3821)",
    HANDLER,
  ),
  ...bogusFirmwares.map(([vendor, product, works, name]): Quirk => {
    const why = `releases before ${release(works)} do not work (${name})`;
    return { vendor, product, releases: { to: works - 1 }, changes: { refused: true }, why, source: BOGUS };
  }),
];

/** What is known of readers, beyond what their descriptors say. Later lines add to earlier ones. */
export const knownQuirks: readonly Quirk[] = table;

function one(vendor: number, product: number, changes: QuirkChanges, why: string, source: string): Quirk {
  return { vendor, product, changes, why, source };
}

/** bcdDevice as people write it: 0x0516 is 5.16. */
export function release(bcd: number): string {
  return `${(bcd >> 8).toString(16)}.${hexByte(bcd & 0xff)}`;
}

/** A reader whose quirks are looked for. */
export interface QuirkSubject {
  readonly vendorId: number;
  readonly productId: number;
  readonly deviceRelease: number;
}

/** Whether the maker's own driver for pcsc-lite comes before ours. */
export function isForMakersDriver({ vendorId, productId, deviceRelease }: QuirkSubject): boolean {
  return knownQuirks.some(
    ({ changes, product, releases, vendor }) =>
      changes.makersDriverFirst === true &&
      vendor === vendorId &&
      (product ?? productId) === productId &&
      deviceRelease >= (releases?.from ?? 0) &&
      deviceRelease <= (releases?.to ?? 0xffff),
  );
}

/** The changes for a reader, and why. */
export function quirksOf(
  { vendorId, productId, deviceRelease }: QuirkSubject,
  { level }: Pick<ClassDescriptor, "level">,
  quirks: readonly Quirk[] = knownQuirks,
): { readonly changes: QuirkChanges; readonly why: readonly string[] } {
  const found = quirks.filter(({ vendor, product, releases, onlyLevel }) => {
    if (vendor !== vendorId || (product !== undefined && product !== productId)) return false;
    if (onlyLevel !== undefined && onlyLevel !== level) return false;
    return deviceRelease >= (releases?.from ?? 0) && deviceRelease <= (releases?.to ?? 0xffff);
  });
  let changes: QuirkChanges = {};
  for (const quirk of found) changes = merged(changes, quirk.changes);
  return { changes, why: found.map(({ why }) => why) };
}

function merged(first: QuirkChanges, second: QuirkChanges): QuirkChanges {
  const both = { ...first, ...second };
  const pin = first.pin && second.pin ? { pin: { ...first.pin, ...second.pin } } : {};
  return { ...both, ...pin, ...mergedEscapes(first.allowedEscapes, second.allowedEscapes) };
}

function mergedEscapes(
  first: QuirkChanges["allowedEscapes"],
  second: QuirkChanges["allowedEscapes"],
): Pick<QuirkChanges, "allowedEscapes"> {
  if (first === undefined || second === undefined) return {};
  if (first === "all" || second === "all") return { allowedEscapes: "all" };
  return { allowedEscapes: [...first, ...second] };
}

/** A card whose ATR is wrong. */
interface CardQuirk {
  /** In hexadecimal. */
  readonly atr: string;
  readonly bwi: number;
  readonly cwi: number;
  readonly why: string;
  readonly source: string;
}

/** What is known of cards, beyond what their ATRs say. */
export const cardQuirks: readonly CardQuirk[] = [
  {
    atr: "3BFA1300FF813180450031C173C00100009000B1",
    bwi: 7,
    cwi: 5,
    why: "it takes longer to make a key than its ATR says, and does not ask for more time (OpenPGP card)",
    source: `${HANDLER}, IFDHSetProtocolParameters`,
  },
];
