// SPDX-License-Identifier: MIT

import { Database, MemoryStore, type StoreChange } from "../../src/database/index.ts";
import {
  SC_DLG_FORCE_UI,
  SC_DLG_NO_UI,
  SCARD_ATTR_VENDOR_NAME,
  SCARD_AUDIT_CHV_SUCCESS,
  SCARD_LEAVE_CARD,
  SCARD_PCI_RAW,
  SCARD_PROTOCOL_T1,
  SCARD_PROVIDER_CSP,
  SCARD_PROVIDER_PRIMARY,
  SCARD_SCOPE_USER,
  SCARD_SHARE_SHARED,
  SCARD_STATE_UNAWARE,
  type SCARDCONTEXT,
  type SCARDHANDLE,
  WinSCard,
} from "../../src/faces/winscard/index.ts";
import { type ErrorCode, SmartCardError } from "../../src/port/index.ts";
import { SimulatedRuntime } from "../../src/testing/runtime/index.ts";
import { atr, Port, READER } from "./port.ts";

/** A store that can be told to refuse changes, as a file that the user may only read. */
class StoreWithLock extends MemoryStore {
  locked = false;

  override update(decide: () => readonly StoreChange[]): string {
    return super.update(() => {
      const changes = decide();
      if (this.locked) throw new SmartCardError("no-access", "read only");
      return changes;
    });
  }
}

/** What a case is run in: a manager with one reader and a card in it, a database with a card type, an open card. */
export interface World {
  readonly port: Port;
  readonly store: StoreWithLock;
  readonly system: Database;
  readonly api: WinSCard;
  readonly context: SCARDCONTEXT;
  readonly card: SCARDHANDLE;
}

/** A GUID that stands for a card. */
const UUID = "00112233-4455-6677-8899-aabbccddeeff";

/** Makes a world. */
export async function aWorld(): Promise<World> {
  const port = new Port();
  port.reports = [{ reader: READER, flags: { changed: true, present: true }, eventCount: 1, atr }];
  const systemStore = new MemoryStore();
  const system = new Database(systemStore);
  system.cardTypes.introduce({ name: "System Card" });
  const store = new StoreWithLock();
  const database = new Database(store, { below: systemStore });
  database.cardTypes.introduce({
    name: "Card",
    atrs: [{ atr }],
    primaryProvider: UUID,
    providers: { csp: "Provider" },
  });
  const { clock } = new SimulatedRuntime({ settle: () => new Promise(setImmediate) });
  const api = new WinSCard({ defaultManager: () => port.manager, database: () => database, clock });
  const { context } = await api.SCardEstablishContext(SCARD_SCOPE_USER);
  const { card } = await api.SCardConnect(context, READER, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1);
  return { port, store, system, api, context, card };
}

type Case = (world: World) => Promise<unknown>;
type Cases = Readonly<Record<string, Case>>;

/** The case in which the manager refuses what it is asked next. */
function refused(code: ErrorCode, call: Case): Case {
  return (world) => {
    world.port.failure = new SmartCardError(code, "refused");
    return call(world);
  };
}

/** The case in which the store may only be read. */
function locked(call: Case): Case {
  return (world) => {
    world.store.locked = true;
    return call(world);
  };
}

/** The case in which the system has given a name to a reader that is not attached: names are looked up then. */
function named(call: Case): Case {
  return (world) => {
    world.system.readers.introduce("System Name", "System Device");
    return call(world);
  };
}

const NO_CONTEXT = 4711 as SCARDCONTEXT;
const NO_CARD = 4711 as SCARDHANDLE;
const state = { reader: READER, currentState: SCARD_STATE_UNAWARE };
const manyBytes = new Uint8Array(65_537);

/** A function on a context: it succeeds, and refuses an invalid context. */
function onContext(call: (world: World, context: SCARDCONTEXT) => Promise<unknown>): Cases {
  return {
    SCARD_S_SUCCESS: (world) => call(world, world.context),
    ERROR_INVALID_HANDLE: (world) => call(world, NO_CONTEXT),
  };
}

