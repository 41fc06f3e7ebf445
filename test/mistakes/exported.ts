// SPDX-License-Identifier: MIT

// What each function and class of each published subpath takes: the table of mistakes. A new export must be in it.

import { createHash } from "node:crypto";
import * as binary from "../../src/base/binary/index.ts";
import * as iso7816 from "../../src/base/iso7816/index.ts";
import * as database from "../../src/database/index.ts";
import * as bridge from "../../src/entry/bridge.ts";
import * as bridgeServer from "../../src/entry/bridge-server.ts";
import * as browser from "../../src/entry/browser.ts";
import * as cards from "../../src/entry/cards.ts";
import * as embedded from "../../src/entry/embedded.ts";
import * as farm from "../../src/entry/farm.ts";
import * as machine from "../../src/entry/machine.ts";
import * as cardModules from "../../src/entry/modules.ts";
import * as observe from "../../src/entry/observe.ts";
import * as pcscd from "../../src/entry/pcscd.ts";
import * as pcscliteCompat from "../../src/entry/pcsclite-compat.ts";
import * as providers from "../../src/entry/providers.ts";
import * as root from "../../src/entry/root.ts";
import * as smartcardCompat from "../../src/entry/smartcard-compat.ts";
import * as rig from "../../src/entry/test-rig.ts";
import * as web from "../../src/entry/web.ts";
import * as webCryptoEntry from "../../src/entry/web-crypto.ts";
import * as winscard from "../../src/entry/winscard.ts";
import * as server from "../../src/faces/pcsclite-server/index.ts";
import * as managerRoom from "../../src/managers/embedded/index.ts";
import * as pcsc from "../../src/port/index.ts";
import * as vpcd from "../../src/readers/vpcd/index.ts";
import * as testing from "../../src/testing/runtime/index.ts";
import * as pcsclite from "../../src/wire/pcsclite/index.ts";
import { type Argument, type WrongValue, wrongValues } from "./wrong-values.ts";

/** A function with what it takes, or why there is nothing that it could refuse. */
export type Row = { readonly call: (...args: never[]) => unknown; readonly args: readonly Argument[] } | string;

const arg = (good: () => unknown, ...accepts: WrongValue[]): Argument => ({ good, accepts });
const row = (call: (...args: never[]) => unknown, ...args: Argument[]): Row => ({ call, args });

const someBytes = (): Uint8Array => Uint8Array.of(0x3b, 0x00);
const bytes = arg(someBytes, "bytes");
const text = arg(() => "text", "text");
const optionalText = arg(() => "text", "text", "undefined");
/** Numbers for which 5 is one. */
const whole = arg(() => 1, "number");
const optionalWhole = arg(() => 1, "number", "undefined");
const dword = arg(() => 1, "number", "negative");
const work = arg(() => () => undefined, "function");
/** An options object all of whose members may be left out. */
const options = arg(() => ({}), "object", "undefined");
const list = (...good: unknown[]): Argument => arg(() => good);
const anything = arg(
  () => undefined,
  ...([
    "undefined",
    "null",
    "text",
    "number",
    "negative",
    "huge",
    "fraction",
    "NaN",
    "bigint",
    "boolean",
    "symbol",
    "object",
    "unknownMember",
    "array",
    "bytes",
    "words",
    "view",
    "arrayLike",
    "function",
    "promise",
    "hostile",
  ] as const),
);
/** Words of an enumeration. */
const dialect = arg(() => "windows", "undefined");

const command: iso7816.CommandApdu = { cla: 0, ins: 0xa4, p1: 4, p2: 0, data: someBytes(), le: 256, extended: false };
const response: iso7816.ResponseApdu = { data: someBytes(), sw1: 0x90, sw2: 0, sw: 0x9000 };
const aCommand = arg(() => command);
const aResponse = arg(() => response);
const atr = (): unknown => {
  const decoded = iso7816.decodeAtr(someBytes());
  return decoded.ok ? decoded.value : undefined;
};
const runtime = embedded.nodeRuntime();
const { clock, random } = runtime;
const place = { operation: "test", path: "value" };
const aClock = arg(() => clock);
const aRandom = arg(() => random);
/** A call whose good arguments name a file that is not there. */
const withoutFile =
  <A extends readonly unknown[], T>(call: (...args: A) => Promise<T>) =>
  async (...args: A): Promise<T | undefined> => {
    try {
      return await call(...args);
    } catch (error) {
      if (error instanceof pcsc.SmartCardError && error.code === "file-not-found") return undefined;
      throw error;
    }
  };

const manager = new embedded.EmbeddedManager({ runtime });
const aManager = arg(() => manager);
const checked = (
  check: (value: unknown, at: pcsc.Place) => unknown,
  good: () => unknown,
  ...accepts: WrongValue[]
): Row => row((value: unknown) => check(value, place), arg(good, ...accepts));
const DECLARES_CHECK = "declares a check: its arguments are written in the program that has the options object";
const TAKES_ALL = "takes any value";
const OF_MANAGERS = "is for managers, which pass what their own checks of arguments gave";
const OF_THE_DAEMON = "is for the daemon and listenVpcd, which pass what their own checks of options gave";
const image = (): unknown => {
  const parsed = cards.parseCardImage({ name: "Test", files: [] });
  return parsed.ok ? parsed.value : undefined;
};

const anApplication: cards.CardApplication = {
  aid: new Uint8Array(5),
  select: () => ({ status: 0x9000 }),
  deselect: () => undefined,
  reset: () => undefined,
  process: () => ({ status: 0x9000 }),
};

