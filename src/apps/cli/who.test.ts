// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import type { ReportedReader, WhoReport } from "../daemon/index.ts";
import { painter } from "./terminal.ts";
import { describeReport } from "./who.ts";

const daemon: WhoReport["daemon"] = {
  pid: 99,
  socket: "/run/pcscd/pcscd.comm",
  profile: "pcsclite",
  runningMs: 61_000,
  knowsClients: true,
  sessions: 1,
};
const empty: ReportedReader = {
  name: "Desk",
  id: "virtual:Desk",
  eventCount: 1,
  connections: [],
  lock: undefined,
  queue: [],
};
const mail = { name: "mail", pid: 7, uid: 1000 };
const backup = { name: "python3.11 backup.py", pid: 12_345, uid: 1000 };

const plain = painter(false);

function described(reader: ReportedReader): string[] {
  return describeReport({ daemon, readers: [reader], clients: [] }, plain).slice(0, -2);
}

describe("scard who", () => {
  it("puts who holds the card, who is connected and who waits under the reader, in columns", () => {
    const busy: ReportedReader = {
      ...empty,
      card: { atr: "3B8F8001804F0CA0000003060300030000000068", powered: true, mute: false, protocol: "t1" },
      connections: [
        { client: mail, shareMode: "shared", protocol: "t1", connectedMs: 4200 },
        { client: backup, shareMode: "shared", protocol: undefined, connectedMs: 900 },
      ],
      lock: { client: mail, heldMs: 3300, depth: 2, lastExchangeMs: 420 },
      queue: [{ client: backup, operation: "begin", waitingMs: 850 }],
    };
    expect(described(busy)).toEqual([
      expect.stringMatching(/^Desk {2}.*MIFARE Ultralight.* {2}3B8F8001804F0CA0000003060300030000000068$/),
      "  locked by  mail (pid 7) for 3.3 s, 2 times, last command 420 ms ago",
      "  clients    mail (pid 7)                      shared  t1  since 4.2 s",
      "             python3.11 backup.py (pid 12345)  shared  -   since 900 ms",
      "  waiting    1. python3.11 backup.py (pid 12345)  begin  for 850 ms",
    ]);
  });

  it.each([
    [undefined, "Desk  no card"],
    [{ atr: "", powered: false, mute: true, protocol: undefined }, "Desk  a card that does not answer"],
    [{ atr: "", powered: false, mute: false, protocol: undefined }, "Desk  a card, not powered yet"],
    [{ atr: "3B00", powered: false, mute: false, protocol: undefined }, "Desk  card with T=0, not powered  3B00"],
  ])("tells of the card %j", (card, line) => {
    expect(described({ ...empty, ...(card && { card }) })).toEqual([line, "  not in use"]);
  });

  it("lets no control character of a name reach the terminal", () => {
    const lines = described({
      ...empty,
      name: "a\u001b[31m",
      queue: [{ client: { name: "b\u0007" }, operation: "begin", waitingMs: 1 }],
    });
    expect(lines.join(" ")).not.toMatch(/\p{Cc}/u);
  });

  it("says what it does not know", () => {
    const lines = describeReport({ daemon: { ...daemon, knowsClients: false }, readers: [], clients: [] }, plain);
    expect(lines).toEqual([
      "there is no reader",
      "",
      "clients are unknown: the daemon cannot load koffi (its log says how to install it)",
      "",
      "daemon 99, running for 61.0 s, 1 client connection",
    ]);
  });
});