/** A function on a card: it succeeds, and refuses an invalid card. */
function onCard(call: (world: World, card: SCARDHANDLE) => Promise<unknown>): Cases {
  return {
    SCARD_S_SUCCESS: (world) => call(world, world.card),
    SCARD_E_INVALID_HANDLE: (world) => call(world, NO_CARD),
  };
}

const establish: Case = ({ api }) => api.SCardEstablishContext(SCARD_SCOPE_USER);
const connect: Case = ({ api, context }) => api.SCardConnect(context, READER, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1);
const reconnect: Case = ({ api, card }) => api.SCardReconnect(card, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1, 0);
const status: Case = ({ api, card }) => api.SCardStatus(card);
const cardState: Case = ({ api, card }) => api.SCardState(card);
const begin: Case = ({ api, card }) => api.SCardBeginTransaction(card);
const end: Case = ({ api, card }) => api.SCardEndTransaction(card, SCARD_LEAVE_CARD);
const transmit: Case = ({ api, card }) => api.SCardTransmit(card, null, atr);
const wait: Case = ({ api, context }) => api.SCardGetStatusChange(context, 0, [state]);
const cancelledByUser = { pick: async () => undefined };

const contexts: Readonly<Record<string, Cases>> = {
  SCardEstablishContext: {
    SCARD_S_SUCCESS: establish,
    SCARD_E_NO_SERVICE: refused("no-service", establish),
    SCARD_E_INVALID_VALUE: ({ api }) => api.SCardEstablishContext(3),
    SCARD_E_NO_MEMORY: refused("no-memory", establish),
    SCARD_E_SERVICE_STOPPED: refused("service-stopped", establish),
    SCARD_W_SECURITY_VIOLATION: refused("security-violation", establish),
    SCARD_F_COMM_ERROR: refused("comm-error", establish),
    SCARD_F_INTERNAL_ERROR: refused("internal-error", establish),
  },
  SCardReleaseContext: {
    ...onContext(({ api }, context) => api.SCardReleaseContext(context)),
    SCARD_E_NO_SERVICE: refused("no-service", ({ api, context }) => api.SCardReleaseContext(context)),
    SCARD_F_COMM_ERROR: refused("comm-error", ({ api, context }) => api.SCardReleaseContext(context)),
  },
  SCardIsValidContext: onContext(({ api }, context) => api.SCardIsValidContext(context)),
  SCardFreeMemory: { SCARD_S_SUCCESS: ({ api, context }) => api.SCardFreeMemory(context, atr) },
  SCardAccessStartedEvent: {
    SCARD_S_SUCCESS: async ({ api }) => await (await api.SCardAccessStartedEvent()).event.wait({ timeoutMs: 0 }),
  },
  SCardReleaseStartedEvent: { SCARD_S_SUCCESS: ({ api }) => api.SCardReleaseStartedEvent() },
  SCardCancel: onContext(({ api }, context) => api.SCardCancel(context)),
  SCardAudit: {
    ...onContext(({ api }, context) => api.SCardAudit(context, SCARD_AUDIT_CHV_SUCCESS)),
    SCARD_E_INVALID_PARAMETER: ({ api, context }) => api.SCardAudit(context, 2),
  },
};

