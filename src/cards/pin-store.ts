// SPDX-License-Identifier: MIT

import { copyBytes } from "../binary/index.ts";
import type { Access, PinImage } from "./file-system-image.ts";

/** What came of a PIN that was presented. */
export type PinOutcome =
  | { readonly kind: "verified" }
  | { readonly kind: "wrong"; readonly triesLeft: number }
  | { readonly kind: "blocked" }
  | { readonly kind: "wrong-length" };

interface Pin {
  readonly value: Uint8Array;
  readonly fixedLength: boolean;
  readonly tries: number;
  triesLeft: number;
  verified: boolean;
}

/** The PINs of a card: values and retry counters, which stay, and the security status, which a reset clears. */
export class PinStore {
  readonly #pins: ReadonlyMap<number, Pin>;

  constructor(images: readonly PinImage[]) {
    this.#pins = new Map(
      images.map(({ reference, value, ...rest }) => [reference, { ...rest, value: copyBytes(value), verified: false }]),
    );
  }

  has(reference: number): boolean {
    return this.#pins.has(reference);
  }

  /** How the PIN stands now, as an empty VERIFY asks for it. */
  query(reference: number): PinOutcome {
    const pin = this.#pins.get(reference);
    if (pin?.verified === true) return { kind: "verified" };
    if (pin === undefined || pin.triesLeft === 0) return { kind: "blocked" };
    return { kind: "wrong", triesLeft: pin.triesLeft };
  }

  /** Compares a PIN in time that depends on neither the digits nor the length presented. */
  verify(reference: number, presented: Uint8Array): PinOutcome {
    const pin = this.#pins.get(reference);
    if (pin === undefined || pin.triesLeft === 0) return { kind: "blocked" };
    if (pin.fixedLength && presented.length !== pin.value.length) return { kind: "wrong-length" };
    // The try is counted before it is known to be wrong: pulling the card at the right moment wins nothing.
    pin.triesLeft--;
    pin.verified = false;
    let difference = presented.length ^ pin.value.length;
    for (const [at, byte] of pin.value.entries()) difference |= byte ^ (presented[at] ?? 0);
    if (difference !== 0) return { kind: "wrong", triesLeft: pin.triesLeft };
    pin.triesLeft = pin.tries;
    pin.verified = true;
    return { kind: "verified" };
  }

  /** Takes the verification of one PIN back. */
  forget(reference: number): void {
    const pin = this.#pins.get(reference);
    if (pin !== undefined) pin.verified = false;
  }

  /** Takes all verifications back, as a reset does. */
  forgetAll(): void {
    for (const pin of this.#pins.values()) pin.verified = false;
  }

  /** Whether something with this access rule may be done now. */
  allows(access: Access): boolean {
    if (access === "always") return true;
    return access !== "never" && this.#pins.get(access.pin)?.verified === true;
  }
}
