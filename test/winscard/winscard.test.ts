// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import * as winscard from "../../src/faces/winscard/index.ts";
import {
  INFINITE,
  SCARD_EJECT_CARD,
  SCARD_LEAVE_CARD,
  SCARD_PCI_T1,
  SCARD_PROTOCOL_T1,
  SCARD_RESET_CARD,
  SCARD_S_SUCCESS,
  SCARD_SHARE_SHARED,
  type SCARDCONTEXT,
  type SCARDHANDLE,
  type WinSCard,
} from "../../src/faces/winscard/index.ts";
import { atr, connected, error, READER, returned, subsystem } from "./port.ts";

describe("the examples of the reference ported line by line", () => {
  it("SCardCancel", async () => {
    const { api, context: hContext, port } = await subsystem();
    const { SCardCancel } = api;
    const printed: string[] = [];
    const printf = (text: string): unknown => printed.push(text);

    let lReturn = await returned(SCardCancel(hContext));
    if (SCARD_S_SUCCESS !== lReturn) printf("Failed SCardCancel\n");

    expect([lReturn, printed, port.take()]).toEqual([0, [], [["cancel"]]]);
    await api.SCardReleaseContext(hContext);
    lReturn = await returned(SCardCancel(hContext));
    if (SCARD_S_SUCCESS !== lReturn) printf("Failed SCardCancel\n");
    expect([lReturn, printed]).toEqual([winscard.ERROR_INVALID_HANDLE, ["Failed SCardCancel\n"]]);
  });

  it("SCardDisconnect", async () => {
    const { api, card: hCardHandle, port } = await connected();
    const { SCardDisconnect } = api;
    const printed: string[] = [];
    const printf = (text: string): unknown => printed.push(text);

    let lReturn = await returned(SCardDisconnect(hCardHandle, SCARD_LEAVE_CARD));
    if (SCARD_S_SUCCESS !== lReturn) {
      printf("Failed SCardDisconnect\n");
    }

    expect([lReturn, printed, port.take()]).toEqual([0, [], [["disconnect", "leave"]]]);
    lReturn = await returned(SCardDisconnect(hCardHandle, SCARD_LEAVE_CARD));
    if (SCARD_S_SUCCESS !== lReturn) {
      printf("Failed SCardDisconnect\n");
    }
    expect([lReturn, printed]).toEqual([winscard.SCARD_E_INVALID_HANDLE, ["Failed SCardDisconnect\n"]]);
  });
});

describe("misused handles", () => {
  const contextCalls: [string, (api: WinSCard, handle: SCARDCONTEXT) => Promise<unknown>][] = [
    ["SCardReleaseContext", (api, handle) => api.SCardReleaseContext(handle)],
    ["SCardIsValidContext", (api, handle) => api.SCardIsValidContext(handle)],
    ["SCardListReaders", (api, handle) => api.SCardListReaders(handle)],
    ["SCardListReaderGroups", (api, handle) => api.SCardListReaderGroups(handle)],
    ["SCardGetStatusChange", (api, handle) => api.SCardGetStatusChange(handle, 0, [])],
    ["SCardCancel", (api, handle) => api.SCardCancel(handle)],
    ["SCardConnect", (api, handle) => api.SCardConnect(handle, READER, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1)],
  ];
  const cardCalls: [string, (api: WinSCard, handle: SCARDHANDLE) => Promise<unknown>][] = [
    ["SCardReconnect", (api, handle) => api.SCardReconnect(handle, SCARD_SHARE_SHARED, 3, SCARD_LEAVE_CARD)],
    ["SCardDisconnect", (api, handle) => api.SCardDisconnect(handle, SCARD_LEAVE_CARD)],
    ["SCardBeginTransaction", (api, handle) => api.SCardBeginTransaction(handle)],
    ["SCardCancelTransaction", (api, handle) => api.SCardCancelTransaction(handle)],
    ["SCardEndTransaction", (api, handle) => api.SCardEndTransaction(handle, SCARD_LEAVE_CARD)],
    ["SCardStatus", (api, handle) => api.SCardStatus(handle)],
    ["SCardState", (api, handle) => api.SCardState(handle)],
    ["SCardTransmit", (api, handle) => api.SCardTransmit(handle, SCARD_PCI_T1, atr)],
    ["SCardControl", (api, handle) => api.SCardControl(handle, 0x0031_3520, null)],
    ["SCardGetAttrib", (api, handle) => api.SCardGetAttrib(handle, winscard.SCARD_ATTR_ATR_STRING)],
    ["SCardSetAttrib", (api, handle) => api.SCardSetAttrib(handle, winscard.SCARD_ATTR_ESC_RESET, atr)],
    ["SCardGetTransmitCount", (api, handle) => api.SCardGetTransmitCount(handle)],
  ];

  it.each(contextCalls)("%s: 0, garbage and a card are no context", async (_, call) => {
    const { port, api, card } = await connected();
    for (const handle of [0, 4711, -1, Number.NaN, card]) {
      const failure = await call(api, handle as SCARDCONTEXT).catch((reason: unknown) => reason);
      expect(failure).toEqual(error("invalid-context"));
      expect(failure).toMatchObject({ rv: 6 });
    }
    expect(port.take()).toEqual([]);
  });

  it.each(cardCalls)("%s: 0, garbage and a context are no card", async (_, call) => {
    const { port, api, context } = await connected();
    for (const handle of [0, 4711, -1, Number.NaN, context as number]) {
      const failure = await call(api, handle as SCARDHANDLE).catch((reason: unknown) => reason);
      expect(failure).toEqual(error("invalid-handle"));
      expect(failure).toMatchObject({ rv: 0x8010_0003 });
    }
    expect(port.take()).toEqual([]);
  });
});

