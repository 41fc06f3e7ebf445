// SPDX-License-Identifier: MIT

import type { OpenPgpKeyUse } from "../../base/card-applications/index.ts";
import type { CardCrypto } from "../crypto/index.ts";
import type { FirmwareVersion } from "../software-card/index.ts";
import type { OpenPgpState } from "./openpgp-state.ts";

/** What VERIFY was successful for: PW1 with 81 (signatures), PW1 with 82 (all else), PW3 with 83. */
export interface Verified {
  signature: boolean;
  other: boolean;
  admin: boolean;
}

/** Yubico's extensions. */
export interface YubicoExtensions {
  /** What GET VERSION answers: three numbers of 0 to 99. */
  readonly version: FirmwareVersion;
}

/** What distinguishes one card from another. */
export interface OpenPgpIdentity {
  /** The whole application identifier, with version, manufacturer and serial number. */
  readonly aid: Uint8Array;
  /** Historical bytes; the life cycle in them is the current one when they are read. */
  readonly historicalBytes: Uint8Array;
  readonly yubico: YubicoExtensions | undefined;
  readonly adminless: boolean;
}

/** What the commands of the application work with. */
export interface OpenPgpSession {
  readonly identity: OpenPgpIdentity;
  readonly crypto: CardCrypto;
  /** The persistent state; a factory reset makes another one. */
  readonly state: OpenPgpState;
  readonly verified: Verified;
  /** Which key PSO: DECIPHER and INTERNAL AUTHENTICATE use. MANAGE SECURITY ENVIRONMENT exchanges them. */
  readonly chosen: { decryption: OpenPgpKeyUse; authentication: OpenPgpKeyUse };
  /** Which cardholder certificate SELECT DATA or GET NEXT DATA chose: 0, 1, 2. */
  certificate: number;
  /** The tag that GET DATA read last, which GET NEXT DATA goes on from. */
  current: number | undefined;
  /** Asks for the touch that a key's user interaction flag demands. */
  readonly touched: (use: OpenPgpKeyUse) => boolean | Promise<boolean>;
  /** The persistent state has changed, and has to be saved. */
  readonly changed: () => void;
}