const binaryRows: Readonly<Record<string, Row>> = {
  ByteCursor: row((value: Uint8Array) => new binary.ByteCursor(value), bytes),
  SecretBytes: row((value: Uint8Array) => new binary.SecretBytes(value), bytes),
  bytes: row(binary.bytes, whole),
  checkBytes: row(binary.checkBytes, bytes, anything),
  checkMembers: DECLARES_CHECK,
  checkFunction: DECLARES_CHECK,
  checkList: DECLARES_CHECK,
  checkObject: DECLARES_CHECK,
  checkText: DECLARES_CHECK,
  checkTruth: DECLARES_CHECK,
  checkWhole: DECLARES_CHECK,
  checkWord: DECLARES_CHECK,
  shown: TAKES_ALL,
  quoteWord: row(binary.quoteWord, text),
  bigEndianBytes: row(binary.bigEndianBytes, whole, whole, whole, text),
  bigEndianNumber: row(binary.bigEndianNumber, bytes),
  concatBytes: row(binary.concatBytes, bytes, bytes),
  copyBytes: row(binary.copyBytes, bytes),
  cstring: row(binary.cstring, whole),
  decodeHex: row(binary.decodeHex, text),
  decoding: row(
    binary.decoding,
    arg(() => new Uint8Array(0), "bytes"),
    work,
  ),
  encodeHex: row(binary.encodeHex, bytes, optionalText),
  equalBytes: row(binary.equalBytes, bytes, bytes),
  escapedJson: row(binary.escapedJson, text),
  hexDword: row(binary.hexDword, dword),
  hexWord: row(binary.hexWord, whole),
  failure: TAKES_ALL,
  hexByte: row(binary.hexByte, whole),
  hexBytes: row(
    binary.hexBytes,
    arg(() => "00", "text"),
  ),
  isBytes: TAKES_ALL,
  kindOf: TAKES_ALL,
  pad: row(binary.pad, whole),
  quoteUnlessBytes: row(binary.quoteUnlessBytes, text),
  repeat: row(
    binary.repeat,
    arg(() => binary.u8),
    whole,
  ),
  struct: row(
    binary.struct,
    text,
    arg(() => ({ field: binary.u8 }), "object"),
  ),
  success: TAKES_ALL,
  withSecret: row(binary.withSecret, bytes, work),
  withoutBytes: row(binary.withoutBytes, text, list("text")),
  zeroBytes: row(binary.zeroBytes, bytes),
};

const iso7816Rows: Readonly<Record<string, Row>> = {
  ExchangeError: "is made by runExchange",
  ExchangeRedactor: row((value: object) => new iso7816.ExchangeRedactor(value), options),
  atrTimings: row(iso7816.atrTimings, arg(atr), options),
  beginExchange: row(iso7816.beginExchange, aCommand, options),
  buildAtr: row(
    iso7816.buildAtr,
    arg(() => ({}), "object"),
  ),
  checkPpsResponse: row(
    iso7816.checkPpsResponse,
    arg(() => ({ protocol: 1 })),
    arg(() => ({ protocol: 1 })),
  ),
  commandCase: row(iso7816.commandCase, aCommand),
  commandForT0: row(iso7816.commandForT0, aCommand),
  decodeAtr: row(iso7816.decodeAtr, bytes),
  decodeBerTlv: row(iso7816.decodeBerTlv, bytes, options),
  decodeClassByte: row(iso7816.decodeClassByte, whole),
  decodeCommand: row(iso7816.decodeCommand, bytes),
  decodeCompactTlv: row(iso7816.decodeCompactTlv, bytes),
  decodeDataObjects: row(iso7816.decodeDataObjects, bytes),
  decodeFileControl: row(iso7816.decodeFileControl, bytes),
  decodeFileDescriptor: row(iso7816.decodeFileDescriptor, bytes),
  decodeFileIds: row(iso7816.decodeFileIds, bytes),
  decodeHeaderList: row(iso7816.decodeHeaderList, bytes),
  decodeHistoricalBytes: row(iso7816.decodeHistoricalBytes, bytes),
  decodeLeadingDataObjects: row(iso7816.decodeLeadingDataObjects, bytes),
  decodeLifeCycle: row(iso7816.decodeLifeCycle, whole),
  decodePps: row(iso7816.decodePps, bytes),
  decodeResponse: row(iso7816.decodeResponse, bytes),
  decodeSimpleTlv: row(iso7816.decodeSimpleTlv, bytes),
  decodeTransmissionFactors: row(iso7816.decodeTransmissionFactors, whole),
  describeCommand: row(iso7816.describeCommand, aCommand),
  describeCommandBytes: row(iso7816.describeCommandBytes, bytes),
  describeContactless: row(
    iso7816.describeContactless,
    arg(() => ({ kind: "processor-card" })),
  ),
  describeControlBytes: row(iso7816.describeControlBytes, dword, bytes),
  pinPadCommand: row(iso7816.pinPadCommand, bytes),
  describeMalformedCommand: row(iso7816.describeMalformedCommand, bytes, text),
  describeResponseBytes: row(iso7816.describeResponseBytes, bytes, bytes),
  describeStatusWord: row(
    iso7816.describeStatusWord,
    arg(() => 1, "number", "negative", "huge"),
    optionalWhole,
  ),
  disclosureOf: row(iso7816.disclosureOf, aCommand, options),
  encodeBerTlv: row(iso7816.encodeBerTlv, list({ tag: 0x80, value: someBytes() })),
  encodeCommand: row(iso7816.encodeCommand, aCommand),
  encodeCompactTlv: row(iso7816.encodeCompactTlv, list({ tag: 1, value: someBytes() })),
  encodeDataObject: row(iso7816.encodeDataObject, whole, bytes),
  encodeFileControl: row(
    iso7816.encodeFileControl,
    arg(() => "fcp"),
    arg(() => ({}), "object"),
  ),
  encodeFileDescriptor: row(
    iso7816.encodeFileDescriptor,
    arg(() => ({ structure: "df" })),
  ),
  encodeFileIds: row(iso7816.encodeFileIds, list(1)),
  encodeLifeCycle: row(
    iso7816.encodeLifeCycle,
    arg(() => "activated"),
  ),
  encodeShortId: row(iso7816.encodeShortId, whole),
  encodePps: row(
    iso7816.encodePps,
    arg(() => ({ protocol: 1 })),
  ),
  encodeResponse: row(iso7816.encodeResponse, bytes, whole),
  encodeSimpleTlv: row(iso7816.encodeSimpleTlv, list({ tag: 1, value: someBytes() })),
  etuFactorsOf: row(iso7816.etuFactorsOf, whole),
  findBerTlv: row(iso7816.findBerTlv, list({ tag: 0x80, value: someBytes(), children: undefined }), whole, whole),
  followUp: row(iso7816.followUp, aCommand, aResponse),
  instructionName: row(iso7816.instructionName, whole, whole),
  longDataOf: row(iso7816.longDataOf, bytes),
  plainClassByte: row(iso7816.plainClassByte, whole),
  runExchange: row(
    iso7816.runExchange,
    arg(() => async () => Uint8Array.of(0x90, 0)),
    aCommand,
    options,
  ),
  stepExchange: row(
    iso7816.stepExchange,
    arg(() => iso7816.beginExchange(command)),
    aResponse,
  ),
  storageCardHistoricalBytes: row(iso7816.storageCardHistoricalBytes, whole, whole),
  withheldText: row(iso7816.withheldText, whole),
};

