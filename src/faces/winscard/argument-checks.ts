// SPDX-License-Identifier: MIT

import { isBytes } from "../../base/binary/index.ts";
import {
  abortSignal,
  anyText,
  type Check,
  callback,
  having,
  listOf,
  optional,
  optionsOf,
  partsOf,
  type ResourceManager,
  read,
  refuse,
  shown,
  type WaitOptions,
} from "../../port/index.ts";
import type { EstablishContextOptions, SCARD_READERSTATE } from "./context-functions.ts";
import type { TransmitOptions } from "./exchange-functions.ts";
import type { SCARD_IO_REQUEST } from "./io-request.ts";
import type { SCARD_ATRMASK } from "./locate-functions.ts";
import type {
  CardPicker,
  OPENCARD_SEARCH_CRITERIA,
  OPENCARDNAME,
  OPENCARDNAME_EX,
  OpenCardCheck,
  OpenCardConnect,
  OpenCardDisconnect,
  SelectCardOptions,
} from "./select-card.ts";
import type { AuditOptions } from "./service-functions.ts";

/** One parameter of a function: its name in messages, and its allowed values. */
interface Parameter {
  readonly name: string;
  readonly check: Check<unknown>;
}

// What C's compiler would refuse is refused here: values of another kind, and null where there has to be something. The
// functions themselves check which numbers and names are valid.

const anything: Check<unknown> = (value) => value;

/** A handle of a context or a card: the table of handles refuses others. */
const handle = anything;

const number: Check<number> = (value, place) =>
  typeof value === "number" ? value : refuse(place, shown(value), "give a number");

const bytes: Check<Uint8Array> = (value, place) => {
  if (isBytes(value)) return value as Uint8Array;
  return refuse(place, shown(value), "give a Uint8Array: decodeHex() makes one of hexadecimal text");
};

function orNull<T>(check: Check<T>): Check<T | null> {
  return (value, place) => (value === null ? null : check(value, place));
}

/** Left out, null, or checked. */
function maybe<T>(check: Check<T>): Check<T | null | undefined> {
  return optional(orNull(check));
}

const texts = listOf(anyText, "strings");
const textOrTexts: Check<string | readonly string[]> = (value, place) => {
  if (typeof value === "string") return value;
  // An array that cannot be read, as a proxy that was revoked, is refused by the check of lists.
  if (typeof value === "object" && value !== null) return texts(value, place);
  return refuse(place, shown(value), "give a string, or an array of strings");
};

const waitMembers = {
  timeoutMs: optional(number),
  signal: optional(abortSignal),
  onTurn: optional(callback<() => void>("a function")),
};
const wait = optional(optionsOf<WaitOptions>(waitMembers));
const signal = optional(optionsOf<Pick<WaitOptions, "signal">>({ signal: optional(abortSignal) }));
const transmitOptions = optional(optionsOf<TransmitOptions>({ ...waitMembers, maxResponseBytes: optional(number) }));
const manager = having<ResourceManager>(["establishContext"], "a resource manager");
const establishOptions = optional(optionsOf<EstablishContextOptions>({ manager: optional(manager) }));
const auditOptions = optional(optionsOf<AuditOptions>({ reader: optional(anyText), card: optional(anyText) }));
const picker = having<CardPicker>(["pick"], "a card picker");
const selectOptions = optional(
  optionsOf<SelectCardOptions>({ picker: optional(picker), signal: optional(abortSignal) }),
);

const pci = partsOf<Pick<SCARD_IO_REQUEST, "protocol">>({ protocol: number }, "SCARD_PCI_T0, _T1 or _RAW, or null");
/** A copy: the caller may change its objects while a wait lasts. Members are read from what an object inherits too. */
const readerState: Check<SCARD_READERSTATE> = (value, place) => {
  if (typeof value !== "object" || value === null) {
    return refuse(place, shown(value), "pass an SCARD_READERSTATE: { reader, currentState }");
  }
  const member = <T>(name: string, check: Check<T>): T => {
    const at = { operation: place.operation, path: `${place.path}.${name}` };
    return check(read(value, name, at), at);
  };
  return {
    reader: member("reader", anyText),
    currentState: member("currentState", number),
    userData: member("userData", anything),
  };
};
const readerStates = listOf(readerState, "SCARD_READERSTATE: { reader, currentState }");
const atrMask = partsOf<SCARD_ATRMASK>(
  { atr: bytes, mask: maybe(bytes) as Check<Uint8Array | undefined> },
  "{ atr, mask }",
);
const atrMasks = listOf(atrMask, "SCARD_ATRMASK: { atr, mask }");

const connect = maybe(callback<OpenCardConnect>("a function that connects"));
const check = maybe(callback<OpenCardCheck>("a function that checks"));
const disconnect = maybe(callback<OpenCardDisconnect>("a function that disconnects"));
const searched = {
  groupNames: maybe(textOrTexts),
  cardNames: maybe(textOrTexts),
  interfaces: maybe(texts),
  check,
  connect,
  disconnect,
  userData: anything,
  shareMode: optional(number),
  preferredProtocols: optional(number),
};
const look = { context: handle as Check<never>, flags: optional(number), title: maybe(anyText), owner: anything };
const searchCriteria = optionsOf<OPENCARD_SEARCH_CRITERIA>({ ...searched, atrMasks: maybe(atrMasks) });
const dialog = optionsOf<OPENCARDNAME_EX>({
  ...look,
  searchDesc: maybe(anyText),
  icon: anything,
  searchCriteria: maybe(searchCriteria),
  connect,
  userData: anything,
  shareMode: optional(number),
  preferredProtocols: optional(number),
});
const oldDialog = optionsOf<OPENCARDNAME>({ ...look, ...searched });

