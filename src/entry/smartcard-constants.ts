// SPDX-License-Identifier: MIT

/** The numbers that `smartcard` exports, as this system's header has them. */

import { controlCode, dispositions, features, ioctls, protocols, readerStateBits, shareModes } from "../port/index.ts";
import { dialect } from "./compat-host.ts";

function here(row: { readonly windows: number | undefined; readonly pcsclite: number | undefined }): number {
  return row[dialect] ?? 0;
}

/** Do not share the card. */
export const SCARD_SHARE_EXCLUSIVE: number = here(shareModes.exclusive);
/** Share the card with others. */
export const SCARD_SHARE_SHARED: number = here(shareModes.shared);
/** Use the reader itself; no card is needed. */
export const SCARD_SHARE_DIRECT: number = here(shareModes.direct);
/** No protocol is in use. */
export const SCARD_PROTOCOL_UNDEFINED: number = 0;
/** T=0. */
export const SCARD_PROTOCOL_T0: number = here(protocols.t0);
/** T=1. */
export const SCARD_PROTOCOL_T1: number = here(protocols.t1);
/** The raw protocol of the reader. Portability: 4, and 0x10000 on Windows. */
export const SCARD_PROTOCOL_RAW: number = here(protocols.raw);
/** Do nothing to the card. */
export const SCARD_LEAVE_CARD: number = here(dispositions.leave);
/** Reset the card. */
export const SCARD_RESET_CARD: number = here(dispositions.reset);
/** Power the card down. */
export const SCARD_UNPOWER_CARD: number = here(dispositions.unpower);
/** Eject the card. */
export const SCARD_EJECT_CARD: number = here(dispositions.eject);
/** The program knows nothing and wants to know. */
export const SCARD_STATE_UNAWARE: number = 0;
/** The reader is not to be watched. */
export const SCARD_STATE_IGNORE: number = here(readerStateBits.ignore);
/** The state differs from the one given. */
export const SCARD_STATE_CHANGED: number = here(readerStateBits.changed);
/** No reader has that name. */
export const SCARD_STATE_UNKNOWN: number = here(readerStateBits.unknown);
/** The state is not available. */
export const SCARD_STATE_UNAVAILABLE: number = here(readerStateBits.unavailable);
/** No card is in the reader. */
export const SCARD_STATE_EMPTY: number = here(readerStateBits.empty);
/** A card is in the reader. */
export const SCARD_STATE_PRESENT: number = here(readerStateBits.present);
/** The card is one of those looked for. */
export const SCARD_STATE_ATRMATCH: number = here(readerStateBits.atrmatch);
/** Another program has exclusive use of the card. */
export const SCARD_STATE_EXCLUSIVE: number = here(readerStateBits.exclusive);
/** Other programs use the card. */
export const SCARD_STATE_INUSE: number = here(readerStateBits.inuse);
/** The card does not answer. */
export const SCARD_STATE_MUTE: number = here(readerStateBits.mute);
/** Asks a reader for its features: give the answer to `parseFeatures`. */
export const CM_IOCTL_GET_FEATURE_REQUEST: number = here(ioctls["get-feature-request"]);
/** Tag of a feature. PC/SC part 10, 2.3. */
export const FEATURE_VERIFY_PIN_START: number = features["verify-pin-start"].tag;
/** Tag of a feature. PC/SC part 10, 2.3. */
export const FEATURE_VERIFY_PIN_FINISH: number = features["verify-pin-finish"].tag;
/** Tag of a feature. PC/SC part 10, 2.3. */
export const FEATURE_MODIFY_PIN_START: number = features["modify-pin-start"].tag;
/** Tag of a feature. PC/SC part 10, 2.3. */
export const FEATURE_MODIFY_PIN_FINISH: number = features["modify-pin-finish"].tag;
/** Tag of a feature. PC/SC part 10, 2.3. */
export const FEATURE_GET_KEY_PRESSED: number = features["get-key-pressed"].tag;
/** Tag of a feature. PC/SC part 10, 2.3. */
export const FEATURE_VERIFY_PIN_DIRECT: number = features["verify-pin-direct"].tag;
/** Tag of a feature. PC/SC part 10, 2.3. */
export const FEATURE_MODIFY_PIN_DIRECT: number = features["modify-pin-direct"].tag;
/** Tag of a feature. PC/SC part 10, 2.3. */
export const FEATURE_MCT_READER_DIRECT: number = features["mct-reader-direct"].tag;
/** Tag of a feature. PC/SC part 10, 2.3. */
export const FEATURE_MCT_UNIVERSAL: number = features["mct-universal"].tag;
/** Tag of a feature. PC/SC part 10, 2.3. */
export const FEATURE_IFD_PIN_PROPERTIES: number = features["ifd-pin-properties"].tag;
/** Tag of a feature. PC/SC part 10, 2.3. */
export const FEATURE_ABORT: number = features.abort.tag;
/** Tag of a feature. PC/SC part 10, 2.3. */
export const FEATURE_SET_SPE_MESSAGE: number = features["set-spe-message"].tag;
/** Tag of a feature. PC/SC part 10, 2.3. */
export const FEATURE_VERIFY_PIN_DIRECT_APP_ID: number = features["verify-pin-direct-app-id"].tag;
/** Tag of a feature. PC/SC part 10, 2.3. */
export const FEATURE_MODIFY_PIN_DIRECT_APP_ID: number = features["modify-pin-direct-app-id"].tag;
/** Tag of a feature. PC/SC part 10, 2.3. */
export const FEATURE_WRITE_DISPLAY: number = features["write-display"].tag;
/** Tag of a feature. PC/SC part 10, 2.3. */
export const FEATURE_GET_KEY: number = features["get-key"].tag;
/** Tag of a feature. PC/SC part 10, 2.3. */
export const FEATURE_IFD_DISPLAY_PROPERTIES: number = features["ifd-display-properties"].tag;
/** Tag of a feature. PC/SC part 10, 2.3. */
export const FEATURE_GET_TLV_PROPERTIES: number = features["get-tlv-properties"].tag;
/** Tag of a feature. PC/SC part 10, 2.3. */
export const FEATURE_CCID_ESC_COMMAND: number = features["ccid-esc-command"].tag;

/** The control code for a function number, 0 to 4095. Portability: 0x42000000 + n, on Windows 0x00310000 + 4 n. */
export const SCARD_CTL_CODE = (code: number): number => controlCode(code, dialect);
