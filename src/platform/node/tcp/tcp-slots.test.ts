// SPDX-License-Identifier: MIT

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Clock } from "../../../port/index.ts";
import type { VpcdLogEntry } from "../../../readers/vpcd/index.ts";
import type { PeerUser } from "./peer-users.ts";
import { closeTcpSlots, openTcpSlots, type TcpSlotsOptions } from "./tcp-slots.ts";

const clock: Clock = { now: () => 0, wallTime: () => 0, schedule: () => () => {} };

/** A slot on loopback, and what it tells. */
async function slotWith(options: Pick<TcpSlotsOptions, "users" | "access">) {
  const entries: VpcdLogEntry[] = [];
  const told: string[] = [];
  const runtime = { clock, trace: () => {} };
  const log = (entry: VpcdLogEntry) => entries.push(entry);
  const slots = await openTcpSlots({ runtime, host: "127.0.0.1", port: 0, slots: 1, log, ...options });
  const [slot] = slots;
  if (slot === undefined) throw new Error("there is no slot");
  onTestFinished(() => closeTcpSlots(slots));
  const inserted = new Promise<void>((resolve) => {
    void slot.reader.open({ inserted: resolve, removed: () => told.push("removed"), lost: () => {} });
  });
  const plug = async (): Promise<{ socket: Socket; received: Uint8Array[]; closed: Promise<unknown> }> => {
    const socket = connect(slot.port, "127.0.0.1");
    const received: Uint8Array[] = [];
    socket.on("error", () => {});
    socket.on("data", (bytes) => received.push(bytes));
    onTestFinished(() => void socket.destroy());
    const closed = new Promise((resolve) => socket.once("close", resolve));
    await once(socket, "connect");
    return { socket, received, closed };
  };
  return { entries, told, inserted, plug };
}

describe("a TCP slot", () => {
  it("refuses a program whose user is not known, and names the remedy", async () => {
    const users = { userOf: async (): Promise<PeerUser> => ({ reason: "there is no table" }) };
    const { entries, plug } = await slotWith({ users });
    const { closed, received } = await plug();
    await closed;
    expect(received).toEqual([]);
    expect(entries).toEqual([
      expect.objectContaining({
        level: "warn",
        message: "refused: a program may not be the card of a reader",
        reason: "there is no table",
        remedy: expect.stringMatching(/Unix socket \("path" of the reader\).*"access": \[\{"effect":"allow"\}\]/),
      }),
    ]);
  });

  it("takes any program where the system does not tell the user, and says so once", async () => {
    const { entries, inserted, plug } = await slotWith({ users: undefined });
    await plug();
    await inserted;
    expect(entries.map(({ level, message }) => [level, message])).toEqual([
      ["warn", expect.stringMatching(/^who plugs into port \d+ of 127\.0\.0\.1 cannot be checked on /)],
      ["info", "a card was plugged in"],
    ]);
  });

  it("takes none there where rules are given, unless they admit all", async () => {
    const refused = await slotWith({ users: undefined, access: [{ effect: "allow", uid: 0 }] });
    const { closed, received } = await refused.plug();
    await closed;
    expect([received, refused.entries.map(({ level }) => level)]).toEqual([[], ["warn"]]);
    const open = await slotWith({ users: undefined, access: [{ effect: "allow" }] });
    await open.plug();
    await open.inserted;
  });

  it("reads and sends nothing while the user is looked up", async () => {
    let answer = (_user: PeerUser): void => {};
    let asked = (): void => {};
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const users = {
      userOf: () =>
        new Promise<PeerUser>((resolve) => {
          answer = resolve;
          asked();
        }),
    };
    const { entries, inserted, plug, told } = await slotWith({ users });
    const { received, socket } = await plug();
    await isAsked;
    // What was not requested has a card dropped, if it is read.
    socket.write(Uint8Array.of(0, 1, 9));
    await new Promise((resolve) => setImmediate(resolve));
    expect([entries, told, received]).toEqual([[], [], []]);
    answer({ uid: 0 });
    await inserted;
    await expect.poll(() => told).toEqual(["removed"]);
  });
});
