// SPDX-License-Identifier: MIT

import { codes } from "./codes.ts";

/** The codes of the tests that a text holds: as text, in hexadecimal, as decimal numbers, or packed two digits a byte. */
export function leaksIn(text: string): string[] {
  // "0x37, 0x33", "37 33", "37:33" and "[55, 51]" are the same as what has nothing in between.
  const plain = text.replaceAll(/0x|[\s,:;[\]"]/gi, "").toUpperCase();
  return Object.entries(codes).flatMap(([name, code]) => {
    const values = [...new TextEncoder().encode(code)];
    const forms = {
      // Packed two digits a byte, its hexadecimal is the code itself.
      text: code,
      hexadecimal: values.map((value) => value.toString(16).toUpperCase()).join(""),
      decimal: values.join(""),
    };
    return Object.entries(forms).flatMap(([form, found]) => (plain.includes(found) ? [`${name} as ${form}`] : []));
  });
}
