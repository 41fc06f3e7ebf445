// SPDX-License-Identifier: MIT

import { equalBytes } from "../base/binary/index.ts";
import { checkAtrBytes } from "./arguments.ts";
import { type AtrPattern, checkPattern, matchesAtr } from "./atr-pattern.ts";
import { MAX_INDEXED_MASKS } from "./limits.ts";

interface Entry<T> {
  readonly pattern: AtrPattern;
  readonly value: T;
}

/** The patterns of one length that have the same mask: an ATR, masked, can only be one of `byHash`. */
interface MaskGroup<T> {
  readonly mask: Uint8Array | undefined;
  readonly byHash: Map<number, Entry<T>[]>;
}

/** The patterns of one length. */
interface LengthGroup<T> {
  readonly byMask: MaskGroup<T>[];
  /** Patterns with a mask beyond the limit, which are compared one by one. */
  readonly others: Entry<T>[];
}

/**
 * Finds the patterns that an ATR matches without looking at all of them.
 *
 * Patterns of the same length and mask are kept together, by a hash of their bytes. An ATR is masked and looked up once
 * for each mask in use: a few dozen in practice, where thousands of patterns share them.
 */
export class AtrIndex<T> {
  readonly #byLength = new Map<number, LengthGroup<T>>();

  /** Adds a pattern with its value. The same pattern may be added more than once. */
  add(pattern: AtrPattern, value: T): void {
    checkPattern(pattern);
    const length = pattern.atr.length;
    let group = this.#byLength.get(length);
    if (group === undefined) {
      group = { byMask: [], others: [] };
      this.#byLength.set(length, group);
    }
    let masked = group.byMask.find(({ mask }) => sameMask(mask, pattern.mask));
    if (masked === undefined) {
      if (group.byMask.length >= MAX_INDEXED_MASKS) {
        group.others.push({ pattern, value });
        return;
      }
      masked = { mask: pattern.mask, byHash: new Map() };
      group.byMask.push(masked);
    }
    const hash = hashMasked(pattern.atr, undefined);
    const entries = masked.byHash.get(hash);
    if (entries === undefined) masked.byHash.set(hash, [{ pattern, value }]);
    else entries.push({ pattern, value });
  }

  /** Removes one entry with the same pattern and value. Does nothing without such an entry. */
  remove(pattern: AtrPattern, value: T): void {
    checkPattern(pattern);
    const group = this.#byLength.get(pattern.atr.length);
    if (group === undefined || removeEntry(group.others, pattern, value)) return;
    const masked = group.byMask.find(({ mask }) => sameMask(mask, pattern.mask));
    const hash = hashMasked(pattern.atr, undefined);
    const entries = masked?.byHash.get(hash);
    if (masked === undefined || entries === undefined || !removeEntry(entries, pattern, value)) return;
    if (entries.length === 0) masked.byHash.delete(hash);
    if (masked.byHash.size === 0) group.byMask.splice(group.byMask.indexOf(masked), 1);
  }

  /** The patterns that the ATR matches, and their values, in no order. */
  find(atr: Uint8Array): { readonly pattern: AtrPattern; readonly value: T }[] {
    checkAtrBytes("atr", atr);
    const found: Entry<T>[] = [];
    const group = this.#byLength.get(atr.length);
    if (group === undefined) return found;
    const keep = (entry: Entry<T>) => {
      if (matchesAtr(entry.pattern, atr)) found.push(entry);
    };
    for (const { mask, byHash } of group.byMask) byHash.get(hashMasked(atr, mask))?.forEach(keep);
    group.others.forEach(keep);
    return found;
  }
}

function removeEntry<T>(entries: Entry<T>[], pattern: AtrPattern, value: T): boolean {
  const index = entries.findIndex(
    (entry) =>
      entry.value === value && equalBytes(entry.pattern.atr, pattern.atr) && sameMask(entry.pattern.mask, pattern.mask),
  );
  if (index < 0) return false;
  entries.splice(index, 1);
  return true;
}

function sameMask(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return equalBytes(one, other);
}

/** FNV-1a. Patterns with the same hash are compared. */
function hashMasked(bytes: Uint8Array, mask: Uint8Array | undefined): number {
  let hash = 0x811c_9dc5;
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index] ?? 0;
    hash = Math.imul(hash ^ (mask === undefined ? byte : byte & (mask[index] ?? 0)), 0x0100_0193);
  }
  return hash;
}
