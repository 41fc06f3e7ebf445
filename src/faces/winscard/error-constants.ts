// SPDX-License-Identifier: MIT

import { errorNumber } from "../../port/index.ts";

/** The return value of success in C. Here the call resolves. */
export const SCARD_S_SUCCESS: number = 0;
/** An internal check failed. */
export const SCARD_F_INTERNAL_ERROR: number = errorNumber("internal-error");
/** The call was ended by SCardCancel, or by its signal. */
export const SCARD_E_CANCELLED: number = errorNumber("cancelled");
/** Not the handle of an open card. */
export const SCARD_E_INVALID_HANDLE: number = errorNumber("invalid-handle");
/** A parameter cannot be interpreted. */
export const SCARD_E_INVALID_PARAMETER: number = errorNumber("invalid-parameter");
/** The startup information in the registry is missing or bad. */
export const SCARD_E_INVALID_TARGET: number = errorNumber("invalid-target");
/** Out of memory, or a limit is reached. */
export const SCARD_E_NO_MEMORY: number = errorNumber("no-memory");
/** An internal timer has run out. */
export const SCARD_F_WAITED_TOO_LONG: number = errorNumber("waited-too-long");
/** The answer is larger than the buffer for it. */
export const SCARD_E_INSUFFICIENT_BUFFER: number = errorNumber("insufficient-buffer");
/** No reader has that name. */
export const SCARD_E_UNKNOWN_READER: number = errorNumber("unknown-reader");
/** The caller's time limit has passed. */
export const SCARD_E_TIMEOUT: number = errorNumber("timeout");
/** Other connections prevent it. */
export const SCARD_E_SHARING_VIOLATION: number = errorNumber("sharing-violation");
/** A card is needed and none is in the reader. */
export const SCARD_E_NO_SMARTCARD: number = errorNumber("no-smartcard");
/** No card type has that name. */
export const SCARD_E_UNKNOWN_CARD: number = errorNumber("unknown-card");
/** The reader cannot do to the card what the disposition says. */
export const SCARD_E_CANT_DISPOSE: number = errorNumber("cant-dispose");
/** The requested protocols are not the one in use, or not available. */
export const SCARD_E_PROTO_MISMATCH: number = errorNumber("proto-mismatch");
/** Reader or card is not ready for commands. */
export const SCARD_E_NOT_READY: number = errorNumber("not-ready");
/** A parameter has a value that is not allowed. */
export const SCARD_E_INVALID_VALUE: number = errorNumber("invalid-value");
/** The system ended the call: log off or shut down. */
export const SCARD_E_SYSTEM_CANCELLED: number = errorNumber("system-cancelled");
/** Internal communication failed. */
export const SCARD_F_COMM_ERROR: number = errorNumber("comm-error");
/** An internal error of unknown source. */
export const SCARD_F_UNKNOWN_ERROR: number = errorNumber("unknown-error");
/** The ATR in the registry is not valid. */
export const SCARD_E_INVALID_ATR: number = errorNumber("invalid-atr");
/** There is no transaction to end. */
export const SCARD_E_NOT_TRANSACTED: number = errorNumber("not-transacted");
/** The reader is not available now. */
export const SCARD_E_READER_UNAVAILABLE: number = errorNumber("reader-unavailable");
/** The call was ended so that the server can exit. */
export const SCARD_P_SHUTDOWN: number = errorNumber("shutdown");
/** The receive PCI is too small. */
export const SCARD_E_PCI_TOO_SMALL: number = errorNumber("pci-too-small");
/** The driver does not meet the requirements. */
export const SCARD_E_READER_UNSUPPORTED: number = errorNumber("reader-unsupported");
/** The name of the reader is taken. */
export const SCARD_E_DUPLICATE_READER: number = errorNumber("duplicate-reader");
/** The card does not meet the requirements. */
export const SCARD_E_CARD_UNSUPPORTED: number = errorNumber("card-unsupported");
/** The resource manager is not running. */
export const SCARD_E_NO_SERVICE: number = errorNumber("no-service");
/** The resource manager has shut down. */
export const SCARD_E_SERVICE_STOPPED: number = errorNumber("service-stopped");
/** An unexpected error of the card. */
export const SCARD_E_UNEXPECTED: number = errorNumber("unexpected");
/** The card has no primary provider. */
export const SCARD_E_ICC_INSTALLATION: number = errorNumber("icc-installation");
/** Objects cannot be created in that order. */
export const SCARD_E_ICC_CREATEORDER: number = errorNumber("icc-createorder");
/** The feature is not supported. Portability: 0x8010001F in pcsc-lite. */
export const SCARD_E_UNSUPPORTED_FEATURE: number = errorNumber("unsupported-feature");
/** The directory is not in the card. */
export const SCARD_E_DIR_NOT_FOUND: number = errorNumber("dir-not-found");
/** The file is not in the card. */
export const SCARD_E_FILE_NOT_FOUND: number = errorNumber("file-not-found");
/** The path does not lead to a directory. */
export const SCARD_E_NO_DIR: number = errorNumber("no-dir");
/** The path does not lead to a file. */
export const SCARD_E_NO_FILE: number = errorNumber("no-file");
/** Access to the file is denied. */
export const SCARD_E_NO_ACCESS: number = errorNumber("no-access");
/** More data than the object holds. */
export const SCARD_E_WRITE_TOO_MANY: number = errorNumber("write-too-many");
/** The file pointer cannot be set there. */
export const SCARD_E_BAD_SEEK: number = errorNumber("bad-seek");
/** The PIN is not correct. */
export const SCARD_E_INVALID_CHV: number = errorNumber("invalid-chv");
/** A lower layer gave a code that is not known. */
export const SCARD_E_UNKNOWN_RES_MNG: number = errorNumber("unknown-res-mng");
/** There is no such certificate. */
export const SCARD_E_NO_SUCH_CERTIFICATE: number = errorNumber("no-such-certificate");
/** The certificate is not available. */
export const SCARD_E_CERTIFICATE_UNAVAILABLE: number = errorNumber("certificate-unavailable");
/** There is no reader. */
export const SCARD_E_NO_READERS_AVAILABLE: number = errorNumber("no-readers-available");
/** Data got lost between reader and card; try again. */
export const SCARD_E_COMM_DATA_LOST: number = errorNumber("comm-data-lost");
/** The key container is not in the card. */
export const SCARD_E_NO_KEY_CONTAINER: number = errorNumber("no-key-container");
/** The resource manager is too busy. */
export const SCARD_E_SERVER_TOO_BUSY: number = errorNumber("server-too-busy");
/** The PIN in the cache has expired. */
export const SCARD_E_PIN_CACHE_EXPIRED: number = errorNumber("pin-cache-expired");
/** There is no PIN in the cache. */
export const SCARD_E_NO_PIN_CACHE: number = errorNumber("no-pin-cache");
/** The card can only be read. */
export const SCARD_E_READ_ONLY_CARD: number = errorNumber("read-only-card");
/** The ATR is not supported. */
export const SCARD_W_UNSUPPORTED_CARD: number = errorNumber("unsupported-card");
/** The card does not answer to reset. */
export const SCARD_W_UNRESPONSIVE_CARD: number = errorNumber("unresponsive-card");
/** The card is not powered. */
export const SCARD_W_UNPOWERED_CARD: number = errorNumber("unpowered-card");
/** The card was reset by another; reconnect. */
export const SCARD_W_RESET_CARD: number = errorNumber("reset-card");
/** The card was removed. */
export const SCARD_W_REMOVED_CARD: number = errorNumber("removed-card");
/** Access was denied. */
export const SCARD_W_SECURITY_VIOLATION: number = errorNumber("security-violation");
/** A wrong PIN was presented. */
export const SCARD_W_WRONG_CHV: number = errorNumber("wrong-chv");
/** The tries for the PIN are used up. */
export const SCARD_W_CHV_BLOCKED: number = errorNumber("chv-blocked");
/** The end of the card's file is reached. */
export const SCARD_W_EOF: number = errorNumber("eof");
/** The user cancelled. */
export const SCARD_W_CANCELLED_BY_USER: number = errorNumber("cancelled-by-user");
/** No PIN was presented. */
export const SCARD_W_CARD_NOT_AUTHENTICATED: number = errorNumber("card-not-authenticated");
/** The item is not in the cache. */
export const SCARD_W_CACHE_ITEM_NOT_FOUND: number = errorNumber("cache-item-not-found");
/** The item in the cache is too old. */
export const SCARD_W_CACHE_ITEM_STALE: number = errorNumber("cache-item-stale");
/** The item is too large for the cache. */
export const SCARD_W_CACHE_ITEM_TOO_BIG: number = errorNumber("cache-item-too-big");
/** Not the handle of an open context. Portability: SCARD_E_INVALID_HANDLE in pcsc-lite. */
export const ERROR_INVALID_HANDLE: number = errorNumber("invalid-context");
/** No such attribute. Portability: SCARD_E_UNSUPPORTED_FEATURE in pcsc-lite. */
export const ERROR_NOT_SUPPORTED: number = errorNumber("not-supported");
/** The card type has no provider of that kind. */
export const ERROR_FILE_NOT_FOUND: number = errorNumber("provider-not-found");
/** A remote session without redirection of smart cards. */
export const ERROR_BROKEN_PIPE: number = errorNumber("broken-pipe");