const readerFacts = {
  description: { name: "Desk", vendorName: "scard", ifdType: "virtual", version: 1, serialNumber: "1" },
  cardPresent: false,
};

const pcscRows: Readonly<Record<string, Row>> = {
  AssertionError: "is thrown for a bug of ours",
  CardCache: row((value: object) => new pcsc.CardCache(value), options),
  ConnectionBase: row(
    (terms: never) => new (class extends (pcsc.ConnectionBase as unknown as new (terms: never) => object) {})(terms),
    arg(() => ({ now: clock.now, preferredProtocols: [] })),
  ),
  Pace: row((value: pcsc.Clock) => new pcsc.Pace(value), aClock),
  SmartCardError: row(
    (code: pcsc.ErrorCode, message: string, details: object, cause: object) =>
      new pcsc.SmartCardError(code, message, details, cause),
    arg(() => "timeout"),
    arg(() => "message", "text"),
    // Details and options may have more members than ours.
    arg(() => ({}), "object", "undefined", "unknownMember", "arrayLike"),
    arg(() => ({}), "object", "undefined", "unknownMember", "arrayLike"),
  ),
  abortSignal: checked(pcsc.abortSignal, () => new AbortController().signal),
  abortedError: row(
    pcsc.abortedError,
    text,
    arg(() => undefined, "undefined"),
    anything,
  ),
  anyText: checked(pcsc.anyText, () => "text", "text"),
  asksForCredentials: OF_THE_DAEMON,
  assert: "is for bugs of ours",
  assertNever: "is for bugs of ours",
  attributeValue: row(
    pcsc.attributeValue,
    arg(() => "system", "number"),
    whole,
  ),
  byteString: checked(pcsc.byteString, () => someBytes(), "bytes"),
  cacheRevision: row(pcsc.cacheRevision, dword),
  callback: DECLARES_CHECK,
  checkCommand: row(
    pcsc.checkCommand,
    arg(() => new Uint8Array(5), "bytes"),
    anything,
  ),
  channelIdOf: row(
    pcsc.channelIdOf,
    arg(() => Uint8Array.of(1, 0, 0, 0), "bytes", "undefined"),
  ),
  checkControl: row(pcsc.checkControl, dword, bytes, options),
  checkGetAttribute: row(pcsc.checkGetAttribute, dword, options),
  checkSetAttribute: row(pcsc.checkSetAttribute, dword, bytes, options),
  checkTransmit: row(
    pcsc.checkTransmit,
    arg(() => new Uint8Array(5), "bytes"),
    options,
    anything,
  ),
  checkConnectOptions: row(
    pcsc.checkConnectOptions,
    arg(() => ({ shareMode: "shared", preferredProtocols: ["t0"] })),
    anything,
  ),
  checkContextOptions: row(pcsc.checkContextOptions, options),
  checkDisposition: row(
    pcsc.checkDisposition,
    anything,
    arg(() => "leave"),
  ),
  checkDword: row(pcsc.checkDword, anything, dword, anything),
  checkGroups: row(
    pcsc.checkGroups,
    arg(() => ["group"], "undefined"),
  ),
  checkIdentity: row(
    pcsc.checkIdentity,
    arg(() => ({ name: "test" })),
  ),
  checkName: row(pcsc.checkName, text, anything),
  checkNewReaderName: row(pcsc.checkNewReaderName, text),
  checkQueries: row(pcsc.checkQueries, list({ reader: "Desk" })),
  checkReaderName: row(pcsc.checkReaderName, anything, text, anything),
  checkReconnectOptions: row(
    pcsc.checkReconnectOptions,
    arg(() => ({ shareMode: "shared", preferredProtocols: ["t0"], initialization: "leave" })),
    anything,
  ),
  checkTransmitOptions: row(pcsc.checkTransmitOptions, options),
  checkWait: row(pcsc.checkWait, anything, options),
  classFunction: row(pcsc.classFunction, dword),
  clockObject: checked(pcsc.clockObject, () => clock),
  controlCode: row(pcsc.controlCode, whole, dialect),
  decideAccess: OF_THE_DAEMON,
  decodeFeatureList: row(pcsc.decodeFeatureList, bytes),
  decodeReaderState: row(pcsc.decodeReaderState, dword),
  describeHolder: row(
    pcsc.describeHolder,
    arg(() => ({ client: "test", shareMode: "shared", transaction: false, heldMs: 1 })),
  ),
  encodeFeatureList: row(pcsc.encodeFeatureList, list({ tag: 1, controlCode: 1 })),
  encodeReaderState: row(
    pcsc.encodeReaderState,
    arg(() => ({}), "object"),
    whole,
  ),
  endAttributeText: row(
    pcsc.endAttributeText,
    dword,
    bytes,
    arg(() => true, "boolean"),
  ),
  errorFromNumber: row(pcsc.errorFromNumber, dword, dialect),
  errorName: row(
    pcsc.errorName,
    arg(() => "timeout"),
  ),
  errorNumber: row(
    pcsc.errorNumber,
    arg(() => "timeout"),
    dialect,
  ),
  exchangeCommand: row(
    pcsc.exchangeCommand,
    aCommand,
    arg(() => async () => Uint8Array.of(0x90, 0)),
    arg(() => ({ protocol: "t1" }), "object", "undefined"),
  ),
  expectsCard: row(
    pcsc.expectsCard,
    arg(() => ({}), "object"),
  ),
  featureOfTag: row(pcsc.featureOfTag, whole),
  fractionalMilliseconds: checked(pcsc.fractionalMilliseconds, () => 0.5, "number", "huge", "fraction"),
  fromNumber: row(
    pcsc.fromNumber,
    arg(() => pcsc.scopes, "object", "unknownMember", "arrayLike"),
    anything,
    dialect,
  ),
  foldName: row(pcsc.foldName, text),
  having: DECLARES_CHECK,
  includesEveryReader: row(
    pcsc.includesEveryReader,
    arg(() => ["text"], "undefined"),
  ),
  isPseudoReader: row(pcsc.isPseudoReader, text),
  limitsOf: DECLARES_CHECK,
  listOf: DECLARES_CHECK,
  listOfWords: DECLARES_CHECK,
  managerObject: checked(pcsc.managerObject, () => manager),
  milliseconds: checked(pcsc.milliseconds, () => 5, "number"),
  nearest: row(pcsc.nearest, text, list("text")),
  normalizeGuid: row(
    pcsc.normalizeGuid,
    arg(() => "01234567-89AB-CDEF-0123-456789ABCDEF"),
  ),
  noTrace: TAKES_ALL,
  optional: DECLARES_CHECK,
  optionsOf: DECLARES_CHECK,
  ownError: TAKES_ALL,
  partOf: DECLARES_CHECK,
  partsOf: DECLARES_CHECK,
  protocolMask: row(pcsc.protocolMask, list("t0"), dialect),
  protocolsInMask: row(pcsc.protocolsInMask, dword, dialect),
  read: DECLARES_CHECK,
  reasonIn: row(
    pcsc.reasonIn,
    text,
    arg(() => "timeout"),
  ),
  readerAttribute: row(
    pcsc.readerAttribute,
    dword,
    arg(() => readerFacts),
  ),
  readerKey: row(pcsc.readerKey, text),
  protocolToTransmit: OF_MANAGERS,
  readerNameProblem: "takes any value, and says what is wrong with it",
  refuse: DECLARES_CHECK,
  runtimeObject: checked(pcsc.runtimeObject, () => runtime),
  runtimeOf: "is for nodeRuntime and browserRuntime, which pass a machine of their own; options are checked there",
  sameName: row(pcsc.sameName, text, text),
  serviceControlCode: row(pcsc.serviceControlCode, dword),
  shown: TAKES_ALL,
  text: DECLARES_CHECK,
  timeoutOfNumber: "returns any other value as it is, for the port to refuse",
  toNumber: row(
    pcsc.toNumber,
    arg(() => pcsc.scopes, "object"),
    arg(() => "user"),
    dialect,
  ),
  toPcscliteControlCode: row(pcsc.toPcscliteControlCode, dword),
  toWindowsControlCode: row(pcsc.toWindowsControlCode, dword),
  truth: checked(pcsc.truth, () => true, "boolean"),
  watchReaders: row(pcsc.watchReaders, aManager, options),
  wholeNumber: DECLARES_CHECK,
  withDefaults: DECLARES_CHECK,
  word: DECLARES_CHECK,
  PromisedWait: OF_MANAGERS,
  Wait: OF_MANAGERS,
  answersQuery: OF_MANAGERS,
  checkReadersKnown: OF_MANAGERS,
  noChange: OF_MANAGERS,
  reportReaders: OF_MANAGERS,
  asFailure: TAKES_ALL,
  GrowingPause: OF_MANAGERS,
  pause: OF_MANAGERS,
  pauseOrFail: OF_MANAGERS,
  checkStatusWait: OF_MANAGERS,
  timedOut: OF_MANAGERS,
  tooManyConnections: OF_MANAGERS,
  tooManyWaits: OF_MANAGERS,
  within: OF_MANAGERS,
  unknownReader: OF_MANAGERS,
};

