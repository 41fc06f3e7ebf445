// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeHex, hexBytes } from "../binary/index.ts";
import {
  cacheAfterChange,
  cardApps,
  certificateFileName,
  decodeContainerMap,
  decodeFileList,
  encodeContainerMap,
  encodeFileList,
  firstFiles,
  freePlace,
  storedCertificate,
  withKey,
} from "./gids-minidriver-files.ts";

/** What a card has after gids-tool --initialize. OpenSC 0.23, card-gids.c. */
const LIST =
  "016D736370000000000000000000000000000000000000000000A00000000000000000000000636172646964000000000020DF000012A00000" +
  "000000000000000000636172646170707300000021DF000010A00000000000000000000000636172646366000000000022DF000010A00000" +
  "6D7363700000000000636D617066696C6500000023DF000010A00000";

describe("the list of files", () => {
  it("is the one that gids-tool writes", () => {
    expect(encodeHex(encodeFileList(firstFiles))).toBe(LIST);
    expect(decodeFileList(hexBytes(LIST))).toEqual(firstFiles);
    expect(encodeHex(cardApps)).toBe("6D73637000000000");
  });

  it("of another version is not read", () => {
    expect(decodeFileList(hexBytes("02"))).toBeUndefined();
    expect(decodeFileList(new Uint8Array(0))).toBeUndefined();
  });

  it("a new file gets the first place that is free", () => {
    expect(freePlace(firstFiles)).toEqual({ file: 0xa010, object: 0xdf24 });
    const more = { directory: "mscp", name: "kxc00", file: 0xa010, object: 0xdf24 };
    expect(freePlace([...firstFiles, more])).toEqual({ file: 0xa010, object: 0xdf25 });
    const all = Array.from({ length: 0xdc }, (_, at) => ({ ...more, object: 0xdf24 + at }));
    expect(freePlace(all)).toBeUndefined();
    expect([certificateFileName(0), certificateFileName(29)]).toEqual(["kxc00", "kxc1D"]);
  });

  it("any bytes are read or refused", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        (bytes) => void [decodeFileList(bytes), decodeContainerMap(bytes)],
      ),
    );
  });
});

describe("containers", () => {
  it("a map is read as it was written", () => {
    const container = {
      name: "257f0362-2ee7-44f5",
      isValid: true,
      isDefault: false,
      signatureBits: 0,
      exchangeBits: 2048,
    };
    const other = { name: "x".repeat(39), isValid: false, isDefault: true, signatureBits: 1024, exchangeBits: 0 };
    const map = encodeContainerMap([container, other]);
    expect(map).toHaveLength(172);
    expect(decodeContainerMap(map)).toEqual([container, other]);
    expect(encodeHex(map.subarray(80, 86))).toBe("010000000008");
  });

  it("a key goes into the map of keys", () => {
    expect(encodeHex(withKey(new Uint8Array(0), 0, 7, 0xb081))).toBe("0101000000079A81B0FFFF0000");
    expect(withKey(withKey(new Uint8Array(0), 0, 7, 0xb081), 1, 6, 0xb082)).toHaveLength(25);
  });

  it("the cache file counts containers and files, and begins again", () => {
    expect(encodeHex(cacheAfterChange(hexBytes("000000000000")))).toBe("000001000100");
    expect(encodeHex(cacheAfterChange(hexBytes("0102FFFFFF00")))).toBe("010200000001");
  });
});

it("a certificate is stored as a stream of zlib with one block that is not compressed", () => {
  // printf hello, in a stored block: RFC 1951, 3.2.4; its Adler-32 is 062C0215.
  expect(encodeHex(storedCertificate(new TextEncoder().encode("hello")))).toBe(
    "0100" + "0500" + "7801" + "01" + "0500FAFF" + "68656C6C6F" + "062C0215",
  );
  expect(() => storedCertificate(new Uint8Array(65_536))).toThrow(RangeError);
});
