// SPDX-License-Identifier: MIT

import {
  assert,
  cardStates,
  controlCode,
  dispositions,
  features,
  ioctls,
  MAX_ATR_BYTES,
  INFINITE as NEVER,
  protocols,
  readerStateBits,
  scopes,
  shareModes,
  FILE_DEVICE_SMARTCARD as smartCardDevice,
  systemGroups,
} from "../../port/index.ts";
import type { SCARD_IO_REQUEST } from "./io-request.ts";

/** The number in Microsoft's header, of a constant that Microsoft's header has. */
function windows(row: { readonly name: string; readonly windows: number | undefined }): number {
  assert(row.windows !== undefined, `${row.name} is not a constant of Windows`);
  return row.windows;
}

// Contexts and waits.
/** Database operations run in the user's domain. */
export const SCARD_SCOPE_USER: number = windows(scopes.user);
/** Database operations run in the domain of the terminal. */
export const SCARD_SCOPE_TERMINAL: number = windows(scopes.terminal);
/** Database operations run in the domain of the system. */
export const SCARD_SCOPE_SYSTEM: number = windows(scopes.system);
/** A timeout that never passes. */
export const INFINITE: number = NEVER;
/** A length by which C code asks for memory. Here results are always allocated. */
export const SCARD_AUTOALLOCATE: number = 0xffff_ffff;

// Sharing, dispositions, protocols.
/** Do not share the card. */
export const SCARD_SHARE_EXCLUSIVE: number = windows(shareModes.exclusive);
/** Share the card with others. */
export const SCARD_SHARE_SHARED: number = windows(shareModes.shared);
/** Use the reader itself; no card is needed. */
export const SCARD_SHARE_DIRECT: number = windows(shareModes.direct);
/** Do nothing to the card. */
export const SCARD_LEAVE_CARD: number = windows(dispositions.leave);
/** Reset the card (warm). */
export const SCARD_RESET_CARD: number = windows(dispositions.reset);
/** Power the card down (a cold reset where it stays in use). */
export const SCARD_UNPOWER_CARD: number = windows(dispositions.unpower);
/** Eject the card. */
export const SCARD_EJECT_CARD: number = windows(dispositions.eject);
/** No protocol is in use. */
export const SCARD_PROTOCOL_UNDEFINED: number = 0;
/** T=0. */
export const SCARD_PROTOCOL_T0: number = windows(protocols.t0);
/** T=1. */
export const SCARD_PROTOCOL_T1: number = windows(protocols.t1);
/** The raw protocol of the reader. Portability: 4 in pcsc-lite and on macOS. */
export const SCARD_PROTOCOL_RAW: number = windows(protocols.raw);
/** T=0 or T=1. Portability: SCARD_PROTOCOL_ANY in pcsc-lite. */
export const SCARD_PROTOCOL_Tx: number = SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1;
/** Default transmission parameters; alone it stands for T=0 or T=1. */
export const SCARD_PROTOCOL_DEFAULT: number = 0x8000_0000;
/** The best transmission parameters: the absence of SCARD_PROTOCOL_DEFAULT. */
export const SCARD_PROTOCOL_OPTIMAL: number = 0;
/** Minor code of IOCTL_SMARTCARD_POWER. */
export const SCARD_POWER_DOWN: number = 0;
/** Minor code of IOCTL_SMARTCARD_POWER. */
export const SCARD_COLD_RESET: number = 1;
/** Minor code of IOCTL_SMARTCARD_POWER. */
export const SCARD_WARM_RESET: number = 2;