const databaseRows: Readonly<Record<string, Row>> = {
  AtrIndex: "has no arguments",
  Database: row(
    (store: database.Store, value: object) => new database.Database(store, value),
    arg(() => new database.MemoryStore()),
    options,
  ),
  MemoryStore: "has no arguments",
  checkCardType: row(
    database.checkCardType,
    arg(() => ({ name: "Test" })),
  ),
  countedBits: row(
    database.countedBits,
    arg(() => ({ atr: someBytes() })),
  ),
  foldName: row(database.foldName, text),
  matchesAtr: row(
    database.matchesAtr,
    arg(() => ({ atr: someBytes() })),
    bytes,
  ),
  parseAtrExpression: row(database.parseAtrExpression, text),
  parseSmartCardList: row(database.parseSmartCardList, bytes),
  sameName: row(database.sameName, text, text),
};

const cardsRows: Readonly<Record<string, Row>> = {
  ApplicationCard: row(
    (value: cards.ApplicationCardOptions) => new cards.ApplicationCard(value),
    arg(() => ({ applications: [anApplication], atr: someBytes() })),
  ),
  ContactlessCard: row(
    (value: cards.ContactlessCardOptions) => new cards.ContactlessCard(value),
    arg(() => ({ card: new cards.Type2Tag() })),
  ),
  FileSystemCard: row(
    (one: cards.CardImage, other: pcsc.Random, cipher: never) => new cards.FileSystemCard(one, other, cipher),
    arg(image),
    aRandom,
    arg(() => undefined, "undefined", "function"),
  ),
  FaultyCard: row(
    (card: cards.SoftwareCard, value: cards.FaultyCardOptions) => new cards.FaultyCard(card, value),
    arg(() => new cards.Type2Tag()),
    arg(() => ({ faults: [], clock })),
  ),
  MifareClassicCard: row((value: object) => new cards.MifareClassicCard(value), options),
  NdefApplication: row((value: object) => new cards.NdefApplication(value), options),
  T0Adapter: row(
    (card: cards.SoftwareCard) => new cards.T0Adapter(card),
    arg(() => new cards.Type2Tag()),
  ),
  Type2Tag: row((value: object) => new cards.Type2Tag(value), options),
  VirtualReader: row(
    (value: cards.VirtualReaderOptions) => new cards.VirtualReader(value),
    arg(() => ({ clock })),
  ),
  demoCard: row(cards.demoCard, aRandom),
  parseCardImage: "takes any value, and says what is wrong with it",
};

