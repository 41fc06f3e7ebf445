// SPDX-License-Identifier: MIT

import type { CardImageSource } from "../../../src/entry/cards.ts";

const SECRET = "00112233445566778899AABBCCDDEEFF";

/** A card with one of everything that a description can say, and little to keep it from being done. */
export const richCard: CardImageSource = {
  name: "everything",
  atr: { protocols: ["t0", "t1"], historicalBytes: "8031F8" },
  challengeBytes: 16,
  pins: [
    {
      reference: 1,
      value: { text: "1234" },
      padTo: 8,
      tries: 3,
      canDisable: true,
      resettingCode: { value: { text: "9999" }, tries: 2 },
      access: { reset: { any: [{ pin: 2 }, { key: 2 }] } },
    },
    { reference: 2, value: "3132", tries: 15, triesLeft: 14, enabled: false, canDisable: true },
  ],
  keys: [
    { reference: 1, algorithm: "aes", use: "internal", value: SECRET },
    { reference: 2, algorithm: "3des", use: "external", value: SECRET, tries: 5 },
    { reference: 3, algorithm: "aes", use: "mutual", value: SECRET, mac: SECRET, access: { use: "always" } },
  ],
  files: [
    {
      type: "transparent",
      id: "2F00",
      sfi: 30,
      content: "6105500161",
      size: 40,
      access: { update: "always", write: "always" },
    },
    {
      type: "linear-variable",
      id: "0006",
      sfi: 6,
      records: ["8001019000", "8001029700"],
      recordSize: 40,
      maxRecords: 4,
    },
    { type: "transparent", id: "0007", content: "00", access: { arr: { file: "0006", record: 1 } } },
    {
      type: "df",
      id: "7F10",
      name: "F072696368",
      label: "rich",
      access: { createEf: "always", createDf: "always", deleteChild: "always", putData: "always", delete: "always" },
      objects: [{ tag: "5F2D", value: "656E", access: { read: "always", update: "always" } }],
      files: [
        {
          type: "linear-fixed",
          id: "0001",
          sfi: 1,
          records: ["0001", "0203"],
          recordSize: 2,
          maxRecords: 3,
          access: { update: "always" },
        },
        {
          type: "linear-variable",
          id: "0002",
          sfi: 2,
          records: [{ text: "a" }],
          recordSize: 64,
          access: { append: "always", update: "always" },
        },
        { type: "cyclic", id: "0003", sfi: 3, recordSize: 4, maxRecords: 3, access: { update: "always" } },
        {
          type: "transparent",
          id: "0004",
          sfi: 4,
          size: 16,
          lifeCycle: "deactivated",
          access: { activate: "always", terminate: "always" },
        },
        {
          type: "transparent",
          id: "0005",
          sfi: 5,
          size: 300,
          access: { read: { all: [{ pin: 1 }, { key: 2 }] }, delete: "always" },
        },
      ],
    },
  ],
};
