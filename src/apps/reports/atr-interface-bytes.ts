// SPDX-License-Identifier: MIT

import { hexByte } from "../../base/binary/index.ts";
import { type Atr, decodeTransmissionFactors, type InterfaceByteGroup } from "../../base/iso7816/index.ts";
import { count } from "./text.ts";

/** What each byte between TS and the historical bytes says, T0 included. ISO/IEC 7816-3:2006, 8.2 and 8.3. */
export function describeInterfaceBytes(atr: Atr): readonly (readonly [title: string, text: string])[] {
  const t0 = atr.bytes[1] ?? 0;
  const lines: [string, string][] = [];
  const add = (name: string, byte: number, meaning: string): void => {
    lines.push([name, `${hexByte(byte)}  ${meaning}`]);
  };
  add("T0", t0, `${count(t0 & 0x0f, "historical byte")}; ${following(t0, 1)}`);
  const seen = new Set<string>();
  for (const group of atr.interfaceBytes) {
    const { index, ta, tb, tc, td } = group;
    for (const [letter, byte] of Object.entries({ A: ta, B: tb, C: tc }) as ["A" | "B" | "C", number | undefined][]) {
      if (byte !== undefined) add(`T${letter}${index}`, byte, meaningOf(letter, byte, group, atr, seen));
    }
    if (td !== undefined) {
      const protocol = td & 0x0f;
      const what = protocol === 15 ? "global bytes follow (T=15)" : `T=${protocol}`;
      add(`TD${index}`, td, `${what}; ${following(td, index + 1)}`);
    }
  }
  return lines;
}

function following(byte: number, index: number): string {
  const names = ["A", "B", "C", "D"].filter((_, bit) => ((byte >> (4 + bit)) & 1) !== 0);
  if (names.length === 0) return "no further interface byte";
  return `${names.map((name) => `T${name}${index}`).join(", ")} ${names.length === 1 ? "follows" : "follow"}`;
}

function meaningOf(
  letter: "A" | "B" | "C",
  byte: number,
  { index, protocol }: InterfaceByteGroup,
  atr: Atr,
  seen: Set<string>,
): string {
  if (index === 1) return firstGroup[letter](byte, atr);
  if (index === 2) return secondGroup[letter](byte, atr);
  const meaning = protocol === 1 ? t1Group[letter] : protocol === 15 ? globalGroup[letter] : undefined;
  const key = `${letter}${protocol}`;
  // Only the first of its kind counts. ISO/IEC 7816-3:2006, 8.3 and 11.4.
  if (meaning === undefined || seen.has(key)) return `specific to T=${protocol}, of no meaning in the standard`;
  seen.add(key);
  return meaning(byte, atr);
}

type Meanings = Readonly<Record<"A" | "B" | "C", (byte: number, atr: Atr) => string>>;

const firstGroup: Meanings = {
  A: (byte) => {
    const { di, fi, maxClockHz } = decodeTransmissionFactors(byte);
    const clock = maxClockHz === undefined ? "" : `, clock up to ${maxClockHz / 1e6} MHz`;
    return `Fi ${fi ?? "reserved"}, Di ${di ?? "reserved"}${clock}`;
  },
  B: () => "programming voltage and current: deprecated, to be ignored",
  C: (byte) => `extra guard time N = ${byte}${byte === 255 ? ", which means as short as the protocol can" : ""}`,
};

const secondGroup: Meanings = {
  A: (_, { mode }) => {
    if (mode.kind === "negotiable") return "";
    const changeable = mode.changeable ? "may change at the next reset" : "cannot change";
    return `specific mode: T=${mode.protocol}, ${changeable}, F and D ${mode.implicitFactors ? "implicit" : "of TA1"}`;
  },
  B: () => "programming voltage: deprecated, to be ignored",
  C: (byte) => `waiting time integer WI = ${byte} (T=0)`,
};

const t1Group: Meanings = {
  A: (byte) => `IFSC ${count(byte, "byte")} (T=1)`,
  B: (byte) => `BWI ${byte >> 4}, CWI ${byte & 0x0f} (T=1)`,
  C: (byte) => `error detection by ${(byte & 1) === 0 ? "LRC" : "CRC"} (T=1)`,
};

const globalGroup: Meanings = {
  A: (_, { global }) => `clock stop ${global.clockStop}, class ${global.classes.join(", ") || "reserved"}`,
  B: (byte) =>
    `contact C6 (SPU): ${byte === 0 ? "not used" : (byte & 0x80) === 0 ? "standard use" : "proprietary use"}`,
  C: () => "reserved",
};