const vpcdRows: Readonly<Record<string, Row>> = {
  admitsAnybody: OF_THE_DAEMON,
  CardDoor: OF_THE_DAEMON,
  VpcdCard: "is for plugIntoVpcd, which passes what its own check of arguments gave",
  FrameDecoder: "has no arguments",
  VpcdReader: row(
    (value: never) => new vpcd.VpcdReader(value),
    arg(() => ({ host: "127.0.0.1", port: 1, clock, trace: () => undefined, release: () => undefined })),
  ),
  encodeControl: row(
    vpcd.encodeControl,
    arg(() => "reset"),
  ),
  encodeFrame: row(vpcd.encodeFrame, bytes),
};

const A_GUID = "01234567-89AB-CDEF-0123-456789ABCDEF";

const pcscliteRows: Readonly<Record<string, Row>> = {
  ClientSession: row(
    (value: pcsclite.ClientSessionOptions) => new pcsclite.ClientSession(value),
    arg(() => ({ send: () => undefined, ended: () => undefined })),
  ),
  RequestDecoder: "has no arguments",
  encodeRequest: row(
    pcsclite.encodeRequest,
    arg(() => ({ kind: "status", card: 1 })),
  ),
  encodeResponse: row(
    pcsclite.encodeResponse,
    arg(() => ({ kind: "status", card: 1 })),
    arg(() => ({ rv: 0 })),
  ),
  encodeSignal: row(pcsclite.encodeSignal, whole),
  guidBytes: row(
    pcsclite.guidBytes,
    arg(() => A_GUID),
  ),
  guidText: row(
    pcsclite.guidText,
    arg(() => new Uint8Array(16), "bytes"),
  ),
  maxSocketPathBytes: row(pcsclite.maxSocketPathBytes, text),
  prepareControl: row(pcsclite.prepareControl, dword, whole, bytes, options),
  prepareTransmit: row(pcsclite.prepareTransmit, dword, whole, bytes, options),
  socketPathProblem: row(pcsclite.socketPathProblem, text, text),
  versionOf: row(pcsclite.versionOf, dword, dword),
  wipeRequest: row(
    pcsclite.wipeRequest,
    arg(() => ({ kind: "status", card: 1 })),
  ),
};

/** Calls a session that gets no answer, and ends it. */
async function asked(call: (session: pcsclite.ClientSession) => Promise<unknown>): Promise<void> {
  const session = new pcsclite.ClientSession({ send: () => undefined, ended: () => undefined });
  const answer = call(session);
  session.closed("over");
  await answer.catch((error: unknown) => {
    const isOver = error instanceof pcsc.SmartCardError && /^(?:service-stopped|unsupported-feature)$/.test(error.code);
    if (!isOver) throw error;
  });
}

const anItem = arg(() => ({ context: 1, card: new Uint8Array(16), freshness: 1, name: "item" }));
type Session = pcsclite.ClientSession;
const sessionRow = <A extends unknown[]>(
  call: (session: Session, ...args: A) => Promise<unknown>,
  ...args: Argument[]
) => row((...given: never[]) => asked((session) => call(session, ...(given as unknown as A))), ...args);

const sessionRows: Readonly<Record<string, Row>> = {
  open: sessionRow(
    (session: Session, newest: pcsclite.ProtocolVersion) => session.open(newest),
    arg(() => "4:5", "undefined"),
  ),
  establish: sessionRow((session: Session, scope: number) => session.establish(scope), whole),
  release: sessionRow((session: Session, context: number) => session.release(context), dword),
  connect: sessionRow(
    (session: Session, terms: pcsclite.ConnectTerms) => session.connect(terms),
    arg(() => ({ context: 1, reader: "Desk", shareMode: 2, preferredProtocols: 3 })),
  ),
  "connect, reader": sessionRow(
    (session: Session, reader: string) => session.connect({ context: 1, reader, shareMode: 2, preferredProtocols: 3 }),
    text,
  ),
  reconnect: sessionRow(
    (session: Session, terms: pcsclite.ReconnectTerms) => session.reconnect(terms),
    arg(() => ({ card: 1, shareMode: 2, preferredProtocols: 3, initialization: 0 })),
  ),
  disconnect: sessionRow((session: Session, card: number, how: number) => session.disconnect(card, how), dword, whole),
  begin: sessionRow((session: Session, card: number) => session.begin(card), dword),
  end: sessionRow((session: Session, card: number, how: number) => session.end(card, how), dword, whole),
  status: sessionRow((session: Session, card: number) => session.status(card), dword),
  transmit: sessionRow(
    (session: Session, card: number, protocol: number, sent: Uint8Array, room: object) =>
      session.transmit(card, protocol, sent, room),
    dword,
    whole,
    bytes,
    options,
  ),
  control: sessionRow(
    (session: Session, card: number, code: number, sent: Uint8Array, room: object) =>
      session.control(card, code, sent, room),
    dword,
    whole,
    bytes,
    options,
  ),
  send: sessionRow(
    (session: Session, prepared: pcsclite.PreparedRequest<unknown>) => session.send(prepared),
    arg(() => pcsclite.prepareTransmit(1, 1, new Uint8Array(5))),
  ),
  getAttrib: sessionRow((session: Session, card: number, tag: number) => session.getAttrib(card, tag), dword, whole),
  setAttrib: sessionRow(
    (session: Session, card: number, tag: number, value: Uint8Array) => session.setAttrib(card, tag, value),
    dword,
    whole,
    bytes,
  ),
  cancel: sessionRow((session: Session, context: number) => session.cancel(context), dword),
  holder: sessionRow((session: Session, handle: number, reader: string) => session.holder(handle, reader), dword, text),
  readCache: sessionRow((session: Session, key: never) => session.readCache(key), anItem),
  writeCache: sessionRow(
    (session: Session, key: never, data: Uint8Array) => session.writeCache(key, data),
    anItem,
    bytes,
  ),
  received: sessionRow(async (session: Session, arrived: Uint8Array) => session.received(arrived), bytes),
  closed: sessionRow(async (session: Session, reason: string) => session.closed(reason), text),
};

