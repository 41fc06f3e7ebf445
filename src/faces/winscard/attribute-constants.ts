// SPDX-License-Identifier: MIT

import { attributeClasses, attributes, attributeValue } from "../../port/index.ts";

/**
 * The number of an attribute: class in the high word, tag in the low one.
 *
 * @param attributeClass one of SCARD_CLASS_*, 0 to 65,535.
 * @param tag 0 to 65,535.
 */
export const SCARD_ATTR_VALUE = (attributeClass: number, tag: number): number => attributeValue(attributeClass, tag);

/** Who made the reader. */
export const SCARD_CLASS_VENDOR_INFO: number = attributeClasses["vendor-info"].value;
/** How the reader is attached. */
export const SCARD_CLASS_COMMUNICATIONS: number = attributeClasses.communications.value;
/** What protocols it can speak. */
export const SCARD_CLASS_PROTOCOL: number = attributeClasses.protocol.value;
/** What it can do with power. */
export const SCARD_CLASS_POWER_MGMT: number = attributeClasses["power-mgmt"].value;
/** How it authenticates. */
export const SCARD_CLASS_SECURITY: number = attributeClasses.security.value;
/** What its mechanics can do. */
export const SCARD_CLASS_MECHANICAL: number = attributeClasses.mechanical.value;
/** The vendor's own. */
export const SCARD_CLASS_VENDOR_DEFINED: number = attributeClasses["vendor-defined"].value;
/** The protocol in use. */
export const SCARD_CLASS_IFD_PROTOCOL: number = attributeClasses["ifd-protocol"].value;
/** The card. */
export const SCARD_CLASS_ICC_STATE: number = attributeClasses["icc-state"].value;
/** Counters. */
export const SCARD_CLASS_PERF: number = attributeClasses.perf.value;
/** What the system knows of the reader. */
export const SCARD_CLASS_SYSTEM: number = attributeClasses.system.value;