function parameters(checks: Readonly<Record<string, Check<unknown>>>): readonly Parameter[] {
  return Object.entries(checks).map(([name, one]) => ({ name, check: one }));
}

const context = { context: handle };
const card = { card: handle };
const named = { ...context, readerName: anyText };
const inGroup = { ...named, groupName: anyText };
const uuid: Check<string | Uint8Array> = (value, place) => (typeof value === "string" ? value : bytes(value, place));
const cached = { ...context, cardIdentifier: uuid, freshnessCounter: number, lookupName: anyText };

/** The parameters of each function, in their order. */
const functionParameters: Readonly<Record<string, readonly Parameter[]>> = {
  SCardEstablishContext: parameters({ scope: number, options: establishOptions }),
  SCardReleaseContext: parameters(context),
  SCardIsValidContext: parameters(context),
  SCardListReaders: parameters({ ...context, groups: maybe(textOrTexts) }),
  SCardListReaderGroups: parameters(context),
  SCardGetStatusChange: parameters({ ...context, timeout: number, readerStates, options: signal }),
  SCardCancel: parameters(context),
  SCardConnect: parameters({
    ...context,
    reader: anyText,
    shareMode: number,
    preferredProtocols: number,
    options: wait,
  }),
  SCardReconnect: parameters({
    ...card,
    shareMode: number,
    preferredProtocols: number,
    initialization: number,
    options: wait,
  }),
  SCardDisconnect: parameters({ ...card, disposition: number }),
  SCardBeginTransaction: parameters({ ...card, options: wait }),
  SCardCancelTransaction: parameters(card),
  SCardEndTransaction: parameters({ ...card, disposition: number }),
  SCardStatus: parameters({ ...card, options: wait }),
  SCardState: parameters({ ...card, options: wait }),
  SCardTransmit: parameters({ ...card, sendPci: orNull(pci), command: bytes, options: transmitOptions }),
  SCardControl: parameters({ ...card, controlCode: number, input: orNull(bytes), options: wait }),
  SCardGetAttrib: parameters({ ...card, attrId: number, options: wait }),
  SCardSetAttrib: parameters({ ...card, attrId: number, attribute: bytes, options: wait }),
  SCardGetTransmitCount: parameters(card),
  SCardIntroduceCardType: parameters({
    ...context,
    cardName: anyText,
    primaryProvider: orNull(anyText),
    interfaces: orNull(texts),
    atr: orNull(bytes),
    atrMask: maybe(bytes),
  }),
  SCardForgetCardType: parameters({ ...context, cardName: anyText }),
  SCardSetCardTypeProviderName: parameters({ ...context, cardName: anyText, providerId: number, provider: anyText }),
  SCardGetCardTypeProviderName: parameters({ ...context, cardName: anyText, providerId: number }),
  SCardGetProviderId: parameters({ ...context, card: anyText }),
  SCardListInterfaces: parameters({ ...context, card: anyText }),
  SCardListCards: parameters({ ...context, atr: maybe(bytes), interfaces: maybe(texts) }),
  SCardIntroduceReader: parameters({ ...named, deviceName: anyText }),
  SCardForgetReader: parameters(named),
  SCardIntroduceReaderGroup: parameters({ ...context, groupName: anyText }),
  SCardForgetReaderGroup: parameters({ ...context, groupName: anyText }),
  SCardAddReaderToGroup: parameters(inGroup),
  SCardRemoveReaderFromGroup: parameters(inGroup),
  SCardLocateCards: parameters({ ...context, cards: textOrTexts, readerStates }),
  SCardLocateCardsByATR: parameters({ ...context, atrMasks, readerStates }),
  SCardReadCache: parameters(cached),
  SCardWriteCache: parameters({ ...cached, data: bytes }),
  SCardGetDeviceTypeId: parameters(named),
  SCardGetReaderDeviceInstanceId: parameters(named),
  SCardListReadersWithDeviceInstanceId: parameters({ ...context, deviceInstanceId: anyText }),
  SCardGetReaderIcon: parameters(named),
  SCardAccessStartedEvent: [],
  SCardReleaseStartedEvent: [],
  SCardAudit: parameters({ ...context, event: number, options: auditOptions }),
  SCardFreeMemory: [],
  SCardUIDlgSelectCard: parameters({ dialog, options: selectOptions }),
  GetOpenCardName: parameters({ dialog: oldDialog, options: selectOptions }),
};

/** The arguments of a call, as copies where they are options. @throws invalid-parameter */
export function checkedArguments(name: string, given: readonly unknown[]): unknown[] {
  const checked = [...given];
  for (const [index, parameter] of (functionParameters[name] ?? []).entries()) {
    const value = parameter.check(given[index], { operation: name, path: parameter.name });
    if (index < given.length) checked[index] = value;
  }
  return checked;
}