const database: Readonly<Record<string, Cases>> = {
  SCardListReaderGroups: onContext(({ api }, context) => api.SCardListReaderGroups(context)),
  SCardListReaders: {
    ...onContext(({ api }, context) => api.SCardListReaders(context)),
    SCARD_E_NO_READERS_AVAILABLE: named(({ api, context }) => api.SCardListReaders(context, "SCard$LocalReaders")),
  },
  SCardListCards: onContext(({ api }, context) => api.SCardListCards(context, atr)),
  SCardListInterfaces: {
    ...onContext(({ api }, context) => api.SCardListInterfaces(context, "Card")),
    SCARD_E_UNKNOWN_CARD: ({ api, context }) => api.SCardListInterfaces(context, "Unknown"),
  },
  SCardGetProviderId: {
    ...onContext(({ api }, context) => api.SCardGetProviderId(context, "card")),
    SCARD_E_UNKNOWN_CARD: ({ api, context }) => api.SCardGetProviderId(context, "Unknown"),
    SCARD_E_ICC_INSTALLATION: ({ api, context }) => api.SCardGetProviderId(context, "System Card"),
  },
  SCardGetCardTypeProviderName: {
    ...onContext(({ api }, context) => api.SCardGetCardTypeProviderName(context, "Card", SCARD_PROVIDER_CSP)),
    SCARD_E_UNKNOWN_CARD: ({ api }) => api.SCardGetCardTypeProviderName(null, "Unknown", SCARD_PROVIDER_CSP),
    SCARD_E_ICC_INSTALLATION: ({ api }) =>
      api.SCardGetCardTypeProviderName(null, "System Card", SCARD_PROVIDER_PRIMARY),
    ERROR_FILE_NOT_FOUND: ({ api }) => api.SCardGetCardTypeProviderName(null, "System Card", SCARD_PROVIDER_CSP),
    SCARD_E_INVALID_VALUE: ({ api }) => api.SCardGetCardTypeProviderName(null, "Card", 4),
  },
  SCardIntroduceReader: {
    ...onContext(({ api }, context) => api.SCardIntroduceReader(context, "Door", READER)),
    SCARD_E_DUPLICATE_READER: named(({ api, context }) => api.SCardIntroduceReader(context, "System Name", READER)),
    SCARD_E_INVALID_PARAMETER: ({ api, context }) => api.SCardIntroduceReader(context, "", READER),
    SCARD_E_NO_ACCESS: locked(({ api, context }) => api.SCardIntroduceReader(context, "Door", READER)),
  },
  SCardForgetReader: {
    ...onContext(({ api }, context) => api.SCardForgetReader(context, READER)),
    SCARD_E_UNKNOWN_READER: ({ api, context }) => api.SCardForgetReader(context, "Unknown"),
    SCARD_E_NO_ACCESS: named(({ api, context }) => api.SCardForgetReader(context, "System Name")),
  },
  SCardIntroduceReaderGroup: {
    ...onContext(({ api }, context) => api.SCardIntroduceReaderGroup(context, "Doors")),
    SCARD_E_INVALID_PARAMETER: ({ api }) => api.SCardIntroduceReaderGroup(null, "SCard$Doors"),
  },
  SCardForgetReaderGroup: {
    ...onContext(({ api }, context) => api.SCardForgetReaderGroup(context, "Doors")),
    SCARD_E_INVALID_PARAMETER: ({ api, context }) => api.SCardForgetReaderGroup(context, "SCard$DefaultReaders"),
    SCARD_E_NO_ACCESS: async (world) => {
      await world.api.SCardAddReaderToGroup(world.context, READER, "Doors");
      return await locked(({ api, context }) => api.SCardForgetReaderGroup(context, "Doors"))(world);
    },
  },
  SCardAddReaderToGroup: {
    ...onContext(({ api }, context) => api.SCardAddReaderToGroup(context, READER, "Doors")),
    SCARD_E_UNKNOWN_READER: ({ api, context }) => api.SCardAddReaderToGroup(context, "Unknown", "Doors"),
    SCARD_E_INVALID_PARAMETER: ({ api, context }) => api.SCardAddReaderToGroup(context, READER, "SCard$AllReaders"),
    SCARD_E_NO_ACCESS: locked(({ api, context }) => api.SCardAddReaderToGroup(context, READER, "Doors")),
  },
  SCardRemoveReaderFromGroup: {
    ...onContext(({ api }, context) => api.SCardRemoveReaderFromGroup(context, READER, "Doors")),
    SCARD_E_UNKNOWN_READER: ({ api, context }) => api.SCardRemoveReaderFromGroup(context, "Unknown", "Doors"),
    SCARD_E_INVALID_PARAMETER: ({ api, context }) => api.SCardRemoveReaderFromGroup(context, READER, ""),
    SCARD_E_NO_ACCESS: locked(({ api, context }) =>
      api.SCardRemoveReaderFromGroup(context, READER, "SCard$DefaultReaders"),
    ),
  },
  SCardIntroduceCardType: {
    ...onContext(({ api }, context) => api.SCardIntroduceCardType(context, "New", null, null, atr)),
    SCARD_E_INVALID_PARAMETER: ({ api, context }) => api.SCardIntroduceCardType(context, "New", "no GUID", null, atr),
    SCARD_E_INVALID_ATR: ({ api, context }) =>
      api.SCardIntroduceCardType(context, "New", null, null, new Uint8Array(34)),
    SCARD_E_NO_ACCESS: locked(({ api, context }) => api.SCardIntroduceCardType(context, "New", null, null, atr)),
  },
  SCardSetCardTypeProviderName: {
    ...onContext(({ api }, context) => api.SCardSetCardTypeProviderName(context, "Card", SCARD_PROVIDER_CSP, "New")),
    SCARD_E_UNKNOWN_CARD: ({ api }) => api.SCardSetCardTypeProviderName(null, "Unknown", SCARD_PROVIDER_CSP, "New"),
    SCARD_E_INVALID_PARAMETER: ({ api }) =>
      api.SCardSetCardTypeProviderName(null, "Card", SCARD_PROVIDER_PRIMARY, "no GUID"),
    SCARD_E_INVALID_VALUE: ({ api }) => api.SCardSetCardTypeProviderName(null, "Card", 0, "New"),
    SCARD_E_NO_ACCESS: locked(({ api }) => api.SCardSetCardTypeProviderName(null, "Card", SCARD_PROVIDER_CSP, "New")),
  },
  SCardForgetCardType: {
    ...onContext(({ api }, context) => api.SCardForgetCardType(context, "Card")),
    SCARD_E_UNKNOWN_CARD: ({ api, context }) => api.SCardForgetCardType(context, "Unknown"),
    SCARD_E_NO_ACCESS: ({ api, context }) => api.SCardForgetCardType(context, "System Card"),
  },
  SCardReadCache: {
    SCARD_S_SUCCESS: async ({ api, context }) => {
      await api.SCardWriteCache(context, UUID, 1, "name", atr);
      return await api.SCardReadCache(context, UUID, 1, "name");
    },
    ERROR_INVALID_HANDLE: ({ api }) => api.SCardReadCache(NO_CONTEXT, UUID, 1, "name"),
    SCARD_W_CACHE_ITEM_NOT_FOUND: ({ api, context }) => api.SCardReadCache(context, UUID, 1, "name"),
    SCARD_W_CACHE_ITEM_STALE: async ({ api, context }) => {
      await api.SCardWriteCache(context, UUID, 1, "name", atr);
      return await api.SCardReadCache(context, UUID, 2, "name");
    },
    SCARD_E_INVALID_PARAMETER: ({ api, context }) => api.SCardReadCache(context, new Uint8Array(15), 1, "name"),
  },
  SCardWriteCache: {
    ...onContext(({ api }, context) => api.SCardWriteCache(context, UUID, 1, "name", atr)),
    SCARD_W_CACHE_ITEM_TOO_BIG: ({ api, context }) => api.SCardWriteCache(context, UUID, 1, "name", manyBytes),
    SCARD_E_INVALID_PARAMETER: ({ api, context }) => api.SCardWriteCache(context, UUID, 1, "", atr),
  },
};