/** Name of the vendor. */
export const SCARD_ATTR_VENDOR_NAME: number = attributes["vendor-name"].value;
/** Model of the reader. */
export const SCARD_ATTR_VENDOR_IFD_TYPE: number = attributes["vendor-ifd-type"].value;
/** Version of the reader, 0xMMmmbbbb: major, minor, build. */
export const SCARD_ATTR_VENDOR_IFD_VERSION: number = attributes["vendor-ifd-version"].value;
/** Serial number of the reader. */
export const SCARD_ATTR_VENDOR_IFD_SERIAL_NO: number = attributes["vendor-ifd-serial-no"].value;
/** How the reader is attached, 0xDDDDCCCC: kind of channel (0x20 for USB) and its number. */
export const SCARD_ATTR_CHANNEL_ID: number = attributes["channel-id"].value;
/** Protocols of the reader: bit n of the low word for T=n. */
export const SCARD_ATTR_PROTOCOL_TYPES: number = attributes["protocol-types"].value;
/** Default clock rate in kilohertz. */
export const SCARD_ATTR_DEFAULT_CLK: number = attributes["default-clk"].value;
/** Highest clock rate in kilohertz. */
export const SCARD_ATTR_MAX_CLK: number = attributes["max-clk"].value;
/** Default data rate in bits per second. */
export const SCARD_ATTR_DEFAULT_DATA_RATE: number = attributes["default-data-rate"].value;
/** Highest data rate in bits per second. */
export const SCARD_ATTR_MAX_DATA_RATE: number = attributes["max-data-rate"].value;
/** Largest information field size of the reader, in bytes. */
export const SCARD_ATTR_MAX_IFSD: number = attributes["max-ifsd"].value;
/** 0 where the reader cannot power down while a card is in it. */
export const SCARD_ATTR_POWER_MGMT_SUPPORT: number = attributes["power-mgmt-support"].value;
/** Device by which the card authenticates the user; content not documented. */
export const SCARD_ATTR_USER_TO_CARD_AUTH_DEVICE: number = attributes["user-to-card-auth-device"].value;
/** Device by which the user enters a PIN; content not documented. */
export const SCARD_ATTR_USER_AUTH_INPUT_DEVICE: number = attributes["user-auth-input-device"].value;
/** What the mechanics can do: SCARD_READER_SWALLOWS and its neighbours. */
export const SCARD_ATTR_CHARACTERISTICS: number = attributes.characteristics.value;
/** Protocol in use: bit n of the low word for T=n. */
export const SCARD_ATTR_CURRENT_PROTOCOL_TYPE: number = attributes["current-protocol-type"].value;
/** Clock rate in use, in kilohertz. */
export const SCARD_ATTR_CURRENT_CLK: number = attributes["current-clk"].value;
/** Clock rate conversion factor in use. */
export const SCARD_ATTR_CURRENT_F: number = attributes["current-f"].value;
/** Bit rate conversion factor in use. */
export const SCARD_ATTR_CURRENT_D: number = attributes["current-d"].value;
/** Guard time in use. */
export const SCARD_ATTR_CURRENT_N: number = attributes["current-n"].value;
/** Work waiting time in use. */
export const SCARD_ATTR_CURRENT_W: number = attributes["current-w"].value;
/** Information field size of the card in use, in bytes. */
export const SCARD_ATTR_CURRENT_IFSC: number = attributes["current-ifsc"].value;
/** Information field size of the reader in use, in bytes. */
export const SCARD_ATTR_CURRENT_IFSD: number = attributes["current-ifsd"].value;
/** Block waiting time in use. */
export const SCARD_ATTR_CURRENT_BWT: number = attributes["current-bwt"].value;
/** Character waiting time in use. */
export const SCARD_ATTR_CURRENT_CWT: number = attributes["current-cwt"].value;
/** 0 for LRC, 1 for CRC. */
export const SCARD_ATTR_CURRENT_EBC_ENCODING: number = attributes["current-ebc-encoding"].value;
/** Extended block waiting time. */
export const SCARD_ATTR_EXTENDED_BWT: number = attributes["extended-bwt"].value;
/** One byte: 0 no card, 1 present, 2 present and swallowed, 4 confiscated. */
export const SCARD_ATTR_ICC_PRESENCE: number = attributes["icc-presence"].value;
/** One byte: 0 while the contacts are inactive. */
export const SCARD_ATTR_ICC_INTERFACE_STATUS: number = attributes["icc-interface-status"].value;
/** Not documented. */
export const SCARD_ATTR_CURRENT_IO_STATE: number = attributes["current-io-state"].value;
/** ATR of the card. */
export const SCARD_ATTR_ATR_STRING: number = attributes["atr-string"].value;
/** One byte: 0 unknown, 1 ISO/IEC 7816 asynchronous, 2 synchronous. */
export const SCARD_ATTR_ICC_TYPE_PER_ATR: number = attributes["icc-type-per-atr"].value;
/** Vendor defined. */
export const SCARD_ATTR_ESC_RESET: number = attributes["esc-reset"].value;
/** Vendor defined. */
export const SCARD_ATTR_ESC_CANCEL: number = attributes["esc-cancel"].value;
/** Vendor defined. */
export const SCARD_ATTR_ESC_AUTHREQUEST: number = attributes["esc-authrequest"].value;
/** Vendor defined. */
export const SCARD_ATTR_MAXINPUT: number = attributes.maxinput.value;
/** Vendor defined. */
export const SCARD_ATTR_VENDOR_SPECIFIC_INFO: number = attributes["vendor-specific-info"].value;
/** Instance number among the readers of that vendor, from 0. */
export const SCARD_ATTR_DEVICE_UNIT: number = attributes["device-unit"].value;
/** Reserved. */
export const SCARD_ATTR_DEVICE_IN_USE: number = attributes["device-in-use"].value;
/** Display name, in the ANSI code page. */
export const SCARD_ATTR_DEVICE_FRIENDLY_NAME_A: number = attributes["device-friendly-name-a"].value;
/** Device name, in the ANSI code page. */
export const SCARD_ATTR_DEVICE_SYSTEM_NAME_A: number = attributes["device-system-name-a"].value;
/** Display name, in UTF-16. */
export const SCARD_ATTR_DEVICE_FRIENDLY_NAME_W: number = attributes["device-friendly-name-w"].value;
/** Device name, in UTF-16. */
export const SCARD_ATTR_DEVICE_SYSTEM_NAME_W: number = attributes["device-system-name-w"].value;
/** Set only: leave out the IFSD request under T=1. Spelt as in the header. */
export const SCARD_ATTR_SUPRESS_T1_IFS_REQUEST: number = attributes["supress-t1-ifs-request"].value;
/** Exchanges with cards so far. */
export const SCARD_PERF_NUM_TRANSMISSIONS: number = attributes["perf-num-transmissions"].value;
/** Bytes exchanged with cards so far. */
export const SCARD_PERF_BYTES_TRANSMITTED: number = attributes["perf-bytes-transmitted"].value;
/** Time spent in exchanges so far. */
export const SCARD_PERF_TRANSMISSION_TIME: number = attributes["perf-transmission-time"].value;
