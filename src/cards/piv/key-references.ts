// SPDX-License-Identifier: MIT

/** When a key needs the PIN. Yubico's PIN policies; the standard has `once` for 9A and 9D, `always` for 9C, `never` for 9E. */
export type PinPolicy = "never" | "once" | "always";
/** When a key needs a touch. The card keeps it and reports it; it never waits for one. */
export type TouchPolicy = "never" | "always" | "cached";

/** Key references of the PIV card application. NIST SP 800-73-4 part 1, table 4b. */
export const keyReferences = {
  authentication: 0x9a,
  management: 0x9b,
  signature: 0x9c,
  keyManagement: 0x9d,
  cardAuthentication: 0x9e,
  /** Yubico's: signs the certificates of INS F9. */
  attestation: 0xf9,
} as const;

/** References of PINs. NIST SP 800-73-4 part 1, table 4b. */
export const pinReferences = { global: 0x00, pin: 0x80, puk: 0x81 } as const;

const FIRST_RETIRED = 0x82;
const LAST_RETIRED = 0x95;
const FIRST_RETIRED_OBJECT = 0x5fc10d;

/** The containers of the certificates of the four keys. NIST SP 800-73-4 part 1, table 3; 5FFF01 is Yubico's. */
const certificateObjects: ReadonlyMap<number, number> = new Map([
  [0x9a, 0x5fc105],
  [0x9c, 0x5fc10a],
  [0x9d, 0x5fc10b],
  [0x9e, 0x5fc101],
  [0xf9, 0x5fff01],
]);

/** Whether this is the reference of a retired key management key, 82 to 95. */
function isRetired(reference: number): boolean {
  return reference >= FIRST_RETIRED && reference <= LAST_RETIRED;
}

/** Whether an asymmetric key can have this reference: 9A, 9C, 9D, 9E and 82 to 95, and Yubico's F9. */
export function isKeySlot(reference: number): boolean {
  return certificateObjects.has(reference) || isRetired(reference);
}

/** The container of the certificate of a key. */
export function certificateObjectOf(slot: number): number | undefined {
  return isRetired(slot) ? FIRST_RETIRED_OBJECT + (slot - FIRST_RETIRED) : certificateObjects.get(slot);
}

/** What a key gets where no policy is asked for. NIST SP 800-73-4 part 1, table 4b. */
export function defaultPinPolicy(slot: number): PinPolicy {
  if (slot === keyReferences.signature) return "always";
  return slot === keyReferences.cardAuthentication ? "never" : "once";
}

/** Yubico's numbers of the PIN policies, in metadata, attestations and the tag AA. */
export const pinPolicyNumbers: Readonly<Record<PinPolicy, number>> = { never: 1, once: 2, always: 3 };
/** Yubico's numbers of the touch policies, in metadata, attestations and the tag AB. */
export const touchPolicyNumbers: Readonly<Record<TouchPolicy, number>> = { never: 1, always: 2, cached: 3 };

/** The policy with this number. */
export function policyOf<P extends string>(numbers: Readonly<Record<P, number>>, number: number): P | undefined {
  return (Object.keys(numbers) as P[]).find((policy) => numbers[policy] === number);
}
