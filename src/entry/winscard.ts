// SPDX-License-Identifier: MIT

/**
 * `scard/winscard`: the WinSCard API over the resource manager of this machine: the one that `SCARD_MANAGER` describes,
 * or else the system's own, pcscd, or `scard daemon` (`openManager` of `scard/machine`).
 *
 *     const { context } = await SCardEstablishContext(SCARD_SCOPE_USER);
 *     const { readers } = await SCardListReaders(context);
 *
 * For another manager pass it to SCardEstablishContext, or construct a {@link WinSCard} of your own.
 *
 * The smart card database is the user's file, with the system's below it (docs/guide/winscard.md). It is opened by the
 * first call that looks into it. Where the runtime has no SQLite, the functions that are about the database fail with
 * `unsupported-feature`, which says what to install, and all others work: readers have their own names then.
 */

import { basename } from "node:path";
import type { Database } from "../database/index.ts";
import { nodeRuntime } from "../edge/node/index.ts";
import { openDatabase } from "../edge/sqlite/index.ts";
import { type Scope, SmartCardError } from "../pcsc/index.ts";
import { WinSCard } from "../winscard/index.ts";
import { defaultManager } from "./machine.ts";

export { SmartCardError } from "../pcsc/index.ts";
export {
  type AuditOptions,
  type CardMismatch,
  type CardPicker,
  type CardPickerReader,
  type CardPickerRequest,
  type CardStatus,
  CM_IOCTL_GET_FEATURE_REQUEST,
  type DatabaseSource,
  type DefaultManager,
  ERROR_BROKEN_PIPE,
  ERROR_FILE_NOT_FOUND,
  ERROR_INVALID_HANDLE,
  ERROR_NOT_SUPPORTED,
  type EstablishContextOptions,
  FEATURE_ABORT,
  FEATURE_CCID_ESC_COMMAND,
  FEATURE_EXECUTE_PACE,
  FEATURE_GET_KEY,
  FEATURE_GET_KEY_PRESSED,
  FEATURE_GET_TLV_PROPERTIES,
  FEATURE_IFD_DISPLAY_PROPERTIES,
  FEATURE_IFD_PIN_PROPERTIES,
  FEATURE_MCT_READER_DIRECT,
  FEATURE_MCT_UNIVERSAL,
  FEATURE_MODIFY_PIN_DIRECT,
  FEATURE_MODIFY_PIN_DIRECT_APP_ID,
  FEATURE_MODIFY_PIN_FINISH,
  FEATURE_MODIFY_PIN_START,
  FEATURE_SET_SPE_MESSAGE,
  FEATURE_VERIFY_PIN_DIRECT,
  FEATURE_VERIFY_PIN_DIRECT_APP_ID,
  FEATURE_VERIFY_PIN_FINISH,
  FEATURE_VERIFY_PIN_START,
  FEATURE_WRITE_DISPLAY,
  FILE_DEVICE_SMARTCARD,
  INFINITE,
  IOCTL_SMARTCARD_CONFISCATE,
  IOCTL_SMARTCARD_EJECT,
  IOCTL_SMARTCARD_GET_ATTRIBUTE,
  IOCTL_SMARTCARD_GET_LAST_ERROR,
  IOCTL_SMARTCARD_GET_PERF_CNTR,
  IOCTL_SMARTCARD_GET_STATE,
  IOCTL_SMARTCARD_IS_ABSENT,
  IOCTL_SMARTCARD_IS_PRESENT,
  IOCTL_SMARTCARD_POWER,
  IOCTL_SMARTCARD_READ,
  IOCTL_SMARTCARD_SET_ATTRIBUTE,
  IOCTL_SMARTCARD_SET_PROTOCOL,
  IOCTL_SMARTCARD_SWALLOW,
  IOCTL_SMARTCARD_TRANSMIT,
  IOCTL_SMARTCARD_WRITE,
  MAXIMUM_ATTR_STRING_LENGTH,
  MAXIMUM_SMARTCARD_READERS,
  type OPENCARD_SEARCH_CRITERIA,
  type OPENCARDNAME,
  type OPENCARDNAME_EX,
  type OpenCardCheck,
  type OpenCardConnect,
  type OpenCardDisconnect,
  type ReaderStateAnswer,
  RSR_MATCH_TYPE_ALL_CARDS,
  RSR_MATCH_TYPE_READER_AND_CONTAINER,
  RSR_MATCH_TYPE_SERIAL_NUMBER,
  SC_DLG_FORCE_UI,
  SC_DLG_MINIMAL_UI,
  SC_DLG_NO_UI,
  SCARD_ABSENT,
  SCARD_ALL_READERS,
  SCARD_ATR_LENGTH,
  type SCARD_ATRMASK,
  SCARD_ATTR_ATR_STRING,
  SCARD_ATTR_CHANNEL_ID,
  SCARD_ATTR_CHARACTERISTICS,
  SCARD_ATTR_CURRENT_BWT,
  SCARD_ATTR_CURRENT_CLK,
  SCARD_ATTR_CURRENT_CWT,
  SCARD_ATTR_CURRENT_D,
  SCARD_ATTR_CURRENT_EBC_ENCODING,
  SCARD_ATTR_CURRENT_F,
  SCARD_ATTR_CURRENT_IFSC,
  SCARD_ATTR_CURRENT_IFSD,
  SCARD_ATTR_CURRENT_IO_STATE,
  SCARD_ATTR_CURRENT_N,
  SCARD_ATTR_CURRENT_PROTOCOL_TYPE,
  SCARD_ATTR_CURRENT_W,
  SCARD_ATTR_DEFAULT_CLK,
  SCARD_ATTR_DEFAULT_DATA_RATE,
  SCARD_ATTR_DEVICE_FRIENDLY_NAME_A,
  SCARD_ATTR_DEVICE_FRIENDLY_NAME_W,
  SCARD_ATTR_DEVICE_IN_USE,
  SCARD_ATTR_DEVICE_SYSTEM_NAME_A,
  SCARD_ATTR_DEVICE_SYSTEM_NAME_W,
  SCARD_ATTR_DEVICE_UNIT,
  SCARD_ATTR_ESC_AUTHREQUEST,
  SCARD_ATTR_ESC_CANCEL,
  SCARD_ATTR_ESC_RESET,
  SCARD_ATTR_EXTENDED_BWT,
  SCARD_ATTR_ICC_INTERFACE_STATUS,
  SCARD_ATTR_ICC_PRESENCE,
  SCARD_ATTR_ICC_TYPE_PER_ATR,
  SCARD_ATTR_MAX_CLK,
  SCARD_ATTR_MAX_DATA_RATE,
  SCARD_ATTR_MAX_IFSD,
  SCARD_ATTR_MAXINPUT,
  SCARD_ATTR_POWER_MGMT_SUPPORT,
  SCARD_ATTR_PROTOCOL_TYPES,
  SCARD_ATTR_SUPRESS_T1_IFS_REQUEST,
  SCARD_ATTR_USER_AUTH_INPUT_DEVICE,
  SCARD_ATTR_USER_TO_CARD_AUTH_DEVICE,
  SCARD_ATTR_VALUE,
  SCARD_ATTR_VENDOR_IFD_SERIAL_NO,
  SCARD_ATTR_VENDOR_IFD_TYPE,
  SCARD_ATTR_VENDOR_IFD_VERSION,
  SCARD_ATTR_VENDOR_NAME,
  SCARD_ATTR_VENDOR_SPECIFIC_INFO,
  SCARD_AUDIT_CHV_FAILURE,
  SCARD_AUDIT_CHV_SUCCESS,
  SCARD_AUTOALLOCATE,
  SCARD_CLASS_COMMUNICATIONS,
  SCARD_CLASS_ICC_STATE,
  SCARD_CLASS_IFD_PROTOCOL,
  SCARD_CLASS_MECHANICAL,
  SCARD_CLASS_PERF,
  SCARD_CLASS_POWER_MGMT,
  SCARD_CLASS_PROTOCOL,
  SCARD_CLASS_SECURITY,
  SCARD_CLASS_SYSTEM,
  SCARD_CLASS_VENDOR_DEFINED,
  SCARD_CLASS_VENDOR_INFO,
  SCARD_COLD_RESET,
  SCARD_CTL_CODE,
  SCARD_DEFAULT_READERS,
  SCARD_E_BAD_SEEK,
  SCARD_E_CANCELLED,
  SCARD_E_CANT_DISPOSE,
  SCARD_E_CARD_UNSUPPORTED,
  SCARD_E_CERTIFICATE_UNAVAILABLE,
  SCARD_E_COMM_DATA_LOST,
  SCARD_E_DIR_NOT_FOUND,
  SCARD_E_DUPLICATE_READER,
  SCARD_E_FILE_NOT_FOUND,
  SCARD_E_ICC_CREATEORDER,
  SCARD_E_ICC_INSTALLATION,
  SCARD_E_INSUFFICIENT_BUFFER,
  SCARD_E_INVALID_ATR,
  SCARD_E_INVALID_CHV,
  SCARD_E_INVALID_HANDLE,
  SCARD_E_INVALID_PARAMETER,
  SCARD_E_INVALID_TARGET,
  SCARD_E_INVALID_VALUE,
  SCARD_E_NO_ACCESS,
  SCARD_E_NO_DIR,
  SCARD_E_NO_FILE,
  SCARD_E_NO_KEY_CONTAINER,
  SCARD_E_NO_MEMORY,
  SCARD_E_NO_PIN_CACHE,
  SCARD_E_NO_READERS_AVAILABLE,
  SCARD_E_NO_SERVICE,
  SCARD_E_NO_SMARTCARD,
  SCARD_E_NO_SUCH_CERTIFICATE,
  SCARD_E_NOT_READY,
  SCARD_E_NOT_TRANSACTED,
  SCARD_E_PCI_TOO_SMALL,
  SCARD_E_PIN_CACHE_EXPIRED,
  SCARD_E_PROTO_MISMATCH,
  SCARD_E_READ_ONLY_CARD,
  SCARD_E_READER_UNAVAILABLE,
  SCARD_E_READER_UNSUPPORTED,
  SCARD_E_SERVER_TOO_BUSY,
  SCARD_E_SERVICE_STOPPED,
  SCARD_E_SHARING_VIOLATION,
  SCARD_E_SYSTEM_CANCELLED,
  SCARD_E_TIMEOUT,
  SCARD_E_UNEXPECTED,
  SCARD_E_UNKNOWN_CARD,
  SCARD_E_UNKNOWN_READER,
  SCARD_E_UNKNOWN_RES_MNG,
  SCARD_E_UNSUPPORTED_FEATURE,
  SCARD_E_WRITE_TOO_MANY,
  SCARD_EJECT_CARD,
  SCARD_F_COMM_ERROR,
  SCARD_F_INTERNAL_ERROR,
  SCARD_F_UNKNOWN_ERROR,
  SCARD_F_WAITED_TOO_LONG,
  type SCARD_IO_REQUEST,
  SCARD_LEAVE_CARD,
  SCARD_LOCAL_READERS,
  SCARD_NEGOTIABLE,
  SCARD_P_SHUTDOWN,
  SCARD_PCI_RAW,
  SCARD_PCI_T0,
  SCARD_PCI_T1,
  SCARD_PERF_BYTES_TRANSMITTED,
  SCARD_PERF_NUM_TRANSMISSIONS,
  SCARD_PERF_TRANSMISSION_TIME,
  SCARD_POWER_DOWN,
  SCARD_POWERED,
  SCARD_PRESENT,
  SCARD_PROTOCOL_DEFAULT,
  SCARD_PROTOCOL_OPTIMAL,
  SCARD_PROTOCOL_RAW,
  SCARD_PROTOCOL_T0,
  SCARD_PROTOCOL_T1,
  SCARD_PROTOCOL_Tx,
  SCARD_PROTOCOL_UNDEFINED,
  SCARD_PROVIDER_CARD_MODULE,
  SCARD_PROVIDER_CSP,
  SCARD_PROVIDER_KSP,
  SCARD_PROVIDER_PRIMARY,
  SCARD_READER_CONFISCATES,
  SCARD_READER_CONTACTLESS,
  SCARD_READER_EJECTS,
  SCARD_READER_SEL_AUTH_PACKAGE,
  SCARD_READER_SWALLOWS,
  SCARD_READER_TYPE_EMBEDDEDSE,
  SCARD_READER_TYPE_IDE,
  SCARD_READER_TYPE_KEYBOARD,
  SCARD_READER_TYPE_NFC,
  SCARD_READER_TYPE_NGC,
  SCARD_READER_TYPE_PARALELL,
  SCARD_READER_TYPE_PCMCIA,
  SCARD_READER_TYPE_SCSI,
  SCARD_READER_TYPE_SERIAL,
  SCARD_READER_TYPE_TPM,
  SCARD_READER_TYPE_UICC,
  SCARD_READER_TYPE_USB,
  SCARD_READER_TYPE_VENDOR,
  type SCARD_READERSTATE,
  SCARD_RESET_CARD,
  SCARD_S_SUCCESS,
  SCARD_SCOPE_SYSTEM,
  SCARD_SCOPE_TERMINAL,
  SCARD_SCOPE_USER,
  SCARD_SHARE_DIRECT,
  SCARD_SHARE_EXCLUSIVE,
  SCARD_SHARE_SHARED,
  SCARD_SPECIFIC,
  SCARD_STATE_ATRMATCH,
  SCARD_STATE_CHANGED,
  SCARD_STATE_EMPTY,
  SCARD_STATE_EXCLUSIVE,
  SCARD_STATE_IGNORE,
  SCARD_STATE_INUSE,
  SCARD_STATE_MUTE,
  SCARD_STATE_PRESENT,
  SCARD_STATE_UNAVAILABLE,
  SCARD_STATE_UNAWARE,
  SCARD_STATE_UNKNOWN,
  SCARD_STATE_UNPOWERED,
  SCARD_SWALLOWED,
  SCARD_SYSTEM_READERS,
  SCARD_T0_CMD_LENGTH,
  SCARD_T0_HEADER_LENGTH,
  SCARD_T1_EPILOGUE_LENGTH,
  SCARD_T1_EPILOGUE_LENGTH_LRC,
  SCARD_T1_MAX_IFS,
  SCARD_T1_PROLOGUE_LENGTH,
  SCARD_UNKNOWN,
  SCARD_UNPOWER_CARD,
  SCARD_W_CACHE_ITEM_NOT_FOUND,
  SCARD_W_CACHE_ITEM_STALE,
  SCARD_W_CACHE_ITEM_TOO_BIG,
  SCARD_W_CANCELLED_BY_USER,
  SCARD_W_CARD_NOT_AUTHENTICATED,
  SCARD_W_CHV_BLOCKED,
  SCARD_W_EOF,
  SCARD_W_REMOVED_CARD,
  SCARD_W_RESET_CARD,
  SCARD_W_SECURITY_VIOLATION,
  SCARD_W_UNPOWERED_CARD,
  SCARD_W_UNRESPONSIVE_CARD,
  SCARD_W_UNSUPPORTED_CARD,
  SCARD_W_WRONG_CHV,
  SCARD_WARM_RESET,
  type SCARDCONTEXT,
  type SCARDHANDLE,
  SCERR_NOCARDNAME,
  SCERR_NOGUIDS,
  type SelectCardOptions,
  type SelectedCard,
  type StartedEvent,
  type TransmitOptions,
  WinSCard,
  type WinSCardOptions,
} from "../winscard/index.ts";

