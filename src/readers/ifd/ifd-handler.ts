// SPDX-License-Identifier: MIT

/**
 * The numbers of ifdhandler.h, as pcsc-lite's drivers use them.
 *
 * @see PCSC/src/PCSC/ifdhandler.h of pcsc-lite
 */

/** What a function of a driver returns: IFD_* of ifdhandler.h. */
export const returnCodes = {
  IFD_SUCCESS: 0,
  IFD_ERROR_TAG: 600,
  IFD_ERROR_SET_FAILURE: 601,
  IFD_ERROR_VALUE_READ_ONLY: 602,
  IFD_ERROR_PTS_FAILURE: 605,
  IFD_ERROR_NOT_SUPPORTED: 606,
  IFD_PROTOCOL_NOT_SUPPORTED: 607,
  IFD_ERROR_POWER_ACTION: 608,
  IFD_ERROR_SWALLOW: 609,
  IFD_ERROR_EJECT: 610,
  IFD_ERROR_CONFISCATE: 611,
  IFD_COMMUNICATION_ERROR: 612,
  IFD_RESPONSE_TIMEOUT: 613,
  IFD_NOT_SUPPORTED: 614,
  IFD_ICC_PRESENT: 615,
  IFD_ICC_NOT_PRESENT: 616,
  IFD_NO_SUCH_DEVICE: 617,
  IFD_ERROR_INSUFFICIENT_BUFFER: 618,
} as const;

const namesByCode: ReadonlyMap<number, string> = new Map(
  Object.entries(returnCodes).map(([name, code]) => [code, name]),
);

/** A return code with its name, for messages: `612 (IFD_COMMUNICATION_ERROR)`. */
export function returnCodeText(code: number): string {
  const name = namesByCode.get(code);
  return name === undefined ? String(code) : `${code} (${name})`;
}

/** What IFDHGetCapabilities is asked for besides SCARD_ATTR_*: TAG_IFD_*. */
export const capabilityTags = {
  /** The ATR of the card. */
  TAG_IFD_ATR: 0x0303,
  /** One byte, 1: the slots of the reader can be used at the same time. */
  TAG_IFD_SLOT_THREAD_SAFE: 0x0fac,
  /** One byte, 1: readers of the driver can be used at the same time. */
  TAG_IFD_THREAD_SAFE: 0x0fad,
  /** One byte: slots of the reader. */
  TAG_IFD_SLOTS_NUMBER: 0x0fae,
  /** One byte: readers that one copy of the driver can have. */
  TAG_IFD_SIMULTANEOUS_ACCESS: 0x0faf,
  /** One byte, not 0: the thread of the polling function can be cancelled. */
  TAG_IFD_POLLING_THREAD_KILLABLE: 0x0fb1,
  /** The address of a function that ends the polling function. */
  TAG_IFD_STOP_POLLING_THREAD: 0x0fb2,
  /** The address of a function that returns when a card comes or goes, or after so many milliseconds. */
  TAG_IFD_POLLING_THREAD_WITH_TIMEOUT: 0x0fb3,
  /** One byte, 1: the driver wants to be told by IFDHSetCapabilities, with one byte that is 1, that its reader was pulled out. */
  TAG_IFD_DEVICE_REMOVED: 0x0fb4,
} as const;

/** What IFDHPowerICC is asked to do. */
export const powerActions = {
  IFD_POWER_UP: 500,
  IFD_POWER_DOWN: 501,
  IFD_RESET: 502,
} as const;

/** The protocol in IFDHSetProtocolParameters: SCARD_PROTOCOL_*. */
export const protocolBits = { t0: 1, t1: 2, raw: 4 } as const;

/** The protocol in the header of IFDHTransmitToICC: the number of T=, but for RAW, which pcscd passes on as it is. */
export const transmitProtocols = { t0: 0, t1: 1, raw: 4 } as const;