/** What is inside of an options object, and what values that are written into structures have to be. */
const memberRows: Readonly<Record<string, Row>> = {
  ...Object.fromEntries(Object.entries(sessionRows).map(([name, one]) => [`ClientSession.${name}`, one])),
  "ClientSession, send": row((send: () => void) => new pcsclite.ClientSession({ send, ended: () => undefined }), work),
  "buildAtr, convention": row(
    (convention: "direct") => iso7816.buildAtr({ convention }),
    arg(() => "inverse", "undefined"),
  ),
  "buildAtr, protocols": row(
    (protocols: number[]) => iso7816.buildAtr({ protocols }),
    arg(() => [1], "undefined"),
  ),
  "buildAtr, specificMode": row(
    (specificMode: { protocol: number }) => iso7816.buildAtr({ specificMode }),
    arg(() => ({ protocol: 1 }), "undefined"),
  ),
  "buildAtr, edc": row(
    (edc: "crc") => iso7816.buildAtr({ protocols: [1], edc }),
    arg(() => "crc", "undefined"),
  ),
  "buildAtr, classes": row(
    (classes: "A"[]) => iso7816.buildAtr({ classes }),
    arg(() => ["A"], "undefined"),
  ),
  "buildAtr, clockStop": row(
    (clockStop: "no-preference") => iso7816.buildAtr({ clockStop }),
    arg(() => "no-preference", "undefined"),
  ),
  "u32le's write": row(
    (value: number) => binary.struct("s", { member: binary.u32le }).encode({ member: value }),
    whole,
  ),
  "i32le's write": row(
    (value: number) => binary.struct("s", { member: binary.i32le }).encode({ member: value }),
    dword,
  ),
  "bytes' write": row(
    (value: Uint8Array) => binary.struct("s", { member: binary.bytes(5) }).encode({ member: value }),
    arg(() => new Uint8Array(5), "bytes"),
  ),
  "cstring's write": row(
    (value: string) => binary.struct("s", { member: binary.cstring(9) }).encode({ member: value }),
    text,
  ),
  "repeat's write": row(
    (value: number[]) => binary.struct("s", { member: binary.repeat(binary.u8, 1) }).encode({ member: value }),
    list(1),
  ),
  "struct's encode": row(
    (value: { member: number }, rest: Uint8Array) => binary.struct("s", { member: binary.u8 }).encode(value, rest),
    arg(() => ({ member: 1 })),
    arg(someBytes, "bytes", "undefined"),
  ),
  "struct's decode": row((value: Uint8Array) => binary.struct("s", { member: binary.u8 }).decode(value), bytes),
  "SecretBytes.use": row((use: () => void) => new binary.SecretBytes(new Uint8Array(1)).use(use), work),
  "ByteCursor.u8": row((what: string) => new binary.ByteCursor(new Uint8Array(5)).u8(what), text),
  "ByteCursor.bytes": row(
    (length: number, what: string) => new binary.ByteCursor(new Uint8Array(5)).bytes(length, what),
    // A number that does not fit is a failure of the bytes, which decoding() answers.
    arg(() => 5, "number", "negative", "huge", "fraction", "NaN"),
    text,
  ),
  "T0Adapter.transmit": row((sent: Uint8Array) => new cards.T0Adapter(new cards.Type2Tag()).transmit(sent), bytes),
  "RequestDecoder.push": row((piece: Uint8Array) => new pcsclite.RequestDecoder().push(piece), bytes),
  "smartcard's correctLeInCommand": row(smartcardCompat.correctLeInCommand, bytes, whole),
  "smartcard's buildGetResponseCommand": row(smartcardCompat.buildGetResponseCommand, whole),
  "smartcard's parseFeatures": row(smartcardCompat.parseFeatures, bytes),
  "a card type's providers": row(
    (given: object) => database.checkCardType({ name: "Test", providers: given }),
    options,
  ),
};

const embeddedRows: Readonly<Record<string, Row>> = {
  EmbeddedManager: row(
    (value: never) => new embedded.EmbeddedManager(value),
    arg(() => ({ runtime })),
  ),
  embeddedManager: row(embedded.embeddedManager, options),
  // Undefined and {} are taken, at vpcd's own port, which may be in use here.
  listenVpcd: row(
    listenAndClose,
    arg(() => ({ port: 0 }), "object", "undefined"),
  ),
  nodeCardCrypto: row(
    embedded.nodeCardCrypto,
    arg(() => random, "undefined"),
  ),
  nodeBlockCipher: row(
    embedded.nodeBlockCipher,
    arg(() => "aes"),
    arg(() => new Uint8Array(16), "bytes"),
  ),
  nodeRuntime: row(embedded.nodeRuntime, options),
  openEmbeddedManager: row(
    embedded.openEmbeddedManager,
    arg(() => "embedded:virtual"),
    options,
  ),
  openSoftwareCard: row(
    embedded.openSoftwareCard,
    arg(() => "demo"),
  ),
  softwareCard: row(
    embedded.softwareCard,
    arg(() => "demo"),
  ),
  usbReaders: row(
    takeAndClose,
    arg(() => ({ manager: embedded.embeddedManager() })),
  ),
  virtualReader: row(embedded.virtualReader, options),
};

/** The manager of the machine, which is opened where none is given, is left alone. */
function openAndClose(value: pcscliteCompat.CompatOptions | undefined): void {
  if (value !== undefined && value !== wrongValues.object) pcscliteCompat.pcsclite(value).close();
}

async function listenAndClose(value: never): Promise<void> {
  const listener = await embedded.listenVpcd(value);
  await listener.close();
}

async function takeAndClose(value: never): Promise<void> {
  const usb = await embedded.usbReaders(value);
  await usb.close();
}

const ownManager = (): object => ({ manager });

/** `navigator.usb` without devices. */
const noUsb = { getDevices: async () => [], addEventListener: () => undefined, removeEventListener: () => undefined };

async function attachAndClose(value: never): Promise<void> {
  const readers = await browser.webUsbReaders(value);
  await readers.close();
}

