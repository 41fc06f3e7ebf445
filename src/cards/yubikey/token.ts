// SPDX-License-Identifier: MIT

/** Applications of a token, as its management application counts them. */
type TokenCapability = "otp" | "openpgp" | "piv";

/** What a token says of itself. */
export interface TokenDescription {
  /** Version of the firmware: 5, 7, 2. */
  readonly firmware: readonly [major: number, minor: number, patch: number];
  /** 1 to 4294967295. */
  readonly serialNumber: number;
  /** What is on it. */
  readonly capabilities: readonly TokenCapability[];
}

const capabilityBits: Readonly<Record<TokenCapability, number>> = { otp: 0x01, openpgp: 0x08, piv: 0x10 };

/** The capabilities as one number. */
export function capabilityMask({ capabilities }: TokenDescription): number {
  return capabilities.reduce((mask, capability) => mask | capabilityBits[capability], 0);
}

/** The serial number in four bytes. */
export function serialBytes({ serialNumber }: TokenDescription): Uint8Array {
  return Uint8Array.from([24, 16, 8, 0].map((shift) => (serialNumber >>> shift) & 0xff));
}
