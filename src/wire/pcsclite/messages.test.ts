// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import type { Struct } from "../../base/binary/index.ts";
import { errorFromNumber } from "../../port/index.ts";
import { decodeAcceptance, decodeOffer, encodeAcceptance, encodeOffer } from "./extension.ts";
import { FIXED_READERS, MAX_ATTRIBUTE_BYTES, MAX_READER_NAME_BYTES, MAX_TRAILING_BYTES } from "./limits.ts";
import {
  ATR_NOT_READ,
  attributeStruct,
  beginStruct,
  cancelStruct,
  commands,
  connectStruct,
  controlStruct,
  disconnectStruct,
  endStruct,
  establishStruct,
  headerStruct,
  NEWEST_VERSION,
  readerEventsStruct,
  readerStateStruct,
  reconnectStruct,
  releaseStruct,
  statusStruct,
  transmitStruct,
  versionOf,
  versionStruct,
  versions,
  waitStruct,
} from "./messages.ts";

/**
 * sizeof of each structure and offsetof of each member, printed by a C program that gcc 12 compiled for x86-64 against
 * src/winscard_msg.h, src/PCSC/pcsclite.h and src/readers.h of pcsc-lite 2.5.1. Those of 1.9.9 are the same.
 */
const measured: readonly [Struct<never>, size: number, offsets: Record<string, number>][] = [
  [headerStruct, 8, { size: 0, command: 4 }],
  [versionStruct, 12, { major: 0, minor: 4, rv: 8 }],
  [establishStruct, 12, { scope: 0, context: 4, rv: 8 }],
  [releaseStruct, 8, { context: 0, rv: 4 }],
  [
    connectStruct,
    152,
    { context: 0, reader: 4, shareMode: 132, preferredProtocols: 136, card: 140, activeProtocol: 144, rv: 148 },
  ],
  [
    reconnectStruct,
    24,
    { card: 0, shareMode: 4, preferredProtocols: 8, initialization: 12, activeProtocol: 16, rv: 20 },
  ],
  [disconnectStruct, 12, { card: 0, disposition: 4, rv: 8 }],
  [beginStruct, 8, { card: 0, rv: 4 }],
  [endStruct, 12, { card: 0, disposition: 4, rv: 8 }],
  [cancelStruct, 8, { context: 0, rv: 4 }],
  [statusStruct, 8, { card: 0, rv: 4 }],
  [
    transmitStruct,
    32,
    {
      card: 0,
      sendProtocol: 4,
      sendPciLength: 8,
      sendLength: 12,
      receiveProtocol: 16,
      receivePciLength: 20,
      receiveLength: 24,
      rv: 28,
    },
  ],
  [controlStruct, 24, { card: 0, code: 4, sendLength: 8, receiveLength: 12, bytesReturned: 16, rv: 20 }],
  [attributeStruct, 280, { card: 0, attribute: 4, value: 8, length: 272, rv: 276 }],
  [waitStruct, 8, { timeout: 0, rv: 4 }],
  [readerEventsStruct, 8, { readerEvents: 0, rv: 4 }],
  [
    readerStateStruct,
    184,
    {
      readerName: 0,
      eventCounter: 128,
      readerState: 132,
      readerSharing: 136,
      cardAtr: 140,
      alignment: 173,
      cardAtrLength: 176,
      cardProtocol: 180,
    },
  ],
] as never;

describe("the layouts", () => {
  it.each(measured.map(([layout, ...numbers]) => [layout.name, layout, ...numbers] as const))(
    "%s lies as gcc lays it",
    (_, layout, size, offsets) => {
      expect(layout.size).toBe(size);
      expect(layout.offsetOf).toEqual(offsets);
    },
  );

  it("are as long as the constants of pcsclite.h make them", () => {
    expect([MAX_READER_NAME_BYTES, MAX_ATTRIBUTE_BYTES, MAX_TRAILING_BYTES, FIXED_READERS, ATR_NOT_READ]).toEqual([
      128, 264, 65_548, 16, 34,
    ]);
  });
});

describe("the commands", () => {
  it("have the numbers of enum pcsc_msg_commands, each once", () => {
    const theirs = Object.values(commands).filter(({ extension }) => extension === undefined);
    const numbers = theirs.map(({ number }) => number);
    const unused = [0x03, 0x0c, 0x0e];
    const all = Array.from({ length: 0x17 }, (_, index) => index + 1);
    expect(numbers.sort((a, b) => a - b)).toEqual(all.filter((number) => !unused.includes(number)));
  });
});

describe("our extension", () => {
  it("has numbers that pcscd is far from, and a size for each body", () => {
    const ours = Object.entries(commands).filter(([, { extension }]) => extension !== undefined);
    expect(ours.map(([kind, { number, body }]) => [kind, number, body?.size])).toEqual([
      ["holder", 0x5301, 412],
      ["read-cache", 0x5302, 36],
      ["write-cache", 0x5303, 36],
    ]);
  });

  it("is offered and accepted by numbers that no outcome has", () => {
    for (let version = 1; version <= 255; version++) {
      expect(decodeOffer(encodeOffer(version))).toBe(version);
      expect(decodeAcceptance(encodeAcceptance(version), 255)).toEqual({ rv: 0, extension: version });
      for (const rv of [encodeOffer(version), encodeAcceptance(version)])
        expect(errorFromNumber(rv, "pcsclite")).toBeUndefined();
    }
    expect([0, 1, 0x8010_001e, 0xffff_ffff].map(decodeOffer)).toEqual([0, 0, 0, 0]);
  });

  it.each([
    ["pcscd's yes", 0, 1, 0, 0],
    ["pcscd's no", 0x8010_001e, 1, 0x8010_001e, 0],
    ["the field as it was sent", encodeOffer(1), 1, 0, 0],
    ["a version that was not offered", encodeAcceptance(2), 1, encodeAcceptance(2), 0],
    ["an acceptance without an offer", encodeAcceptance(1), 0, encodeAcceptance(1), 0],
    ["version 0", encodeAcceptance(0), 1, encodeAcceptance(0), 0],
  ])("takes %s for what it is", (_, answered, offered, rv, extension) => {
    expect(decodeAcceptance(answered, offered)).toEqual({ rv, extension });
  });
});

describe("the versions", () => {
  it("are found by their numbers, and no others are", () => {
    for (const [name, { major, minor }] of Object.entries(versions)) expect(versionOf(major, minor)).toBe(name);
    for (const [major, minor] of [
      [4, 3],
      [4, 7],
      [3, 4],
      [5, 4],
      [-4, 4],
    ] as const) {
      expect(versionOf(major, minor)).toBeUndefined();
    }
  });

  it("are listed oldest first", () => {
    const minors = Object.values(versions).map(({ minor }) => minor);
    expect(minors).toEqual([...minors].sort((a, b) => a - b));
    expect(versions[NEWEST_VERSION].minor).toBe(minors.at(-1));
  });
});