/** The databases of this machine by whose they are: opened when they are first needed, and then at hand. */
const databases = new Map<"user" | "system", Database | Promise<Database>>();

function database(scope: Scope): Database | Promise<Database> {
  const whose = scope === "system" ? "system" : "user";
  const known = databases.get(whose);
  if (known !== undefined) return known;
  const opening = openDatabase({ scope: whose }).then(
    (opened) => {
      databases.set(whose, opened);
      return opened;
    },
    (error: unknown) => {
      // What is damaged or forbidden may be put right; a runtime without SQLite stays one.
      const lasting = error instanceof SmartCardError && error.code === "unsupported-feature";
      if (!lasting) databases.delete(whose);
      throw error;
    },
  );
  databases.set(whose, opening);
  return opening;
}

const machine: WinSCard = new WinSCard({
  defaultManager,
  database,
  clock: nodeRuntime().clock,
  program: `${basename(process.argv[1] ?? process.execPath)} (pid ${process.pid})`,
});

/** Opens a context. See {@link WinSCard.SCardEstablishContext}. */
export const SCardEstablishContext: WinSCard["SCardEstablishContext"] = machine.SCardEstablishContext;
/** Closes a context and all its cards. See {@link WinSCard.SCardReleaseContext}. */
export const SCardReleaseContext: WinSCard["SCardReleaseContext"] = machine.SCardReleaseContext;
/** Resolves while calls in the context can succeed. See {@link WinSCard.SCardIsValidContext}. */
export const SCardIsValidContext: WinSCard["SCardIsValidContext"] = machine.SCardIsValidContext;
/** Names of the readers that are there. See {@link WinSCard.SCardListReaders}. */
export const SCardListReaders: WinSCard["SCardListReaders"] = machine.SCardListReaders;
/** Names of the reader groups. See {@link WinSCard.SCardListReaderGroups}. */
export const SCardListReaderGroups: WinSCard["SCardListReaderGroups"] = machine.SCardListReaderGroups;
/** Waits until a reader changes. See {@link WinSCard.SCardGetStatusChange}. */
export const SCardGetStatusChange: WinSCard["SCardGetStatusChange"] = machine.SCardGetStatusChange;
/** Ends all waits of a context. See {@link WinSCard.SCardCancel}. */
export const SCardCancel: WinSCard["SCardCancel"] = machine.SCardCancel;
/** Connects to a card or a reader. See {@link WinSCard.SCardConnect}. */
export const SCardConnect: WinSCard["SCardConnect"] = machine.SCardConnect;
/** Establishes a connection anew. See {@link WinSCard.SCardReconnect}. */
export const SCardReconnect: WinSCard["SCardReconnect"] = machine.SCardReconnect;
/** Ends a connection. See {@link WinSCard.SCardDisconnect}. */
export const SCardDisconnect: WinSCard["SCardDisconnect"] = machine.SCardDisconnect;
/** Begins a transaction. See {@link WinSCard.SCardBeginTransaction}. */
export const SCardBeginTransaction: WinSCard["SCardBeginTransaction"] = machine.SCardBeginTransaction;
/** Ends a transaction. See {@link WinSCard.SCardEndTransaction}. */
export const SCardEndTransaction: WinSCard["SCardEndTransaction"] = machine.SCardEndTransaction;
/** State of reader and card. See {@link WinSCard.SCardStatus}. */
export const SCardStatus: WinSCard["SCardStatus"] = machine.SCardStatus;
/** State of the card. See {@link WinSCard.SCardState}. */
export const SCardState: WinSCard["SCardState"] = machine.SCardState;
/** Sends a command to the card. See {@link WinSCard.SCardTransmit}. */
export const SCardTransmit: WinSCard["SCardTransmit"] = machine.SCardTransmit;
/** Sends a command to the reader. See {@link WinSCard.SCardControl}. */
export const SCardControl: WinSCard["SCardControl"] = machine.SCardControl;
/** Reads an attribute of the reader. See {@link WinSCard.SCardGetAttrib}. */
export const SCardGetAttrib: WinSCard["SCardGetAttrib"] = machine.SCardGetAttrib;
/** Sets an attribute of the reader. See {@link WinSCard.SCardSetAttrib}. */
export const SCardSetAttrib: WinSCard["SCardSetAttrib"] = machine.SCardSetAttrib;
/** Number of exchanges of the reader. See {@link WinSCard.SCardGetTransmitCount}. */
export const SCardGetTransmitCount: WinSCard["SCardGetTransmitCount"] = machine.SCardGetTransmitCount;
/** Ends the wait for a transaction. See {@link WinSCard.SCardCancelTransaction}. */
export const SCardCancelTransaction: WinSCard["SCardCancelTransaction"] = machine.SCardCancelTransaction;
/** Introduces a kind of card. See {@link WinSCard.SCardIntroduceCardType}. */
export const SCardIntroduceCardType: WinSCard["SCardIntroduceCardType"] = machine.SCardIntroduceCardType;
/** Forgets a kind of card. See {@link WinSCard.SCardForgetCardType}. */
export const SCardForgetCardType: WinSCard["SCardForgetCardType"] = machine.SCardForgetCardType;
/** Names a provider of a kind of card. See {@link WinSCard.SCardSetCardTypeProviderName}. */
export const SCardSetCardTypeProviderName: WinSCard["SCardSetCardTypeProviderName"] =
  machine.SCardSetCardTypeProviderName;
