// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import { encodeHex } from "../../src/base/binary/index.ts";
import { demoCard, VirtualReader } from "../../src/entry/cards.ts";
import {
  CM_IOCTL_GET_FEATURE_REQUEST,
  ERROR_INVALID_HANDLE,
  ERROR_NOT_SUPPORTED,
  INFINITE,
  SCARD_ATTR_ATR_STRING,
  SCARD_ATTR_ESC_CANCEL,
  SCARD_E_CANCELLED,
  SCARD_E_INVALID_HANDLE,
  SCARD_E_NO_READERS_AVAILABLE,
  SCARD_E_NOT_TRANSACTED,
  SCARD_E_PROTO_MISMATCH,
  SCARD_E_SHARING_VIOLATION,
  SCARD_E_TIMEOUT,
  SCARD_E_UNKNOWN_READER,
  SCARD_EJECT_CARD,
  SCARD_LEAVE_CARD,
  SCARD_PCI_T0,
  SCARD_PCI_T1,
  SCARD_PROTOCOL_T0,
  SCARD_PROTOCOL_T1,
  SCARD_PROTOCOL_Tx,
  SCARD_RESET_CARD,
  SCARD_S_SUCCESS,
  SCARD_SCOPE_USER,
  SCARD_SHARE_DIRECT,
  SCARD_SHARE_EXCLUSIVE,
  SCARD_SHARE_SHARED,
  SCARD_SPECIFIC,
  SCARD_STATE_CHANGED,
  SCARD_STATE_EMPTY,
  SCARD_STATE_PRESENT,
  SCARD_STATE_UNAWARE,
  SCARD_W_REMOVED_CARD,
  SCARD_W_RESET_CARD,
  type SCARDCONTEXT,
  WinSCard,
} from "../../src/faces/winscard/index.ts";
import { EmbeddedManager } from "../../src/managers/embedded/index.ts";
import { decodeFeatureList, PNP_NOTIFICATION, SmartCardError } from "../../src/port/index.ts";
import { SimulatedRuntime } from "../../src/testing/runtime/index.ts";

const selectMasterFile = Uint8Array.of(0x00, 0xa4, 0x00, 0x0c, 0x02, 0x3f, 0x00);

/** A manager with one empty virtual reader, and two programs that use it through WinSCard. */
async function machine() {
  const runtime = new SimulatedRuntime({ settle: () => new Promise((resolve) => setImmediate(resolve)) });
  const manager = new EmbeddedManager({ runtime });
  const virtual = new VirtualReader({ clock: runtime.clock });
  const reader = await manager.addReader(virtual);
  const a = new WinSCard({ defaultManager: () => manager.client({ name: "program-a", pid: 11 }) });
  const b = new WinSCard({ defaultManager: () => manager.client({ name: "program-b", pid: 12 }) });
  return { runtime, manager, virtual, reader, a, b };
}

/** The LONG that a function returns in C. */
async function returned(call: Promise<unknown>): Promise<number> {
  try {
    await call;
    return SCARD_S_SUCCESS;
  } catch (failure) {
    if (failure instanceof SmartCardError) return failure.rv;
    throw failure;
  }
}

async function establish(api: WinSCard): Promise<SCARDCONTEXT> {
  const { context } = await api.SCardEstablishContext(SCARD_SCOPE_USER);
  return context;
}

