// SPDX-License-Identifier: MIT

/** The numbers that `smartcard` exports, as this system's header has them. */

import { controlCode, ioctls, protocols } from "../port/index.ts";
import { dialect } from "./compat-host.ts";

// These are the same in every header.
export {
  FEATURE_ABORT,
  FEATURE_CCID_ESC_COMMAND,
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
  SCARD_EJECT_CARD,
  SCARD_LEAVE_CARD,
  SCARD_PROTOCOL_T0,
  SCARD_PROTOCOL_T1,
  SCARD_PROTOCOL_UNDEFINED,
  SCARD_RESET_CARD,
  SCARD_SHARE_DIRECT,
  SCARD_SHARE_EXCLUSIVE,
  SCARD_SHARE_SHARED,
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
  SCARD_UNPOWER_CARD,
} from "../faces/winscard/constants.ts";

/** The raw protocol of the reader. Portability: 4, and 0x10000 on Windows. */
export const SCARD_PROTOCOL_RAW: number = protocols.raw[dialect] ?? 0;
/** Asks a reader for its features: give the answer to `parseFeatures`. */
export const CM_IOCTL_GET_FEATURE_REQUEST: number = ioctls["get-feature-request"][dialect] ?? 0;
/** The control code for a function number, 0 to 4095. Portability: 0x42000000 + n, on Windows 0x00310000 + 4 n. */
export const SCARD_CTL_CODE = (code: number): number => controlCode(code, dialect);