/** Name of a provider of a kind of card. See {@link WinSCard.SCardGetCardTypeProviderName}. */
export const SCardGetCardTypeProviderName: WinSCard["SCardGetCardTypeProviderName"] =
  machine.SCardGetCardTypeProviderName;
/** GUID of the primary provider of a kind of card. See {@link WinSCard.SCardGetProviderId}. */
export const SCardGetProviderId: WinSCard["SCardGetProviderId"] = machine.SCardGetProviderId;
/** GUIDs of the interfaces of a kind of card. See {@link WinSCard.SCardListInterfaces}. */
export const SCardListInterfaces: WinSCard["SCardListInterfaces"] = machine.SCardListInterfaces;
/** Names of the kinds of card that fit. See {@link WinSCard.SCardListCards}. */
export const SCardListCards: WinSCard["SCardListCards"] = machine.SCardListCards;
/** Gives a reader a further name. See {@link WinSCard.SCardIntroduceReader}. */
export const SCardIntroduceReader: WinSCard["SCardIntroduceReader"] = machine.SCardIntroduceReader;
/** Takes a name of a reader away. See {@link WinSCard.SCardForgetReader}. */
export const SCardForgetReader: WinSCard["SCardForgetReader"] = machine.SCardForgetReader;
/** Says that there is to be a group of readers. See {@link WinSCard.SCardIntroduceReaderGroup}. */
export const SCardIntroduceReaderGroup: WinSCard["SCardIntroduceReaderGroup"] = machine.SCardIntroduceReaderGroup;
/** Ends a group of readers. See {@link WinSCard.SCardForgetReaderGroup}. */
export const SCardForgetReaderGroup: WinSCard["SCardForgetReaderGroup"] = machine.SCardForgetReaderGroup;
/** Puts a reader into a group. See {@link WinSCard.SCardAddReaderToGroup}. */
export const SCardAddReaderToGroup: WinSCard["SCardAddReaderToGroup"] = machine.SCardAddReaderToGroup;
/** Takes a reader out of a group. See {@link WinSCard.SCardRemoveReaderFromGroup}. */
export const SCardRemoveReaderFromGroup: WinSCard["SCardRemoveReaderFromGroup"] = machine.SCardRemoveReaderFromGroup;
/** Looks for cards by name. See {@link WinSCard.SCardLocateCards}. */
export const SCardLocateCards: WinSCard["SCardLocateCards"] = machine.SCardLocateCards;
/** Looks for cards by ATR. See {@link WinSCard.SCardLocateCardsByATR}. */
export const SCardLocateCardsByATR: WinSCard["SCardLocateCardsByATR"] = machine.SCardLocateCardsByATR;
/** Reads what was cached for a card. See {@link WinSCard.SCardReadCache}. */
export const SCardReadCache: WinSCard["SCardReadCache"] = machine.SCardReadCache;
/** Caches bytes for a card. See {@link WinSCard.SCardWriteCache}. */
export const SCardWriteCache: WinSCard["SCardWriteCache"] = machine.SCardWriteCache;
/** How a reader is attached. See {@link WinSCard.SCardGetDeviceTypeId}. */
export const SCardGetDeviceTypeId: WinSCard["SCardGetDeviceTypeId"] = machine.SCardGetDeviceTypeId;
/** What tells a reader from every other. See {@link WinSCard.SCardGetReaderDeviceInstanceId}. */
export const SCardGetReaderDeviceInstanceId: WinSCard["SCardGetReaderDeviceInstanceId"] =
  machine.SCardGetReaderDeviceInstanceId;
