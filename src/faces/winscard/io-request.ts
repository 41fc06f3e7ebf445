// SPDX-License-Identifier: MIT

/** Protocol control information: which protocol an exchange is to have. */
export interface SCARD_IO_REQUEST {
  /** SCARD_PROTOCOL_T0, SCARD_PROTOCOL_T1 or SCARD_PROTOCOL_RAW. */
  readonly protocol: number;
  /** Size in bytes of the structure in C, with what follows it: 8. */
  readonly pciLength: number;
}
