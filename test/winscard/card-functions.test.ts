// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import * as winscard from "../../src/faces/winscard/index.ts";
import {
  SCARD_EJECT_CARD,
  SCARD_LEAVE_CARD,
  SCARD_PCI_RAW,
  SCARD_PCI_T0,
  SCARD_PCI_T1,
  SCARD_PROTOCOL_DEFAULT,
  SCARD_PROTOCOL_RAW,
  SCARD_PROTOCOL_T0,
  SCARD_PROTOCOL_T1,
  SCARD_RESET_CARD,
  SCARD_SHARE_DIRECT,
  SCARD_SHARE_EXCLUSIVE,
  SCARD_SHARE_SHARED,
  SCARD_UNPOWER_CARD,
} from "../../src/faces/winscard/index.ts";
import { SmartCardError } from "../../src/port/index.ts";
import { atr, connected, error, READER, returned, subsystem } from "./port.ts";

describe("SCardConnect", () => {
  it.each([
    [SCARD_SHARE_SHARED, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, "shared", ["t0", "t1"]],
    [SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_RAW, "exclusive", ["raw"]],
    [SCARD_SHARE_SHARED, SCARD_PROTOCOL_DEFAULT, "shared", ["t0", "t1"]],
    [SCARD_SHARE_SHARED, SCARD_PROTOCOL_DEFAULT | SCARD_PROTOCOL_T0, "shared", ["t0"]],
    [SCARD_SHARE_SHARED, 0x7ffe_fff4 | SCARD_PROTOCOL_T1, "shared", ["t1"]],
    [SCARD_SHARE_DIRECT, 0, "direct", []],
    [SCARD_SHARE_DIRECT, 4, "direct", []],
  ])("share mode %d and protocol mask %d become %s and %j", async (mode, mask, shareMode, preferredProtocols) => {
    const { port, api, context } = await subsystem();
    await api.SCardConnect(context, READER, mode, mask);
    expect(port.take()).toEqual([["connect", READER, { shareMode, preferredProtocols }]]);
  });

  it.each([0, 4, 0x40])("needs a protocol unless it is direct: %d names none", async (mask) => {
    const { port, api, context } = await subsystem();
    await expect(api.SCardConnect(context, READER, SCARD_SHARE_SHARED, mask)).rejects.toEqual(error("proto-mismatch"));
    expect(port.take()).toEqual([]);
  });

  it.each([
    ["t0", SCARD_PROTOCOL_T0],
    ["t1", SCARD_PROTOCOL_T1],
    ["raw", SCARD_PROTOCOL_RAW],
    [undefined, 0],
  ] as const)("tells the active protocol: %s is %d", async (protocol, number) => {
    const { port, api, context } = await subsystem();
    port.protocol = protocol;
    const { card, activeProtocol } = await api.SCardConnect(context, READER, SCARD_SHARE_DIRECT, 0);
    expect(activeProtocol).toBe(number);
    expect(await api.SCardReconnect(card, SCARD_SHARE_DIRECT, 0, SCARD_UNPOWER_CARD)).toEqual({
      activeProtocol: number,
    });
    expect(port.take().at(-1)).toEqual([
      "reconnect",
      { shareMode: "direct", preferredProtocols: [], initialization: "unpower" },
    ]);
  });

  it("lets the port's refusal through, and leaves nothing in the table", async () => {
    const { port, api, context } = await subsystem();
    port.failure = new SmartCardError("sharing-violation", "another program has it");
    const connecting = api.SCardConnect(context, READER, SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_T1);
    await expect(connecting).rejects.toMatchObject({ rv: winscard.SCARD_E_SHARING_VIOLATION });
    expect(api.openHandles.cards).toBe(0);
  });
});

describe("SCardDisconnect", () => {
  it.each([
    [SCARD_LEAVE_CARD, "leave"],
    [SCARD_RESET_CARD, "reset"],
    [SCARD_UNPOWER_CARD, "unpower"],
    [SCARD_EJECT_CARD, "eject"],
  ])("%d is %s, here and at the end of a transaction", async (disposition, term) => {
    const { port, api, card } = await connected();
    await api.SCardEndTransaction(card, disposition);
    await api.SCardDisconnect(card, disposition);
    expect(port.take()).toEqual([
      ["end", term],
      ["disconnect", term],
    ]);
  });

  it("ends the handle even where the card cannot be disposed of", async () => {
    const { port, api, card } = await connected();
    port.failure = new SmartCardError("cant-dispose", "the reader has no motor");
    await expect(api.SCardDisconnect(card, SCARD_EJECT_CARD)).rejects.toEqual(error("cant-dispose"));
    await expect(api.SCardStatus(card)).rejects.toEqual(error("invalid-handle"));
    expect(api.openHandles.cards).toBe(0);
  });
});