describe("timeouts", () => {
  it.each([
    [INFINITE, {}],
    [-1, {}],
    [0, { timeoutMs: 0 }],
    [1500, { timeoutMs: 1500 }],
    // The longest that the machine's timers take.
    [0xffff_fffe, { timeoutMs: 0x7fff_ffff }],
  ])("%d reaches the port as %j", async (timeout, wait) => {
    const { port, api, context, card } = await connected();
    await api.SCardGetStatusChange(context, timeout, []);
    await api.SCardBeginTransaction(card, { timeoutMs: timeout });
    expect(port.take()).toEqual([
      ["getStatusChange", [], wait],
      // SCardCancelTransaction ends the wait through a signal of its own.
      ["begin", { ...wait, signal: expect.any(AbortSignal) }],
    ]);
  });

  it.each([Number.NaN, 0.5, Number.POSITIVE_INFINITY, 2 ** 32])(
    "%s is refused, and nothing is asked of the port",
    async (timeout) => {
      const { port, api, context, card } = await connected();
      await expect(api.SCardGetStatusChange(context, timeout, [])).rejects.toEqual(error("invalid-value"));
      await expect(api.SCardStatus(card, { timeoutMs: timeout })).rejects.toEqual(error("invalid-value"));
      expect(port.take()).toEqual([]);
    },
  );

  it("and signals reach the port from every call that may wait", async () => {
    const { port, api, context, card } = await connected();
    const { signal } = new AbortController();
    const wait = { timeoutMs: 9, signal };
    await api.SCardGetStatusChange(context, 9, [], { signal });
    await api.SCardConnect(context, READER, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1, wait);
    await api.SCardReconnect(card, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1, SCARD_RESET_CARD, wait);
    await api.SCardBeginTransaction(card, wait);
    await api.SCardStatus(card, wait);
    await api.SCardState(card, wait);
    await api.SCardTransmit(card, null, atr, wait);
    await api.SCardControl(card, 1, null, wait);
    await api.SCardGetAttrib(card, 1, wait);
    await api.SCardSetAttrib(card, 1, atr, wait);
    const calls = port.take();
    expect(calls).toHaveLength(10);
    for (const call of calls) expect(call.at(-1)).toMatchObject(wait);
  });
});

describe("bad values", () => {
  it("are refused by name, with what is allowed", async () => {
    const { port, api, context } = await subsystem();
    await expect(api.SCardConnect(context, READER, 7, SCARD_PROTOCOL_T1)).rejects.toThrow(
      "SCARD_E_INVALID_VALUE: share mode 7 is not one of " +
        "SCARD_SHARE_EXCLUSIVE (1), SCARD_SHARE_SHARED (2), SCARD_SHARE_DIRECT (3)",
    );
    await expect(api.SCardEstablishContext(3)).rejects.toThrow(
      "scope 3 is not one of SCARD_SCOPE_USER (0), SCARD_SCOPE_TERMINAL (1), SCARD_SCOPE_SYSTEM (2)",
    );
    await expect(api.SCardEstablishContext(undefined as never)).rejects.toEqual(error("invalid-parameter"));
    expect(port.take()).toEqual([]);
  });

  it("a disposition that there is not changes nothing: card and transaction go on", async () => {
    const { port, api, card } = await connected();
    await expect(api.SCardDisconnect(card, 9)).rejects.toThrow(
      /disposition 9 is not one of SCARD_LEAVE_CARD \(0\), .* SCARD_EJECT_CARD \(3\)$/,
    );
    await expect(api.SCardEndTransaction(card, 4)).rejects.toEqual(error("invalid-value"));
    expect(port.take()).toEqual([]);
    await expect(api.SCardDisconnect(card, SCARD_EJECT_CARD)).resolves.toBeUndefined();
  });

  it("SCARD_EJECT_CARD is no initialization", async () => {
    const { port, api, card } = await connected();
    const reconnecting = api.SCardReconnect(card, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1, SCARD_EJECT_CARD);
    await expect(reconnecting).rejects.toThrow(/initialization 3 is not one of .* SCARD_UNPOWER_CARD \(2\)$/);
    expect(port.take()).toEqual([]);
  });
});
