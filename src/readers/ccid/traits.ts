// SPDX-License-Identifier: MIT

import { type ClassDescriptor, type ExchangeLevel, readerFeatures } from "./class-descriptor.ts";
import { MAX_CONTROL_BYTES } from "./control-link.ts";
import type { QuirkChanges } from "./quirks.ts";

/** bInterfaceProtocol: CCID over bulk endpoints, or ICCD over control transfers. */
export type InterfaceKind = "ccid" | "iccd-a" | "iccd-b";

/** What one reader can do: its descriptor, with what is known to be other, and what it said when it was asked. */
export interface ReaderTraits {
  readonly descriptor: ClassDescriptor;
  readonly kind: InterfaceKind;
  readonly level: ExchangeLevel;
  /** dwFeatures without the level. */
  readonly features: number;
  readonly maxMessageBytes: number;
  readonly maxIfsd: number;
  readonly pin: { readonly verify: boolean; readonly modify: boolean };
  /** Bits per second; 0 where the reader does not say. */
  readonly maxDataRate: number;
  /** From GET_DATA_RATES; empty where any rate up to the fastest will do. */
  readonly dataRates: readonly number[];
  /** From GET_CLOCK_FREQUENCIES, in kilohertz. */
  readonly clocksKhz: readonly number[];
  readonly quirks: QuirkChanges;
}

/** Whether dwFeatures has a bit. */
export function can({ features }: Pick<ReaderTraits, "features">, feature: keyof typeof readerFeatures): boolean {
  return (features & readerFeatures[feature]) !== 0;
}

/** Applies what is other about a reader. */
export function traitsOf(
  descriptor: ClassDescriptor,
  kind: InterfaceKind,
  quirks: QuirkChanges,
  asked: { readonly dataRates: readonly number[]; readonly clocksKhz: readonly number[] },
): ReaderTraits {
  const { maxDataRate = descriptor.maxDataRate } = quirks;
  return {
    descriptor,
    kind,
    level: levelOf(descriptor, kind, quirks),
    features: (descriptor.features | (quirks.addFeatures ?? 0)) >>> 0,
    maxMessageBytes:
      kind === "ccid" ? descriptor.maxMessageBytes : Math.min(descriptor.maxMessageBytes, MAX_CONTROL_BYTES),
    maxIfsd: quirks.maxIfsd ?? descriptor.maxIfsd,
    pin: quirks.noPinPad ? { verify: false, modify: false } : descriptor.pin,
    maxDataRate,
    dataRates: asked.dataRates.filter((rate) => quirks.maxDataRate === undefined || rate <= quirks.maxDataRate),
    clocksKhz: asked.clocksKhz,
    quirks,
  };
}

/** The slots beside the first may be slower. */
export function traitsOfSlot(traits: ReaderTraits, slot: number): ReaderTraits {
  const { secondaryDataRates } = traits.quirks;
  if (slot === 0 || secondaryDataRates === undefined) return traits;
  return { ...traits, dataRates: secondaryDataRates, maxDataRate: Math.max(...secondaryDataRates) };
}

/** USB cards take whole TPDUs where they say characters, and version B chains at every level of APDUs. ICCD 1.0, 5. */
function levelOf({ level }: ClassDescriptor, kind: InterfaceKind, quirks: QuirkChanges): ExchangeLevel {
  if (quirks.level !== undefined) return quirks.level;
  if (kind !== "ccid" && level === "character") return "tpdu";
  return kind === "iccd-b" && level === "short-apdu" ? "extended-apdu" : level;
}
