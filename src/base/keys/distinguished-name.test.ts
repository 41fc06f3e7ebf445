// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeHex } from "../binary/index.ts";
import { decodeBerTlv } from "../iso7816/index.ts";
import { encodeName, nameText } from "./distinguished-name.ts";

function written(text: string): Uint8Array {
  const encoded = encodeName(text);
  if (!encoded.ok) throw new Error(encoded.error.message);
  return encoded.value;
}

function read(bytes: Uint8Array): string | undefined {
  const decoded = decodeBerTlv(bytes);
  const [name] = decoded.ok ? decoded.value : [];
  return name && nameText(name);
}

describe("distinguished names", () => {
  it.each([
    ["CN=alice", "CN=alice"],
    ["alice", "CN=alice"],
    // The examples of RFC 4514, 4.
    ["UID=jsmith,DC=example,DC=net", "UID=jsmith,DC=example,DC=net"],
    ["OU=Sales+CN=J.  Smith,DC=example,DC=net", "OU=Sales+CN=J.  Smith,DC=example,DC=net"],
    ['CN=James \\"Jim\\" Smith\\, III,DC=example,DC=net', 'CN=James \\"Jim\\" Smith\\, III,DC=example,DC=net'],
    ["CN=Lu\\C4\\8Di\\C4\\87", "CN=Lučić"],
    ["cn = alice , o=Example ", "CN=alice,O=Example"],
    ["CN=\\ a\\ ,O=\\#b", "CN=\\ a\\ ,O=\\#b"],
    ["CN=#0C0161", "CN=a"],
    ["2.5.4.3=a,1.2.3.4=b", "CN=a,1.2.3.4=b"],
    ["E=a@example.net", "1.2.840.113549.1.9.1=a@example.net"],
    ["CN=a=b", "CN=a=b"],
  ])("%s", (text, again) => {
    expect(read(written(text))).toBe(again);
  });

  it("puts the last part first, as certificates have it, and each string in its kind", () => {
    const [country, name] = ["310B3009060355040613024154", "310A300806035504030C0161"];
    expect(encodeHex(written("CN=a,C=AT"))).toBe(`3019${country}${name}`);
    expect(encodeHex(written("DC=net"))).toContain("1603");
  });

  it.each([
    ["", "it is empty"],
    ["CN=a,", "not TYPE=VALUE"],
    ["CN=a,,O=b", "not TYPE=VALUE"],
    ["X=a", "the type X is not known; known: CN"],
    ["CN=", "the value of CN is empty"],
    ["C=AUT", "two letters"],
    ["CN=a\\", "a backslash before nothing"],
    ["CN=#0Z", "not DER in hexadecimal"],
  ])("%j is refused", (text, message) => {
    const encoded = encodeName(text);
    expect(encoded.ok).toBe(false);
    if (!encoded.ok) expect(encoded.error.message).toContain(message);
  });

  it("any value is written and read the same", () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, unit: "binary" }).filter((text) => !/\p{Surrogate}/u.test(text)),
        (value) => {
          const escaped = [...new TextEncoder().encode(value)].map((byte) => `\\${byte.toString(16).padStart(2, "0")}`);
          const again = read(written(`CN=${escaped.join("")}`)) ?? "";
          expect(read(written(again))).toBe(again);
        },
      ),
    );
  });
});
