// SPDX-License-Identifier: MIT

import type { PivPinPolicy, PivTouchPolicy } from "../../base/card-applications/index.ts";
import type { RsaKey } from "../crypto/index.ts";
import type { FirmwareVersion } from "../software-card/index.ts";
import type { KeyAlgorithm, ManagementAlgorithm } from "./algorithms.ts";

/** A PIN or the PUK: 8 bytes, filled up with FF. */
export interface ReferenceData {
  value: Uint8Array;
  /** Wrong tries until it is blocked. */
  tries: number;
  triesLeft: number;
}

/** A private key of the card. */
export interface PivKey {
  readonly algorithm: KeyAlgorithm;
  /** An RSA key, or the private number of a curve; the seed of Ed25519. */
  readonly material: RsaKey | Uint8Array;
  readonly pinPolicy: PivPinPolicy;
  readonly touchPolicy: PivTouchPolicy;
  /** Whether the card made it itself: only then is it attested. */
  readonly origin: "generated" | "imported";
}

/** The management key 9B. */
interface ManagementKey {
  readonly algorithm: ManagementAlgorithm;
  readonly value: Uint8Array;
  readonly touchPolicy: PivTouchPolicy;
}

/** All that a PIV card keeps without power. The application changes it, and reports each change. */
export interface PivImage {
  /** Whose commands there are beside the standard's. */
  readonly extensions: "yubico" | "none";
  readonly firmware: FirmwareVersion;
  readonly serialNumber: number;
  pin: ReferenceData;
  puk: ReferenceData;
  /** The global PIN, where the card has one; it opens what the PIN opens. */
  readonly globalPin: ReferenceData | undefined;
  managementKey: ManagementKey;
  /** Private keys by key reference. */
  readonly keys: Map<number, PivKey>;
  /** Data objects by tag: what stands inside the tag 53, or inside 7E and 7F61. */
  readonly objects: Map<number, Uint8Array>;
}