const tracking: Readonly<Record<string, Cases>> = {
  SCardLocateCards: {
    ...onContext(({ api }, context) => api.SCardLocateCards(context, "Card", [state])),
    SCARD_E_UNKNOWN_CARD: ({ api, context }) => api.SCardLocateCards(context, "Unknown", [state]),
    SCARD_E_UNKNOWN_READER: named(({ api, context }) =>
      api.SCardLocateCards(context, "Card", [{ ...state, reader: "Unknown" }]),
    ),
    SCARD_E_INVALID_PARAMETER: ({ api, context }) => api.SCardLocateCards(context, "\0", [state]),
  },
  SCardLocateCardsByATR: {
    ...onContext(({ api }, context) => api.SCardLocateCardsByATR(context, [{ atr }], [state])),
    SCARD_E_UNKNOWN_READER: named(({ api, context }) =>
      api.SCardLocateCardsByATR(context, [{ atr }], [{ ...state, reader: "Unknown" }]),
    ),
    SCARD_E_INVALID_PARAMETER: ({ api, context }) =>
      api.SCardLocateCardsByATR(context, [{ atr, mask: new Uint8Array(1) }], [state]),
    SCARD_E_INVALID_ATR: ({ api, context }) => api.SCardLocateCardsByATR(context, [{ atr: manyBytes }], [state]),
  },
  SCardGetStatusChange: {
    ...onContext(({ api }, context) => api.SCardGetStatusChange(context, 0, [state])),
    SCARD_E_TIMEOUT: (world) => {
      world.port.gettingStatus = new SmartCardError("timeout", "nothing happened", { readerStates: [] });
      return wait(world);
    },
    SCARD_E_CANCELLED: (world) => {
      world.port.gettingStatus = new SmartCardError("cancelled", "by SCardCancel");
      return wait(world);
    },
    SCARD_E_UNKNOWN_READER: named(({ api, context }) =>
      api.SCardGetStatusChange(context, 0, [{ ...state, reader: "Unknown" }]),
    ),
    SCARD_E_SYSTEM_CANCELLED: refused("system-cancelled", wait),
    SCARD_E_SERVICE_STOPPED: refused("service-stopped", wait),
    SCARD_E_NO_SERVICE: refused("no-service", wait),
    SCARD_E_INVALID_VALUE: ({ api, context }) => api.SCardGetStatusChange(context, Number.NaN, [state]),
  },
};