/** Names of the readers of a device. See {@link WinSCard.SCardListReadersWithDeviceInstanceId}. */
export const SCardListReadersWithDeviceInstanceId: WinSCard["SCardListReadersWithDeviceInstanceId"] =
  machine.SCardListReadersWithDeviceInstanceId;
/** A picture of a reader. See {@link WinSCard.SCardGetReaderIcon}. */
export const SCardGetReaderIcon: WinSCard["SCardGetReaderIcon"] = machine.SCardGetReaderIcon;
/** Gives the event of the manager's start. See {@link WinSCard.SCardAccessStartedEvent}. */
export const SCardAccessStartedEvent: WinSCard["SCardAccessStartedEvent"] = machine.SCardAccessStartedEvent;
/** Gives that event back. See {@link WinSCard.SCardReleaseStartedEvent}. */
export const SCardReleaseStartedEvent: WinSCard["SCardReleaseStartedEvent"] = machine.SCardReleaseStartedEvent;
/** Writes into the audit log. See {@link WinSCard.SCardAudit}. */
export const SCardAudit: WinSCard["SCardAudit"] = machine.SCardAudit;
/** Does nothing. See {@link WinSCard.SCardFreeMemory}. */
export const SCardFreeMemory: WinSCard["SCardFreeMemory"] = machine.SCardFreeMemory;
/** Finds the card that is meant, or lets the person choose. See {@link WinSCard.SCardUIDlgSelectCard}. */
export const SCardUIDlgSelectCard: WinSCard["SCardUIDlgSelectCard"] = machine.SCardUIDlgSelectCard;
/** The older form of SCardUIDlgSelectCard. See {@link WinSCard.GetOpenCardName}. */
export const GetOpenCardName: WinSCard["GetOpenCardName"] = machine.GetOpenCardName;
