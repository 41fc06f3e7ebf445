// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Ends, isLoopback, keysOfPeer, SocketTableScan } from "./socket-table.ts";

/** The connection as the listener sees it: a card at port 50,000 (C350) has connected to port 35,963 (8C7B). */
const ends: Ends = {
  localAddress: "127.0.0.1",
  localPort: 35_963,
  remoteAddress: "127.0.0.1",
  remotePort: 50_000,
};

const KEY = "0100007F:C350 0100007F:8C7B";

/** A line as Linux prints it: net/ipv4/tcp_ipv4.c, get_tcp4_sock. */
function line(fields: { key?: string; state?: string; uid?: number; inode?: number } = {}): string {
  const { inode = 4711, state = "01", uid = 1000 } = fields;
  const text = `  12: ${fields.key ?? KEY} ${state} 00000000:00000000 00:00000000 00000000 ${String(uid).padStart(5)}        0 ${inode} 1 0000000000000000 20 4 30 10 -1`;
  return `${text.padEnd(149)}\n`;
}

function userIn(text: string, wanted = KEY): number | undefined {
  const scan = new SocketTableScan(new Set([wanted]));
  scan.read(text);
  return scan.userOf(wanted);
}

describe("the place of a peer in the tables", () => {
  it("has the peer's end first, in the byte order of the machine", () => {
    expect(keysOfPeer(ends, true)).toEqual([
      ["tcp", KEY],
      ["tcp6", "0000000000000000FFFF00000100007F:C350 0000000000000000FFFF00000100007F:8C7B"],
    ]);
    expect(keysOfPeer(ends, false)).toEqual([
      ["tcp", "7F000001:C350 7F000001:8C7B"],
      ["tcp6", "00000000000000000000FFFF7F000001:C350 00000000000000000000FFFF7F000001:8C7B"],
    ]);
  });

  it("is that of an IPv4 socket, too, where IPv6 listens", () => {
    const mapped = { ...ends, localAddress: "::ffff:127.0.0.1", remoteAddress: "::ffff:7f00:1" };
    expect(keysOfPeer(mapped, true)).toEqual(keysOfPeer(ends, true));
  });

  it("is in the table of IPv6 for all else, with a zone or without", () => {
    const six = { ...ends, localAddress: "::1", remoteAddress: "fe80::1:203%eth0" };
    expect(keysOfPeer(six, true)).toEqual([
      ["tcp6", "000080FE000000000000000003020100:C350 00000000000000000000000001000000:8C7B"],
    ]);
    expect(keysOfPeer(six, false)).toEqual([
      ["tcp6", "FE800000000000000000000000010203:C350 00000000000000000000000000000001:8C7B"],
    ]);
  });

  it.each([
    "",
    "1.2.3",
    "1.2.3.256",
    "::1::",
    "1:2:3",
    "1:2:3:4:5:6:7:8:9",
    "12345::",
    "::1.2.3.4.5",
    "1:2:3:4:5:6:7:8::",
  ])("is none for %j", (address) => {
    expect(keysOfPeer({ ...ends, remoteAddress: address }, true)).toEqual([]);
  });

  it("is none where the families differ", () => {
    expect(keysOfPeer({ ...ends, remoteAddress: "::1" }, true)).toEqual([]);
  });
});

describe("what leads to this machine alone", () => {
  it.each(["127.0.0.1", "127.255.0.3", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "::ffff:7f00:1"])(
    "%s",
    (address) => {
      expect(isLoopback(address)).toBe(true);
    },
  );

  it.each(["0.0.0.0", "::", "10.0.0.1", "128.0.0.1", "::2", "::ffff:10.0.0.1", "fe80::1", "1::1", "localhost", ""])(
    "not %j",
    (address) => {
      expect(isLoopback(address)).toBe(false);
    },
  );
});

