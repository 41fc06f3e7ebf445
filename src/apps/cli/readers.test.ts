// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import type { ReaderInspection } from "../../port/index.ts";
import { describeReader, readerForPrograms } from "./readers.ts";
import { painter } from "./terminal.ts";

const mail = { name: "mail", pid: 7 };
const backup = { name: "backup\u001b[2J" };
const empty: ReaderInspection = {
  name: "Desk",
  id: "virtual:0",
  eventCount: 1,
  card: undefined,
  connections: [],
  lock: undefined,
  queue: [],
};
const held: ReaderInspection = {
  ...empty,
  card: { atr: Uint8Array.of(0x3b, 0x02, 0x14, 0x50), powered: true, mute: false, protocol: "t0" },
  connections: [
    { client: mail, shareMode: "shared", protocol: "t0", connectedMs: 4200 },
    { client: backup, shareMode: "shared", protocol: undefined, connectedMs: 900 },
  ],
  lock: { client: mail, heldMs: 3300, depth: 2, lastExchangeMs: 420 },
  queue: [{ client: backup, operation: "begin", waitingMs: 850 }],
};

function described(reader: ReaderInspection, long = false): string[] {
  return describeReader(reader, 3, long, painter(false));
}

describe("a reader in the list", () => {
  it("is one line, and another that says who holds it", () => {
    expect(described(empty)).toEqual(["3  Desk  empty"]);
    expect(described(held)).toEqual([
      "3  Desk  card present, in use  card with T=0",
      "   mail (pid 7) is in a transaction (2 deep) since 3.3 s, last exchange 420 ms ago",
    ]);
  });

  it("tells everything if asked to, with names made safe to print", () => {
    expect(described(held, true).slice(1)).toEqual([
      "   id          virtual:0",
      "   events      1",
      "   ATR         3B 02 14 50",
      "   protocol    t0",
      "   connected   mail (pid 7): shared, t0, since 4.2 s",
      "   connected   backup\\u{1b}[2J: shared, no protocol, since 900 ms",
      "   held        mail (pid 7) is in a transaction (2 deep) since 3.3 s, last exchange 420 ms ago",
      "   waits       backup\\u{1b}[2J: begin, since 850 ms",
    ]);
  });

  it("says what is wrong with a card, and that it is held exclusively", () => {
    const mute = { atr: new Uint8Array(), powered: false, mute: true, protocol: undefined };
    expect(described({ ...empty, card: mute })).toEqual(["3  Desk  card present, mute  it does not answer"]);
    const alone = { ...held, connections: [{ ...held.connections[0], shareMode: "exclusive" }] } as ReaderInspection;
    expect(described({ ...alone, lock: undefined })).toEqual(["3  Desk  card present, exclusive  card with T=0"]);
  });

  it("is the inspection as an object, with the card in words", () => {
    expect(readerForPrograms(held, 3)).toEqual({
      ...held,
      number: 3,
      state: ["card present", "in use"],
      card: { ...held.card, summary: "card with T=0" },
    });
  });
});