/** A place of a card, in whose stead a card is made. */
const cardPlace = {};
const modulesRows: Readonly<Record<string, Row>> = {
  openCard: row(
    async (target: object, opening: object) => {
      const isPlace = target === cardPlace;
      const wanted = isPlace ? await rig.testRig({ card: "piv" }) : undefined;
      try {
        await (await cardModules.openCard((await wanted?.connect()) ?? target, opening)).close();
      } finally {
        await wanted?.close();
      }
    },
    // Undefined and {} are this machine's manager.
    arg(() => cardPlace, "object", "undefined"),
    options,
  ),
};

/** A public key: the base point of P-256. SP 800-186, 3.2.1.3. */
const basePoint = binary.hexBytes(
  "3059301306072A8648CE3D020106082A8648CE3D030107034200046B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296" +
    "4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5",
);
/** A card whose key signs anything with zeros. */
const cardWithKeys: webCryptoEntry.CardWithKeys = {
  reader: "Desk",
  containers: async () => [{ name: "1", publicKey: basePoint, uses: ["sign"] }],
  sign: async () => new Uint8Array(64),
  decrypt: async () => new Uint8Array(0),
  deriveKey: async () => new Uint8Array(32),
};
const { privateKey: aCardKey } = await webCryptoEntry.webCrypto(cardWithKeys).keyPair("1");
const payload = arg(() => "text", "text", "bytes");
const cardKey = arg(() => aCardKey);
const webCryptoRows: Readonly<Record<string, Row>> = {
  webCrypto: row(
    webCryptoEntry.webCrypto,
    arg(() => cardWithKeys),
    options,
  ),
  signJws: row(webCryptoEntry.signJws, payload, cardKey, options),
  signFlattenedJws: row(webCryptoEntry.signFlattenedJws, payload, cardKey, options),
  signGeneralJws: row(
    webCryptoEntry.signGeneralJws,
    payload,
    arg(() => [{ key: aCardKey }]),
  ),
  signJwt: row(
    webCryptoEntry.signJwt,
    arg(() => ({}), "object", "unknownMember", "arrayLike"),
    cardKey,
    options,
  ),
};

const ourHash = (name: string, data: Uint8Array): Uint8Array => createHash(name).update(data).digest();
const auditStore = {
  head: async () => observe.auditGenesis,
  append: async () => undefined,
  close: async () => undefined,
};

const aRecording: observe.Recording = { header: { recorded: 0, data: "raw" }, events: [] };
const recording = arg(() => aRecording);
const observeRows: Readonly<Record<string, Row>> = {
  AuditTrail: row(
    (value: never) => new observe.AuditTrail(value),
    arg(() => ({ clock, store: auditStore, hash: ourHash })),
  ),
  AuditVerifier: row(
    (hash: never, from: observe.AuditHead) => new observe.AuditVerifier(hash, from),
    arg(() => ourHash, "function"),
    arg(() => observe.auditGenesis, "undefined"),
  ),
  CardPolicy: row(
    (value: observe.PolicyOptions, deps: observe.PolicyDeps) => new observe.CardPolicy(value, deps),
    arg(() => ({}), "object"),
    arg(() => ({ clock })),
  ),
  Metrics: row((value: observe.MetricsOptions) => new observe.Metrics(value), options),
  decodeAuditEntry: row(
    observe.decodeAuditEntry,
    arg(() => ({ number: 1, time: 1, body: "{}", hash: "" })),
  ),
  openTelemetryListener: row(
    (value: never) => observe.openTelemetryListener(value),
    arg(() => ({ trace: { getTracer: () => ({}) } })),
  ),
  traceWithOpenTelemetry: row(
    (value: never) => observe.traceWithOpenTelemetry(value),
    arg(() => ({ listen: () => () => undefined })),
  ),
  Observer: row(
    (value: never) => new observe.Observer(value),
    arg(() => ({ runtime })),
  ),
  commandName: row(
    observe.commandName,
    bytes,
    arg(() => someBytes(), "bytes", "undefined"),
  ),
  eventForPrograms: "takes events, which observers make",
  exchangeText: "takes exchanges, which observers make",
  filterEvents: row(observe.filterEvents, options),
  observeManager: row(observe.observeManager, aManager, options),
  CaptureWriter: row(
    (kind: observe.CaptureKind, header: observe.RecordingHeader, value: object) =>
      new observe.CaptureWriter(kind, header, value),
    arg(() => "usb"),
    arg(() => aRecording.header),
    options,
  ),
  RecordedCard: row(
    (value: observe.Recording, other: object) => new observe.RecordedCard(value, other),
    recording,
    options,
  ),
  Recorder: row(
    (value: observe.RecordingHeader) => new observe.Recorder(value),
    arg(() => aRecording.header),
  ),
  RecordingWriter: row(
    (value: observe.RecordingHeader) => new observe.RecordingWriter(value),
    arg(() => aRecording.header),
  ),
  captureOf: row(
    observe.captureOf,
    recording,
    arg(() => "usb"),
    options,
  ),
  compareRecordings: row(observe.compareRecordings, recording, recording, options),
  differenceText: row(
    observe.differenceText,
    arg(() => ({ kind: "command", inWithheldBytes: false })),
  ),
  formatRecording: row(observe.formatRecording, recording),
  importLog: row(observe.importLog, text, options),
  logKindOf: row(observe.logKindOf, text),
  parseRecording: row(observe.parseRecording, text),
  recordedCard: row(observe.recordedCard, recording, options),
  redactRecording: row(observe.redactRecording, recording),
  replayToCard: row(
    observe.replayToCard,
    recording,
    arg(() => ({ transmit: async () => someBytes(), reset: async () => undefined })),
    options,
  ),
};