// Reader states: bits of currentState and eventState.
/** The caller knows nothing and wants to know: the call returns at once. */
export const SCARD_STATE_UNAWARE: number = 0;
/** The reader is not to be watched. */
export const SCARD_STATE_IGNORE: number = windows(readerStateBits.ignore);
/** The state differs from what the caller believed. */
export const SCARD_STATE_CHANGED: number = windows(readerStateBits.changed);
/** No reader has that name. */
export const SCARD_STATE_UNKNOWN: number = windows(readerStateBits.unknown);
/** The state is not available: nothing else is set. */
export const SCARD_STATE_UNAVAILABLE: number = windows(readerStateBits.unavailable);
/** No card is in the reader: nothing else is set. */
export const SCARD_STATE_EMPTY: number = windows(readerStateBits.empty);
/** A card is in the reader. */
export const SCARD_STATE_PRESENT: number = windows(readerStateBits.present);
/** The card is one of those looked for. */
export const SCARD_STATE_ATRMATCH: number = windows(readerStateBits.atrmatch);
/** Another holds the card in exclusive mode. */
export const SCARD_STATE_EXCLUSIVE: number = windows(readerStateBits.exclusive);
/** Others share the card. */
export const SCARD_STATE_INUSE: number = windows(readerStateBits.inuse);
/** The card does not answer. */
export const SCARD_STATE_MUTE: number = windows(readerStateBits.mute);
/** The card is not powered. */
export const SCARD_STATE_UNPOWERED: number = windows(readerStateBits.unpowered);

// Card states: what SCardStatus says, an enumeration.
/** Not known. Portability: the seven states are bits of a mask in pcsc-lite and on macOS. */
export const SCARD_UNKNOWN: number = cardStates.unknown.windows;
/** No card is in the reader. */
export const SCARD_ABSENT: number = cardStates.absent.windows;
/** A card is there, but not in position. */
export const SCARD_PRESENT: number = cardStates.present.windows;
/** The card is in position, and not powered. */
export const SCARD_SWALLOWED: number = cardStates.swallowed.windows;
/** The card is powered; its mode is not known. */
export const SCARD_POWERED: number = cardStates.powered.windows;
/** The card was reset; no protocol is agreed on. */
export const SCARD_NEGOTIABLE: number = cardStates.negotiable.windows;
/** A protocol is agreed on. */
export const SCARD_SPECIFIC: number = cardStates.specific.windows;

// Reader groups. C has a second NUL at the end of each; comparing strings needs none here.
/** Every reader: a group to search in, never listed. */
export const SCARD_ALL_READERS: string = systemGroups.all;
/** Every reader but those set aside for special use. */
export const SCARD_DEFAULT_READERS: string = systemGroups.default;
/** Unused. */
export const SCARD_LOCAL_READERS: string = systemGroups.local;
/** Unused. */
export const SCARD_SYSTEM_READERS: string = systemGroups.system;

// Exchanges.
/** Protocol control information of T=0. */
export const SCARD_PCI_T0: SCARD_IO_REQUEST = Object.freeze({ protocol: SCARD_PROTOCOL_T0, pciLength: 8 });
/** Protocol control information of T=1. */
export const SCARD_PCI_T1: SCARD_IO_REQUEST = Object.freeze({ protocol: SCARD_PROTOCOL_T1, pciLength: 8 });
/** Protocol control information of the raw protocol. */
export const SCARD_PCI_RAW: SCARD_IO_REQUEST = Object.freeze({ protocol: SCARD_PROTOCOL_RAW, pciLength: 8 });
/** The longest ATR in bytes, TS and TCK included. */
export const SCARD_ATR_LENGTH: number = MAX_ATR_BYTES;
/** SW1 SW2 and the five bytes of a T=0 command. */
export const SCARD_T0_HEADER_LENGTH: number = 7;
/** CLA INS P1 P2 P3. */
export const SCARD_T0_CMD_LENGTH: number = 5;
/** NAD PCB LEN. */
export const SCARD_T1_PROLOGUE_LENGTH: number = 3;
/** CRC, the longer of the two. */
export const SCARD_T1_EPILOGUE_LENGTH: number = 2;
/** LRC. */
export const SCARD_T1_EPILOGUE_LENGTH_LRC: number = 1;
/** The largest information field. */
export const SCARD_T1_MAX_IFS: number = 254;
/** Of the header; not a limit here. */
export const MAXIMUM_ATTR_STRING_LENGTH: number = 32;
/** Of the header; not a limit here. */
export const MAXIMUM_SMARTCARD_READERS: number = 10;