const cards: Readonly<Record<string, Cases>> = {
  SCardConnect: {
    SCARD_S_SUCCESS: connect,
    ERROR_INVALID_HANDLE: ({ api }) => api.SCardConnect(NO_CONTEXT, READER, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1),
    SCARD_E_NOT_READY: refused("not-ready", connect),
    SCARD_E_UNKNOWN_READER: named(({ api, context }) =>
      api.SCardConnect(context, "Unknown", SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1),
    ),
    SCARD_E_READER_UNAVAILABLE: named(({ api, context }) =>
      api.SCardConnect(context, "System Name", SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1),
    ),
    SCARD_E_SHARING_VIOLATION: refused("sharing-violation", connect),
    SCARD_W_REMOVED_CARD: refused("removed-card", connect),
    SCARD_E_NO_SMARTCARD: refused("no-smartcard", connect),
    SCARD_W_UNRESPONSIVE_CARD: refused("unresponsive-card", connect),
    SCARD_W_UNPOWERED_CARD: refused("unpowered-card", connect),
    SCARD_E_PROTO_MISMATCH: ({ api, context }) => api.SCardConnect(context, READER, SCARD_SHARE_SHARED, 0),
    SCARD_E_INVALID_VALUE: ({ api, context }) => api.SCardConnect(context, READER, 0, SCARD_PROTOCOL_T1),
    SCARD_E_INVALID_PARAMETER: ({ api, context }) =>
      api.SCardConnect(context, null as never, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1),
  },
  SCardReconnect: {
    ...onCard(({ api }, card) => api.SCardReconnect(card, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1, SCARD_LEAVE_CARD)),
    SCARD_E_INVALID_VALUE: ({ api, card }) => api.SCardReconnect(card, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1, 3),
    SCARD_E_PROTO_MISMATCH: ({ api, card }) => api.SCardReconnect(card, SCARD_SHARE_SHARED, 0, SCARD_LEAVE_CARD),
    SCARD_E_NO_SMARTCARD: refused("no-smartcard", reconnect),
    SCARD_W_REMOVED_CARD: refused("removed-card", reconnect),
    SCARD_W_RESET_CARD: refused("reset-card", reconnect),
    SCARD_W_UNRESPONSIVE_CARD: refused("unresponsive-card", reconnect),
    SCARD_E_SHARING_VIOLATION: refused("sharing-violation", reconnect),
  },
  SCardDisconnect: {
    ...onCard(({ api }, card) => api.SCardDisconnect(card, SCARD_LEAVE_CARD)),
    SCARD_E_INVALID_VALUE: ({ api, card }) => api.SCardDisconnect(card, 4),
    SCARD_E_CANT_DISPOSE: refused("cant-dispose", ({ api, card }) => api.SCardDisconnect(card, 3)),
  },
  SCardBeginTransaction: {
    ...onCard(({ api }, card) => api.SCardBeginTransaction(card)),
    SCARD_W_RESET_CARD: refused("reset-card", begin),
    SCARD_W_REMOVED_CARD: refused("removed-card", begin),
    SCARD_E_READER_UNAVAILABLE: refused("reader-unavailable", begin),
  },
  SCardEndTransaction: {
    ...onCard(({ api }, card) => api.SCardEndTransaction(card, SCARD_LEAVE_CARD)),
    SCARD_W_RESET_CARD: refused("reset-card", end),
    SCARD_E_NOT_TRANSACTED: refused("not-transacted", end),
    SCARD_E_INVALID_VALUE: ({ api, card }) => api.SCardEndTransaction(card, 4),
    SCARD_E_SHARING_VIOLATION: refused("sharing-violation", end),
  },
  SCardCancelTransaction: onCard(({ api }, card) => api.SCardCancelTransaction(card)),
  SCardState: {
    ...onCard(({ api }, card) => api.SCardState(card)),
    SCARD_W_REMOVED_CARD: refused("removed-card", cardState),
    SCARD_W_RESET_CARD: refused("reset-card", cardState),
    SCARD_E_SERVICE_STOPPED: refused("service-stopped", cardState),
    SCARD_E_READER_UNAVAILABLE: refused("reader-unavailable", cardState),
  },
  SCardStatus: {
    ...onCard(({ api }, card) => api.SCardStatus(card)),
    SCARD_W_REMOVED_CARD: refused("removed-card", status),
    SCARD_W_RESET_CARD: refused("reset-card", status),
    SCARD_E_SERVICE_STOPPED: refused("service-stopped", status),
    SCARD_E_READER_UNAVAILABLE: refused("reader-unavailable", status),
  },
  SCardTransmit: {
    ...onCard(({ api }, card) => api.SCardTransmit(card, null, atr)),
    SCARD_E_INSUFFICIENT_BUFFER: ({ api, card }) => api.SCardTransmit(card, null, atr, { maxResponseBytes: 1 }),
    SCARD_E_PROTO_MISMATCH: refused("proto-mismatch", ({ api, card }) => api.SCardTransmit(card, SCARD_PCI_RAW, atr)),
    SCARD_W_RESET_CARD: refused("reset-card", transmit),
    SCARD_W_REMOVED_CARD: refused("removed-card", transmit),
    SCARD_E_NO_SMARTCARD: refused("no-smartcard", transmit),
    SCARD_E_INVALID_PARAMETER: refused("invalid-parameter", transmit),
    SCARD_F_COMM_ERROR: refused("comm-error", transmit),
    SCARD_E_COMM_DATA_LOST: refused("comm-data-lost", transmit),
  },
  SCardGetTransmitCount: onCard(({ api }, card) => api.SCardGetTransmitCount(card)),
  SCardControl: {
    ...onCard(({ api }, card) => api.SCardControl(card, 1, null)),
    SCARD_E_UNSUPPORTED_FEATURE: refused("unsupported-feature", ({ api, card }) => api.SCardControl(card, 1, null)),
    ERROR_NOT_SUPPORTED: refused("not-supported", ({ api, card }) => api.SCardControl(card, 1, null)),
  },
  SCardGetAttrib: {
    ...onCard(({ api }, card) => api.SCardGetAttrib(card, SCARD_ATTR_VENDOR_NAME)),
    ERROR_NOT_SUPPORTED: refused("not-supported", ({ api, card }) => api.SCardGetAttrib(card, 1)),
  },
  SCardSetAttrib: {
    ...onCard(({ api }, card) => api.SCardSetAttrib(card, 1, atr)),
    ERROR_NOT_SUPPORTED: refused("not-supported", ({ api, card }) => api.SCardSetAttrib(card, 1, atr)),
  },
};