describe("WinSCard over the embedded manager", () => {
  it("a program waits for a card, works with it, and leaves nothing open", async () => {
    const { runtime, manager, virtual, a } = await machine();
    const { SCardConnect, SCardDisconnect, SCardGetStatusChange, SCardListReaders, SCardTransmit } = a;
    const context = await establish(a);
    const { readers } = await SCardListReaders(context);
    const [reader = ""] = readers;

    let { readerStates } = await SCardGetStatusChange(context, 0, [{ reader, currentState: SCARD_STATE_UNAWARE }]);
    expect((readerStates[0]?.eventState ?? 0) & SCARD_STATE_EMPTY).toBe(SCARD_STATE_EMPTY);
    for (const state of readerStates) state.currentState = state.eventState & ~SCARD_STATE_CHANGED;
    const waiting = SCardGetStatusChange(context, INFINITE, readerStates);
    await runtime.settle();
    virtual.insert(demoCard(runtime.random));
    ({ readerStates } = await waiting);
    const wanted = SCARD_STATE_PRESENT | SCARD_STATE_CHANGED;
    expect((readerStates[0]?.eventState ?? 0) & wanted).toBe(wanted);

    const { card, activeProtocol } = await SCardConnect(context, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_Tx);
    const { response, recvPci } = await SCardTransmit(card, null, selectMasterFile);
    expect(encodeHex(response)).toBe("9000");
    expect(recvPci.protocol).toBe(activeProtocol);
    const status = await a.SCardStatus(card);
    expect(status).toMatchObject({ readerNames: [reader], state: SCARD_SPECIFIC, protocol: activeProtocol });
    expect((await a.SCardGetAttrib(card, SCARD_ATTR_ATR_STRING)).attribute).toEqual(status.atr);
    expect((await a.SCardGetTransmitCount(card)).transmitCount).toBe(1);
    const { output } = await a.SCardControl(card, CM_IOCTL_GET_FEATURE_REQUEST, null);
    expect(decodeFeatureList(output).ok).toBe(true);

    await SCardDisconnect(card, SCARD_LEAVE_CARD);
    await a.SCardReleaseContext(context);
    expect(a.openHandles).toEqual({ contexts: 0, cards: 0 });
    await manager.close();
    expect(runtime.pendingTimers).toEqual([]);
  });

  it("sends the protocol that the PCI names, or refuses", async () => {
    const { runtime, virtual, reader, a } = await machine();
    virtual.insert(demoCard(runtime.random));
    const context = await establish(a);
    const { card, activeProtocol } = await a.SCardConnect(context, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T0);
    expect(activeProtocol).toBe(SCARD_PROTOCOL_T0);
    expect(await returned(a.SCardTransmit(card, SCARD_PCI_T0, selectMasterFile))).toBe(SCARD_S_SUCCESS);
    expect(await returned(a.SCardTransmit(card, SCARD_PCI_T1, selectMasterFile))).toBe(SCARD_E_PROTO_MISMATCH);
  });

  it("sends the command as it was when the call was made", async () => {
    const { runtime, virtual, reader, a, b } = await machine();
    virtual.insert(demoCard(runtime.random));
    const [contextA, contextB] = [await establish(a), await establish(b)];
    const { card: holder } = await a.SCardConnect(contextA, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1);
    const { card: waiter } = await b.SCardConnect(contextB, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1);
    await a.SCardBeginTransaction(holder);
    const command = Uint8Array.from(selectMasterFile);
    const sending = b.SCardTransmit(waiter, SCARD_PCI_T1, command);
    command.fill(0xff);
    await a.SCardEndTransaction(holder, SCARD_LEAVE_CARD);
    expect(encodeHex((await sending).response)).toBe("9000");
  });

  it("two programs contend: the second waits, is told of the reset, reconnects and goes on", async () => {
    const { runtime, virtual, reader, a, b } = await machine();
    virtual.insert(demoCard(runtime.random));
    const [contextA, contextB] = [await establish(a), await establish(b)];
    const { card: cardA } = await a.SCardConnect(contextA, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_Tx);
    const { card: cardB } = await b.SCardConnect(contextB, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_Tx);
    await a.SCardBeginTransaction(cardA);
    const beginning = returned(b.SCardBeginTransaction(cardB));
    await runtime.settle();
    expect(await returned(b.SCardBeginTransaction(cardB, { timeoutMs: 0 }))).toBe(SCARD_E_TIMEOUT);
    await a.SCardEndTransaction(cardA, SCARD_RESET_CARD);
    expect(await beginning).toBe(SCARD_W_RESET_CARD);
    expect(await returned(b.SCardEndTransaction(cardB, SCARD_LEAVE_CARD))).not.toBe(SCARD_S_SUCCESS);
    await b.SCardReconnect(cardB, SCARD_SHARE_SHARED, SCARD_PROTOCOL_Tx, SCARD_LEAVE_CARD);
    expect(await returned(b.SCardEndTransaction(cardB, SCARD_LEAVE_CARD))).toBe(SCARD_E_NOT_TRANSACTED);
    expect(await returned(b.SCardTransmit(cardB, null, selectMasterFile))).toBe(SCARD_S_SUCCESS);
  });

  it("SCardCancelTransaction ends the wait of one connection, and no transaction that has begun", async () => {
    const { runtime, virtual, reader, a, b } = await machine();
    virtual.insert(demoCard(runtime.random));
    const [contextA, contextB] = [await establish(a), await establish(b)];
    const { card: cardA } = await a.SCardConnect(contextA, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_Tx);
    const { card: cardB } = await b.SCardConnect(contextB, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_Tx);
    await a.SCardBeginTransaction(cardA);
    const beginning = returned(b.SCardBeginTransaction(cardB));
    await runtime.settle();
    await a.SCardCancelTransaction(cardA);
    await b.SCardCancelTransaction(cardB);
    expect(await beginning).toBe(SCARD_E_CANCELLED);
    await a.SCardEndTransaction(cardA, SCARD_LEAVE_CARD);
    await b.SCardBeginTransaction(cardB);
    await b.SCardEndTransaction(cardB, SCARD_LEAVE_CARD);
  });

  it("a sharing violation names the holder", async () => {
    const { runtime, virtual, reader, a, b } = await machine();
    virtual.insert(demoCard(runtime.random));
    const [contextA, contextB] = [await establish(a), await establish(b)];
    await a.SCardConnect(contextA, reader, SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_Tx);
    const connecting = b.SCardConnect(contextB, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_Tx);
    await expect(connecting).rejects.toMatchObject({
      rv: SCARD_E_SHARING_VIOLATION,
      message: expect.stringContaining("program-a (pid 11)"),
      details: { holder: { client: "program-a", shareMode: "exclusive" } },
    });
  });

  it("SCardCancel ends a wait, and nothing that comes later; a timeout tells the states", async () => {
    const { runtime, reader, a } = await machine();
    const context = await establish(a);
    const first = await a.SCardGetStatusChange(context, 0, [{ reader, currentState: SCARD_STATE_UNAWARE }]);
    const states = first.readerStates.map((state) => ({
      reader,
      currentState: state.eventState & ~SCARD_STATE_CHANGED,
    }));
    const waiting = returned(a.SCardGetStatusChange(context, INFINITE, states));
    await runtime.settle();
    await a.SCardCancel(context);
    expect(await waiting).toBe(SCARD_E_CANCELLED);
    await a.SCardCancel(context);
    const again = a.SCardGetStatusChange(context, 100, states).catch((failure: unknown) => failure);
    await runtime.advance(100);
    expect(await again).toMatchObject({ rv: SCARD_E_TIMEOUT, details: { readerStates: [{ reader }] } });
    const pnp = await a.SCardGetStatusChange(context, 0, [{ reader: PNP_NOTIFICATION, currentState: 0 }]);
    expect((pnp.readerStates[0]?.eventState ?? 0) >>> 16).toBe(1);
  });

  it("has the numbers of Windows for what goes wrong", async () => {
    const { runtime, manager, virtual, reader, a } = await machine();
    const context = await establish(a);
    expect(await returned(a.SCardConnect(context, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1))).toBe(
      SCARD_W_REMOVED_CARD,
    );
    expect(await returned(a.SCardConnect(context, "none", SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1))).toBe(
      SCARD_E_UNKNOWN_READER,
    );
    const { card: direct } = await a.SCardConnect(context, reader, SCARD_SHARE_DIRECT, 0);
    expect(await returned(a.SCardGetAttrib(direct, SCARD_ATTR_ESC_CANCEL))).toBe(ERROR_NOT_SUPPORTED);
    await a.SCardDisconnect(direct, SCARD_LEAVE_CARD);
    virtual.insert(demoCard(runtime.random));
    const { card } = await a.SCardConnect(context, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1);
    await a.SCardDisconnect(card, SCARD_EJECT_CARD);
    expect(virtual.card).toBeUndefined();
    expect(await returned(a.SCardStatus(card))).toBe(SCARD_E_INVALID_HANDLE);
    await manager.removeReader(reader);
    expect(await returned(a.SCardListReaders(context))).toBe(SCARD_E_NO_READERS_AVAILABLE);
    await a.SCardReleaseContext(context);
    expect(await returned(a.SCardListReaders(context))).toBe(ERROR_INVALID_HANDLE);
  });

  it("a card can be disconnected after its reader was unplugged", async () => {
    const { runtime, virtual, reader, a } = await machine();
    virtual.insert(demoCard(runtime.random));
    const context = await establish(a);
    const { card } = await a.SCardConnect(context, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1);
    virtual.unplug();
    await runtime.settle();
    expect(await returned(a.SCardDisconnect(card, SCARD_RESET_CARD))).toBe(SCARD_S_SUCCESS);
  });
});