// Readers.
/** Serial port. */
export const SCARD_READER_TYPE_SERIAL: number = 0x01;
/** Parallel port. Spelt as in the header. */
export const SCARD_READER_TYPE_PARALELL: number = 0x02;
/** Keyboard port. */
export const SCARD_READER_TYPE_KEYBOARD: number = 0x04;
/** SCSI. */
export const SCARD_READER_TYPE_SCSI: number = 0x08;
/** IDE. */
export const SCARD_READER_TYPE_IDE: number = 0x10;
/** USB. */
export const SCARD_READER_TYPE_USB: number = 0x20;
/** PCMCIA. */
export const SCARD_READER_TYPE_PCMCIA: number = 0x40;
/** A TPM. */
export const SCARD_READER_TYPE_TPM: number = 0x80;
/** NFC. */
export const SCARD_READER_TYPE_NFC: number = 0x100;
/** A SIM. */
export const SCARD_READER_TYPE_UICC: number = 0x200;
/** A key of the platform. */
export const SCARD_READER_TYPE_NGC: number = 0x400;
/** A secure element. */
export const SCARD_READER_TYPE_EMBEDDEDSE: number = 0x800;
/** Defined by the vendor. */
export const SCARD_READER_TYPE_VENDOR: number = 0xf0;
/** Has a mechanism that swallows cards. */
export const SCARD_READER_SWALLOWS: number = 1;
/** Has a mechanism that ejects cards. */
export const SCARD_READER_EJECTS: number = 2;
/** Has a mechanism that keeps cards. */
export const SCARD_READER_CONFISCATES: number = 4;
/** Is contactless. */
export const SCARD_READER_CONTACTLESS: number = 8;

// Card types, audit, dialogs.
/** The primary service provider of a card type, a GUID. */
export const SCARD_PROVIDER_PRIMARY: number = 1;
/** The cryptographic service provider of a card type. */
export const SCARD_PROVIDER_CSP: number = 2;
/** The key storage provider of a card type. */
export const SCARD_PROVIDER_KSP: number = 3;
/** The minidriver of a card type. */
export const SCARD_PROVIDER_CARD_MODULE: number = 0x8000_0001;
/** A PIN was refused. */
export const SCARD_AUDIT_CHV_FAILURE: number = 0;
/** A PIN was accepted. */
export const SCARD_AUDIT_CHV_SUCCESS: number = 1;
/** Show a dialog only where more than one card fits, or none. */
export const SC_DLG_MINIMAL_UI: number = 1;
/** Never show a dialog. */
export const SC_DLG_NO_UI: number = 2;
/** Always show a dialog. */
export const SC_DLG_FORCE_UI: number = 4;
/** The dialog was given no card name. */
export const SCERR_NOCARDNAME: number = 0x4000;
/** The dialog was given no interface. */
export const SCERR_NOGUIDS: number = 0x8000;
/** The authentication package of reader selection, -629. */
export const SCARD_READER_SEL_AUTH_PACKAGE: number = 0xffff_fd8b;
/** Select by reader and container. */
export const RSR_MATCH_TYPE_READER_AND_CONTAINER: number = 1;
/** Select by serial number of the card. */
export const RSR_MATCH_TYPE_SERIAL_NUMBER: number = 2;
/** Select among all cards. */
export const RSR_MATCH_TYPE_ALL_CARDS: number = 3;

// Control codes.
/** The device type in a control code. */
export const FILE_DEVICE_SMARTCARD: number = smartCardDevice;

/**
 * The control code of a function. Portability: 0x42000000 + n in pcsc-lite and on macOS; SCardControl takes either.
 *
 * @param n 0 to 4095; vendors have those from 2048 on.
 * @throws RangeError for a number that does not fit
 */
export const SCARD_CTL_CODE = (n: number): number => controlCode(n);

