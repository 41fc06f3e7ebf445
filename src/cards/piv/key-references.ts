// SPDX-License-Identifier: MIT

import {
  type PivPinPolicy,
  pivKeyReferences,
  pivMainSlots,
  pivObjects,
  pivRetiredSlots,
} from "../../base/card-applications/index.ts";

const userSlots = [...pivMainSlots, ...pivRetiredSlots];

/** The containers of the certificates of all keys. */
const certificateObjects: ReadonlyMap<number, number> = new Map([
  ...userSlots.map(({ certificate, reference }) => [reference, certificate] as const),
  [pivKeyReferences.attestation, pivObjects.attestation],
]);

/** Whether an asymmetric key can have this reference: 9A, 9C, 9D, 9E and 82 to 95, and Yubico's F9. */
export function isKeySlot(reference: number): boolean {
  return certificateObjects.has(reference);
}

/** The container of the certificate of a key. */
export function certificateObjectOf(slot: number): number | undefined {
  return certificateObjects.get(slot);
}

/** What a key gets where no policy is asked for. */
export function defaultPinPolicy(slot: number): PivPinPolicy {
  return userSlots.find(({ reference }) => reference === slot)?.pinPolicy ?? "once";
}