const devices: Readonly<Record<string, Cases>> = {
  SCardGetReaderIcon: {
    ...onContext(({ api }, context) => api.SCardGetReaderIcon(context, READER)),
    SCARD_E_UNKNOWN_READER: named(({ api, context }) => api.SCardGetReaderIcon(context, "Unknown")),
  },
  SCardGetDeviceTypeId: {
    ...onContext(({ api }, context) => api.SCardGetDeviceTypeId(context, READER)),
    SCARD_E_UNKNOWN_READER: named(({ api, context }) => api.SCardGetDeviceTypeId(context, "Unknown")),
    ERROR_NOT_SUPPORTED: ({ port, api, context }) => {
      port.device = { ...port.device, type: undefined };
      return api.SCardGetDeviceTypeId(context, READER);
    },
  },
  SCardGetReaderDeviceInstanceId: {
    ...onContext(({ api }, context) => api.SCardGetReaderDeviceInstanceId(context, READER)),
    SCARD_E_UNKNOWN_READER: named(({ api, context }) => api.SCardGetReaderDeviceInstanceId(context, "Unknown")),
    SCARD_E_READER_UNAVAILABLE: named(({ api, context }) => api.SCardGetReaderDeviceInstanceId(context, "System Name")),
  },
  SCardListReadersWithDeviceInstanceId: {
    ...onContext(({ api }, context) => api.SCardListReadersWithDeviceInstanceId(context, "instance:a")),
    SCARD_E_NO_READERS_AVAILABLE: ({ api, context }) => api.SCardListReadersWithDeviceInstanceId(context, "Unknown"),
  },
};