/** Power down, cold or warm reset. */
export const IOCTL_SMARTCARD_POWER: number = ioctls.power.windows;
/** Read an attribute. */
export const IOCTL_SMARTCARD_GET_ATTRIBUTE: number = ioctls["get-attribute"].windows;
/** Set an attribute. */
export const IOCTL_SMARTCARD_SET_ATTRIBUTE: number = ioctls["set-attribute"].windows;
/** Keep the card. */
export const IOCTL_SMARTCARD_CONFISCATE: number = ioctls.confiscate.windows;
/** Exchange with the card. */
export const IOCTL_SMARTCARD_TRANSMIT: number = ioctls.transmit.windows;
/** Eject the card. */
export const IOCTL_SMARTCARD_EJECT: number = ioctls.eject.windows;
/** Swallow the card. */
export const IOCTL_SMARTCARD_SWALLOW: number = ioctls.swallow.windows;
/** Obsolete. */
export const IOCTL_SMARTCARD_READ: number = ioctls.read.windows;
/** Obsolete. */
export const IOCTL_SMARTCARD_WRITE: number = ioctls.write.windows;
/** Wait until a card is there. */
export const IOCTL_SMARTCARD_IS_PRESENT: number = ioctls["is-present"].windows;
/** Wait until the card is gone. */
export const IOCTL_SMARTCARD_IS_ABSENT: number = ioctls["is-absent"].windows;
/** Agree on a protocol. */
export const IOCTL_SMARTCARD_SET_PROTOCOL: number = ioctls["set-protocol"].windows;
/** State of the card. */
export const IOCTL_SMARTCARD_GET_STATE: number = ioctls["get-state"].windows;
/** Last error. */
export const IOCTL_SMARTCARD_GET_LAST_ERROR: number = ioctls["get-last-error"].windows;
/** Counters. */
export const IOCTL_SMARTCARD_GET_PERF_CNTR: number = ioctls["get-perf-cntr"].windows;
/** List the features of PC/SC part 10. */
export const CM_IOCTL_GET_FEATURE_REQUEST: number = ioctls["get-feature-request"].windows;

// Features: tags in the answer to CM_IOCTL_GET_FEATURE_REQUEST.
/** Start a PIN verification. */
export const FEATURE_VERIFY_PIN_START: number = features["verify-pin-start"].tag;
/** Finish a PIN verification. */
export const FEATURE_VERIFY_PIN_FINISH: number = features["verify-pin-finish"].tag;
/** Start a PIN change. */
export const FEATURE_MODIFY_PIN_START: number = features["modify-pin-start"].tag;
/** Finish a PIN change. */
export const FEATURE_MODIFY_PIN_FINISH: number = features["modify-pin-finish"].tag;
/** Which key was pressed. */
export const FEATURE_GET_KEY_PRESSED: number = features["get-key-pressed"].tag;
/** Verify a PIN in one call. */
export const FEATURE_VERIFY_PIN_DIRECT: number = features["verify-pin-direct"].tag;
/** Change a PIN in one call. */
export const FEATURE_MODIFY_PIN_DIRECT: number = features["modify-pin-direct"].tag;
/** Multifunctional card terminal: the reader. */
export const FEATURE_MCT_READER_DIRECT: number = features["mct-reader-direct"].tag;
/** Multifunctional card terminal: any unit. */
export const FEATURE_MCT_UNIVERSAL: number = features["mct-universal"].tag;
/** How the reader takes PINs. */
export const FEATURE_IFD_PIN_PROPERTIES: number = features["ifd-pin-properties"].tag;
/** Abort a PIN entry. */
export const FEATURE_ABORT: number = features.abort.tag;
/** Set a message of PIN entry. */
export const FEATURE_SET_SPE_MESSAGE: number = features["set-spe-message"].tag;
/** Verify a PIN by application. */
export const FEATURE_VERIFY_PIN_DIRECT_APP_ID: number = features["verify-pin-direct-app-id"].tag;
/** Change a PIN by application. */
export const FEATURE_MODIFY_PIN_DIRECT_APP_ID: number = features["modify-pin-direct-app-id"].tag;
/** Write on the display. */
export const FEATURE_WRITE_DISPLAY: number = features["write-display"].tag;
/** Read a key. */
export const FEATURE_GET_KEY: number = features["get-key"].tag;
/** How large the display is. */
export const FEATURE_IFD_DISPLAY_PROPERTIES: number = features["ifd-display-properties"].tag;
/** Properties of the reader, as TLV. */
export const FEATURE_GET_TLV_PROPERTIES: number = features["get-tlv-properties"].tag;
/** Send a CCID escape command. */
export const FEATURE_CCID_ESC_COMMAND: number = features["ccid-esc-command"].tag;
/** Run PACE in the reader. */
export const FEATURE_EXECUTE_PACE: number = features["execute-pace"].tag;