describe("SocketTableScan", () => {
  it("finds the user of a socket that is connected", () => {
    expect(userIn(line())).toBe(1000);
    expect(userIn(line({ uid: 0 }))).toBe(0);
    expect(
      userIn(`  sl  local_address rem_address   st tx_queue rx_queue\n${line({ key: `${KEY}0`, uid: 5 })}${line()}`),
    ).toBe(1000);
  });

  it("does not take a socket that waits for its end for root's", () => {
    // TIME_WAIT: net/ipv4/tcp_ipv4.c, get_timewait4_sock, prints user 0 and inode 0.
    expect(userIn(line({ state: "06", uid: 0, inode: 0 }))).toBeUndefined();
    expect(userIn(line({ uid: 0, inode: 0 }))).toBeUndefined();
    expect(userIn(line({ uid: 0, state: "06" }))).toBeUndefined();
  });

  it.each(["02", "03", "04", "05", "06", "07", "08", "09", "0A", "0B", "0C"])(
    "does not count the state %s",
    (state) => {
      expect(userIn(line({ state }))).toBeUndefined();
    },
  );

  it("does not count this end of the connection, nor one that only begins alike", () => {
    expect(userIn(line({ key: "0100007F:8C7B 0100007F:C350" }))).toBeUndefined();
    expect(userIn(line({ key: "0100007F:C350 0100007F:8C7C" }))).toBeUndefined();
    expect(userIn(line({ key: "0100007F:C350 0200007F:8C7B" }))).toBeUndefined();
  });

  it("does not believe a table that contradicts itself, and bears one that repeats itself", () => {
    expect(userIn(line() + line())).toBe(1000);
    expect(userIn(line() + line({ uid: 0 }))).toBeUndefined();
    expect(userIn(line() + line({ uid: 0 }) + line())).toBeUndefined();
  });

  it.each([
    ["a line that is cut", line().slice(0, 90)],
    ["a line without its inode", `${line().slice(0, 95)}\n`],
    ["a user of too many digits", line({ uid: 99_999_999_999 })],
    ["no user", line({ uid: 4_294_967_295 })],
    ["a negative user", line({ uid: -1 })],
    ["small letters", line({ key: KEY.toLowerCase() })],
    ["a line that is too long", `${line().trimEnd()}${" 1".repeat(300)}\n`],
    ["a line inside of a line", `x${line()}`],
    ["a tab for a blank", line().replace(" 01 ", "\t01 ")],
    ["a line that never ends, with a good one at its end", "9".repeat(5000) + line()],
  ])("does not count %s", (_what, text) => {
    expect(userIn(text)).toBeUndefined();
  });

  it("reads on after a line that was too long", () => {
    const scan = new SocketTableScan(new Set([KEY]));
    for (const piece of ["x".repeat(600), "x".repeat(600), `x\n${line()}`]) scan.read(piece);
    expect(scan.userOf(KEY)).toBe(1000);
    const glued = new SocketTableScan(new Set([KEY]));
    for (const piece of ["x".repeat(600), line()]) glued.read(piece);
    expect(glued.userOf(KEY)).toBeUndefined();
  });

  it("finds the same however the text is cut", () => {
    const others = Array.from({ length: 20 }, (_, at) =>
      line({ key: `0100007F:${(0x8000 + at).toString(16)} 0100007F:8C7B` }),
    );
    const text = `${others.join("")}${line({ uid: 65_534 })}${others.join("")}`;
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1 }), (sizes) => {
        const scan = new SocketTableScan(new Set([KEY]));
        for (let at = 0, turn = 0; at < text.length; turn++) {
          const size = sizes[turn % sizes.length] ?? 1;
          scan.read(text.slice(at, at + size));
          at += size;
        }
        expect(scan.userOf(KEY)).toBe(65_534);
      }),
    );
  });

  it("tells of no user that no good line has, whatever the text is", () => {
    const broken = fc
      .tuple(
        fc.integer({ min: 0, max: 140 }),
        fc.string({ unit: "binary", minLength: 1, maxLength: 4 }).filter((text) => !/\d/.test(text)),
      )
      .map(([at, text]) => line().slice(0, at) + text + line().slice(at));
    const hostile = fc.oneof(
      broken,
      fc.string({ unit: "binary", maxLength: 200 }),
      fc.constantFrom("\n", line({ state: "06", uid: 0, inode: 0 }), line({ uid: 0, inode: 0 }), KEY, ": ", " 01 "),
    );
    fc.assert(
      fc.property(fc.array(hostile, { maxLength: 12 }), (pieces) => {
        // Whatever is put into a line of user 1000 can hide it, and change its user's digits; it never makes it root's.
        const user = userIn(pieces.join(""));
        expect(user === 0).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });
});