describe("SCardStatus", () => {
  it.each([
    ["unknown", 0],
    ["absent", 1],
    ["present", 2],
    ["swallowed", 3],
    ["powered", 4],
    ["negotiable", 5],
    ["specific", 6],
  ] as const)("counts states as Windows does: %s is %d", async (state, number) => {
    const { port, api, card } = await connected();
    port.state = state;
    port.protocol = state === "specific" ? "raw" : undefined;
    const protocol = state === "specific" ? 0x1_0000 : 0;
    expect(await api.SCardStatus(card)).toEqual({ readerNames: [READER], state: number, protocol, atr });
    expect(await api.SCardState(card)).toEqual({ state: number, protocol, atr });
  });
});

describe("SCardTransmit", () => {
  const command = Uint8Array.of(0x00, 0xa4, 0x04, 0x00);

  it.each([
    [SCARD_PCI_T0, "t0", 1],
    [SCARD_PCI_T1, "t1", 2],
    [SCARD_PCI_RAW, "raw", 0x1_0000],
    [null, undefined, 2],
  ])("send PCI %j asks the port for %s", async (pci, protocol, number) => {
    const { port, api, card } = await connected();
    const { response, recvPci } = await api.SCardTransmit(card, pci, command);
    expect(port.take()).toEqual([["transmit", [...command], { protocol }]]);
    expect([...response]).toEqual([0x90, 0x00]);
    expect(recvPci).toEqual({ protocol: number, pciLength: 8 });
  });

  it("refuses a PCI of no protocol before anything is sent", async () => {
    const { port, api, card } = await connected();
    for (const protocol of [0, 3, 4]) {
      const sending = api.SCardTransmit(card, { protocol, pciLength: 8 }, command);
      await expect(sending).rejects.toEqual(error("proto-mismatch"));
    }
    expect(port.take()).toEqual([]);
  });

  it("keeps to the room that the caller has, where it says so", async () => {
    const { port, api, card } = await connected();
    port.response = new Uint8Array(10);
    const { response } = await api.SCardTransmit(card, null, command, { maxResponseBytes: 10 });
    expect(response).toHaveLength(10);
    const sending = api.SCardTransmit(card, null, command, { maxResponseBytes: 9 });
    await expect(sending).rejects.toThrow("the answer has 10 bytes, more than the 9 that there is room for");
    port.take();
    const hopeless = api.SCardTransmit(card, null, command, { maxResponseBytes: 1 });
    await expect(hopeless).rejects.toEqual(error("insufficient-buffer"));
    expect(port.take()).toEqual([]);
  });

  it("returns the longest answer there is when nothing is said about room", async () => {
    const { port, api, card } = await connected();
    port.response = new Uint8Array(65_538);
    expect((await api.SCardTransmit(card, null, command)).response).toHaveLength(65_538);
  });
});

describe("direct access", () => {
  it("SCardControl passes the code on as it is, and null as no bytes", async () => {
    const { port, api, card } = await connected();
    const { output } = await api.SCardControl(card, winscard.CM_IOCTL_GET_FEATURE_REQUEST, null);
    await api.SCardControl(card, 0x4200_0001, Uint8Array.of(1, 2));
    await api.SCardControl(card, 0x8000_2000 | 0, atr);
    expect(port.take()).toEqual([
      ["control", 0x0031_3520, [], {}],
      ["control", 0x4200_0001, [1, 2], {}],
      ["control", 0x8000_2000, [...atr], {}],
    ]);
    expect([...output]).toEqual([0x90, 0x00]);
  });

  it("SCardGetAttrib and SCardSetAttrib pass number and value", async () => {
    const { port, api, card } = await connected();
    const { attribute } = await api.SCardGetAttrib(card, winscard.SCARD_ATTR_VENDOR_NAME);
    await api.SCardSetAttrib(card, winscard.SCARD_ATTR_SUPRESS_T1_IFS_REQUEST, Uint8Array.of(1));
    expect(port.take()).toEqual([
      ["getAttribute", 0x0001_0100, {}],
      ["setAttribute", 0x7fff_0007, [1], {}],
    ]);
    expect([...attribute]).toEqual([0x90, 0x00]);
    port.failure = new SmartCardError("not-supported", "no such thing");
    expect(await returned(api.SCardGetAttrib(card, 1))).toBe(winscard.ERROR_NOT_SUPPORTED);
  });

  it("SCardGetTransmitCount tells the count", async () => {
    const { api, card } = await connected();
    expect(await api.SCardGetTransmitCount(card)).toEqual({ transmitCount: 42 });
  });
});