/** The two functions that select a card, over what differs between their structures: nothing of this. */
function selecting(name: "SCardUIDlgSelectCard" | "GetOpenCardName"): Cases {
  return {
    ...onContext(({ api }, context) => api[name]({ context, flags: SC_DLG_NO_UI })),
    SCARD_W_CANCELLED_BY_USER: ({ api, context }) =>
      api[name]({ context, flags: SC_DLG_FORCE_UI }, { picker: cancelledByUser }),
    SCARD_E_NO_SMARTCARD: ({ port, api, context }) => {
      port.reports = [{ reader: READER, flags: { changed: true, empty: true }, eventCount: 1, atr: new Uint8Array() }];
      return api[name]({ context, flags: SC_DLG_NO_UI });
    },
    SCARD_E_INVALID_PARAMETER: ({ api, context }) =>
      name === "GetOpenCardName"
        ? api.GetOpenCardName({ context, check: () => true })
        : api.SCardUIDlgSelectCard({ context, searchCriteria: { check: () => true } }),
  };
}

/** How each return code of each function comes about, by the names in C. */
export const cases: Readonly<Record<string, Cases>> = {
  ...contexts,
  ...database,
  ...tracking,
  ...cards,
  ...devices,
  SCardUIDlgSelectCard: selecting("SCardUIDlgSelectCard"),
  GetOpenCardName: selecting("GetOpenCardName"),
};