/** By subpath and name. */
export const exportedRows: Readonly<Record<string, Readonly<Record<string, Row>>>> = {
  ".": {
    SmartCardError: pcscRows.SmartCardError as Row,
    decodeHex: row(
      root.decodeHex,
      arg(() => "00", "text"),
    ),
    describeHolder: pcscRows.describeHolder as Row,
    embeddedManager: row(root.embeddedManager, options),
    encodeHex: row(root.encodeHex, bytes, optionalText),
    openManager: row(
      root.openManager,
      arg(() => "embedded:virtual", "undefined"),
      options,
    ),
    softwareCard: row(
      root.softwareCard,
      arg(() => "demo"),
    ),
    virtualReader: row(root.virtualReader, options),
    watchReaders: row(root.watchReaders, aManager, options),
  },
  "./binary": binaryRows,
  "./pcsc": pcscRows,
  "./iso7816": iso7816Rows,
  "./database": databaseRows,
  "./observe": observeRows,
  "./manager": { EmbeddedManager: embeddedRows.EmbeddedManager as Row },
  "./cards": cardsRows,
  "./modules": modulesRows,
  "./web-crypto": webCryptoRows,
  "./web": {
    SmartCardResourceManager: "is made by createSmartCard(): it is exported for instanceof",
    SmartCardContext: "is made by establishContext(): it is exported for instanceof",
    SmartCardConnection: "is made by connect(): it is exported for instanceof",
    SmartCardError: "takes what Web IDL converts: test/web/errors.test.ts",
    SmartCardEmulation: row(
      (value: never) => new web.SmartCardEmulation(value),
      arg(() => ({ session: { send: async () => ({}), on: () => undefined, off: () => undefined }, manager })),
    ),
    createSmartCard: row(web.createSmartCard, options),
    polyfillSmartCard: row(
      (smartCard: never, terms: never) => web.polyfillSmartCard(smartCard, terms).uninstall(),
      arg(() => web.createSmartCard()),
      arg(() => ({ scope: {} }), "object", "undefined"),
    ),
  },
  "./vpcd": vpcdRows,
  "./pcsclite": pcscliteRows,
  "./pcsclite-server": {
    PcscliteServer: row(
      (value: never) => new server.PcscliteServer(value),
      arg(() => ({ runtime, manager })),
    ),
  },
  "./embedded": embeddedRows,
  "./bridge": {
    smartCard: row(bridge.smartCard, options),
    bridgedSmartCard: row(bridge.bridgedSmartCard, options),
    smartCardOverPort: row(
      bridge.smartCardOverPort,
      arg(() => ({ postMessage() {}, addEventListener() {}, close() {} }), "function"),
    ),
    SmartCardError: "is the class of scard/web, and is looked at there",
  },
  "./bridge-server": {
    servePort: row(
      bridgeServer.servePort,
      arg(() => ({ postMessage() {}, on() {}, close() {} })),
      arg(() => ({ manager })),
    ),
  },
  "./farm": {
    openFarm: row(
      withoutFile(farm.openFarm),
      arg(() => "/nowhere/farm.json", "text"),
    ),
    serveFarm: row(
      withoutFile(farm.serveFarm),
      arg(() => "/nowhere/farm.json", "text"),
      arg(() => ({ manager })),
    ),
  },
  "./browser": {
    createSmartCard: row(
      browser.createSmartCard,
      arg(() => ({ manager })),
    ),
    browserRuntime: row(browser.browserRuntime, options),
    webUsbReaders: row(
      attachAndClose,
      arg(() => ({ usb: noUsb, manager })),
    ),
  },
  "./machine": {
    defaultManager: "has no arguments",
    openManager: row(
      machine.openManager,
      arg(() => "embedded:virtual", "undefined"),
      options,
    ),
    parseManagerSpec: row(
      machine.parseManagerSpec,
      arg(() => "embedded:virtual"),
    ),
  },
  "./pcscd": {
    PcscdManager: row(
      (value: never) => new pcscd.PcscdManager(value),
      arg(() => ({ dial: () => undefined, runtime })),
    ),
    dialPcscd: row(pcscd.dialPcscd, options),
    pcscdManager: row(pcscd.pcscdManager, options),
    pcscdSockets: row(pcscd.pcscdSockets, options),
  },
  "./compat/pcsclite": {
    CardReader: "is made by the package: its constructor is exported for instanceof",
    PCSCLite: "is made by pcsclite()",
    default: row(openAndClose, arg(ownManager, "undefined", "object")),
    "module.exports": row(openAndClose, arg(ownManager, "undefined", "object")),
    pcsclite: row(openAndClose, arg(ownManager, "undefined", "object")),
    provideManager: row(
      pcscliteCompat.provideManager,
      arg(() => manager, "undefined"),
    ),
  },
  "./testing": {
    SimulatedRuntime: row(
      (value: never) => new testing.SimulatedRuntime(value),
      arg(() => ({ settle: async () => undefined })),
    ),
    seededRandom: row(testing.seededRandom, whole),
  },
  "./testing/rig": {
    testRig: row(
      async (value: never) => (await rig.testRig(value)).close(),
      arg(() => ({ card: "demo" })),
    ),
  },
};

/** Functions of what others make. */
const webCryptoMembers: Readonly<Record<string, Row>> = {
  "CardWebCrypto.keyPair": row(
    async (of: string, algorithm: string) => webCryptoEntry.webCrypto(cardWithKeys).keyPair(of, algorithm),
    arg(() => "1"),
    arg(() => "ECDSA", "undefined"),
  ),
};

export { memberRows, webCryptoMembers };

/** The modules of the published subpaths. */
export const modules: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  ".": root,
  "./binary": binary,
  "./pcsc": pcsc,
  "./iso7816": iso7816,
  "./database": database,
  "./observe": observe,
  "./manager": managerRoom,
  "./cards": cards,
  "./vpcd": vpcd,
  "./pcsclite": pcsclite,
  "./pcsclite-server": server,
  "./winscard": winscard,
  "./modules": cardModules,
  "./web-crypto": webCryptoEntry,
  "./web": web,
  "./providers": providers,
  "./embedded": embedded,
  "./bridge": bridge,
  "./bridge-server": bridgeServer,
  "./browser": browser,
  "./farm": farm,
  "./machine": machine,
  "./pcscd": pcscd,
  "./compat/pcsclite": pcscliteCompat,
  "./compat/smartcard": smartcardCompat,
  "./testing": testing,
  "./testing/rig": rig,
};

/** Subpaths that have tables of their own, as their functions refuse in the ways of the API that they are. */
export const withOwnTables: Readonly<Record<string, string>> = {
  "./winscard": "test/winscard: codes of winscard.h",
  "./providers": "test/providers: HRESULTs",
  "./compat/smartcard": "test/compat: the errors of that package",
};
