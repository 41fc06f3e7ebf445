// SPDX-License-Identifier: MIT

import { afterEach, describe, expect, it, vi } from "vitest";
import * as room from "../faces/winscard/index.ts";
import { embeddedManager } from "./embedded.ts";
import * as published from "./winscard.ts";
import {
  SCARD_LEAVE_CARD,
  SCARD_PROTOCOL_T0,
  SCARD_PROTOCOL_T1,
  SCARD_SCOPE_USER,
  SCARD_SHARE_SHARED,
  SCardConnect,
  SCardDisconnect,
  SCardEstablishContext,
  SCardListReaders,
  SCardReleaseContext,
  SCardTransmit,
} from "./winscard.ts";

afterEach(() => {
  vi.unstubAllEnvs();
});

describe("scard/winscard", () => {
  it("has no reader of its own: where no service answers it says so, and asks again the next time", async () => {
    vi.stubEnv("SCARD_MANAGER", "");
    vi.stubEnv("PCSCLITE_CSOCK_NAME", "/nonexistent/pcscd.comm");
    for (const _ of [1, 2]) {
      await expect(SCardEstablishContext(SCARD_SCOPE_USER)).rejects.toMatchObject({
        code: "no-service",
        message: expect.stringContaining("/nonexistent/pcscd.comm (not there); start pcscd"),
      });
    }
  });

  it("makes a table of handles of its own on this machine's manager, clock and randomness", async () => {
    vi.stubEnv("SCARD_MANAGER", "embedded:virtual+demo");
    const own = new published.WinSCard();
    const { context } = await own.SCardEstablishContext(SCARD_SCOPE_USER);
    expect((await own.SCardListReaders(context)).readers).toHaveLength(1);
    await own.SCardReleaseContext(context);
    expect(() => new published.WinSCard(null as never)).toThrow(expect.objectContaining({ code: "invalid-parameter" }));
  });

  it("runs a ported program on the manager that SCARD_MANAGER describes", async () => {
    vi.stubEnv("SCARD_MANAGER", "embedded:virtual+demo");
    const { context } = await SCardEstablishContext(SCARD_SCOPE_USER);
    const { readers } = await SCardListReaders(context);
    const [reader = ""] = readers;
    const { card } = await SCardConnect(context, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1);
    const command = Uint8Array.of(0x00, 0xa4, 0x00, 0x0c, 0x02, 0x3f, 0x00);
    expect((await SCardTransmit(card, null, command)).response).toEqual(Uint8Array.of(0x90, 0x00));
    await SCardDisconnect(card, SCARD_LEAVE_CARD);
    await SCardReleaseContext(context);
  });

  it("gives contexts numbers of this thread's own, also those of a WinSCard that was constructed", async () => {
    vi.stubEnv("SCARD_MANAGER", "embedded:virtual+demo");
    const manager = embeddedManager();
    const apis = [1, 2].map(() => new published.WinSCard({ defaultManager: () => manager }));
    const functions = [...apis.map((api) => api.SCardEstablishContext), SCardEstablishContext];
    const first = await Promise.all(functions.map(async (establish) => (await establish(SCARD_SCOPE_USER)).context));
    const second = await Promise.all(functions.map(async (establish) => (await establish(SCARD_SCOPE_USER)).context));
    expect(new Set([...first, ...second]).size).toBe(6);
    for (const [index, context] of first.entries()) expect(Math.abs((second[index] ?? 0) - context)).not.toBe(1);
    for (const context of [first[2], second[2]]) await SCardReleaseContext(context ?? (0 as never));
    await manager.close();
  });

  it("exports every function of WinSCard, and every constant of the room", () => {
    const functions = Object.keys(new room.WinSCard({ defaultManager: () => Promise.reject(new Error("not asked")) }));
    expect(functions).toHaveLength(47);
    // The class is this machine's own form of the room's.
    const constants = Object.entries(room).map(([name, value]) => [
      name,
      name === "WinSCard" ? published.WinSCard : value,
    ]);
    expect(published).toMatchObject(Object.fromEntries(constants));
    const names = Object.keys(published).filter((name) => name !== "SmartCardError" && name !== "connectionTerms");
    expect(names.sort()).toEqual([...functions, ...constants.map(([name]) => name)].sort());
  });
});
