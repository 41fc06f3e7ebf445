// SPDX-License-Identifier: MIT

// SmartCardEmulation of the Chrome DevTools Protocol, answered from a manager: by the definition of the domain, since no browser that
// is at hand has it.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { VirtualReader } from "../../src/entry/cards.ts";
import { embeddedManager, softwareCard } from "../../src/entry/software.ts";
import { createSmartCard, polyfillSmartCard, SmartCardEmulation } from "../../src/entry/web.ts";
import type { EmbeddedManager } from "../../src/managers/embedded/index.ts";
import { nodeClock } from "../../src/platform/node/runtime/index.ts";
import { type ErrorCode, errorCodes } from "../../src/port/index.ts";
import { ChromeModel, domain } from "./chrome-model.ts";
import { loadSample } from "./samples/index.ts";
import { ScriptedPcsc } from "./scripted.ts";

let manager: EmbeddedManager;
let reader: VirtualReader;
let chrome: ChromeModel;
let emulation: SmartCardEmulation;

beforeEach(async () => {
  manager = embeddedManager({ profile: "pcsclite" });
  reader = new VirtualReader({ clock: nodeClock, name: "Desk" });
  reader.insert(await softwareCard("demo"));
  await manager.addReader(reader);
  chrome = new ChromeModel();
  emulation = new SmartCardEmulation({ session: chrome, manager });
  await emulation.enable();
});
afterEach(async () => {
  await emulation.disable();
  expect(chrome.faults).toEqual([]);
  expect([chrome.isEnabled, chrome.listening]).toEqual([false, 0]);
  await manager.close();
});

async function connected(): Promise<{ readonly contextId: unknown; readonly handle: unknown }> {
  const { contextId } = await chrome.request("establishContextRequested");
  const preferredProtocols = { t0: true, t1: true };
  const { handle } = await chrome.request("connectRequested", {
    ...{ contextId, reader: "Desk", shareMode: "shared", preferredProtocols },
  });
  return { contextId, handle };
}

describe("SmartCardEmulation", () => {
  test("listens to every event of the domain", () => {
    expect(chrome.listening).toBe(Object.keys(domain.events).length);
    expect(chrome.isEnabled).toBe(true);
  });

  test("the samples run in a browser whose PC/SC it is, and every event is answered", async () => {
    const { uninstall } = polyfillSmartCard(createSmartCard({ manager: chrome.manager }));
    try {
      const lines: string[] = [];
      for (const name of ["transmit", "transaction"] as const)
        await (await loadSample(name))((line) => lines.push(line));
      expect(lines).toContain("answer: 90 00");
      expect(lines.at(-1)).toBe("RangeError: the callback has failed");
    } finally {
      uninstall();
    }
    const context = await createSmartCard({ manager: chrome.manager }).establishContext();
    const [state] = await context.getStatusChange([{ readerName: "Desk", currentState: {} }]);
    expect(state).toMatchObject({ readerName: "Desk", eventState: { present: true, changed: true } });
    const { connection } = await context.connect("Desk", "direct", { preferredProtocols: ["t1"] });
    expect(new TextDecoder().decode(await connection.getAttribute(0x0001_0100))).toContain("scard");
    await expect(connection.setAttribute(0x0001_0100, Uint8Array.of(1))).rejects.toMatchObject({ name: /Error$/ });
    await expect(connection.control(0x0031_2000, new Uint8Array())).rejects.toMatchObject({
      responseCode: "unsupported-feature",
    });
    expect((await connection.status()).state).toBeDefined();
    await context[Symbol.asyncDispose]();
    const events = new Set(chrome.lines.map((line) => line.split(" ")[0]));
    expect([...events].sort()).toEqual(Object.keys(domain.events).sort());
  });

  test("a request is answered once, by the command for its result", async () => {
    const { contextId, handle } = await connected();
    const answers = [
      await chrome.request("listReadersRequested", { contextId }),
      await chrome.request("transmitRequested", { handle, data: "AKQADAI/AA==" }),
      await chrome.request("beginTransactionRequested", { handle }),
      await chrome.request("endTransactionRequested", { handle, disposition: "leave-card" }),
      await chrome.request("statusRequested", { handle }),
      await chrome.request("disconnectRequested", { handle, disposition: "reset-card" }),
      await chrome.request("releaseContextRequested", { contextId }),
    ];
    expect(answers).toMatchObject([
      { command: "reportListReadersResult", readers: ["Desk"] },
      { command: "reportDataResult", data: "kAA=" },
      { command: "reportBeginTransactionResult", handle },
      { command: "reportPlainResult" },
      { command: "reportStatusResult", readerName: "Desk", state: "specific", protocol: "t1" },
      { command: "reportPlainResult" },
      { command: "reportReleaseContextResult" },
    ]);
  });

  test("a wait ends with cancelRequested, and with its timeout", async () => {
    const { contextId } = await chrome.request("establishContextRequested");
    const unaware = [{ reader: "Desk", currentState: { unaware: true }, currentInsertionCount: 0 }];
    const now = await chrome.request("getStatusChangeRequested", { contextId, readerStates: unaware });
    const [{ eventCount: currentInsertionCount }] = now.readerStates as [{ readonly eventCount: number }];
    const readerStates = [{ reader: "Desk", currentState: { present: true }, currentInsertionCount }];
    const waiting = chrome.request("getStatusChangeRequested", { contextId, readerStates });
    expect(await chrome.request("cancelRequested", { contextId })).toMatchObject({ command: "reportPlainResult" });
    expect(await waiting).toMatchObject({ command: "reportError", resultCode: "cancelled" });
    const late = chrome.request("getStatusChangeRequested", { contextId, readerStates, timeout: 1 });
    expect(await late).toMatchObject({ resultCode: "timeout" });
    const removed = chrome.request("getStatusChangeRequested", { contextId, readerStates });
    reader.remove();
    expect(await removed).toMatchObject({
      readerStates: [{ reader: "Desk", eventState: { changed: true, empty: true }, atr: "" }],
    });
  });

  test("numbers that were not given out, and what was ended, are invalid-handle", async () => {
    const { contextId, handle } = await connected();
    await chrome.request("releaseContextRequested", { contextId });
    const requests: [string, object][] = [
      ["listReadersRequested", { contextId }],
      ["cancelRequested", { contextId: 99 }],
      ["statusRequested", { handle }],
      ["transmitRequested", { handle: 99, data: "" }],
      ["endTransactionRequested", { handle: -1, disposition: "leave-card" }],
    ];
    for (const [event, parameters] of requests) {
      expect(await chrome.request(event, parameters as never)).toMatchObject({ resultCode: "invalid-handle" });
    }
  });

  test("without a reader it is no-readers-available", async () => {
    const empty = new ChromeModel();
    const other = new SmartCardEmulation({ session: empty, manager: embeddedManager() });
    await other.enable();
    const { contextId } = await empty.request("establishContextRequested");
    expect(await empty.request("listReadersRequested", { contextId })).toMatchObject({
      resultCode: "no-readers-available",
    });
    await other[Symbol.asyncDispose]();
    expect(empty.faults).toEqual([]);
  });

  test.each(Object.keys(errorCodes) as ErrorCode[])(
    "the failure %s has a result code of the protocol",
    async (code) => {
      const pcsc = new ScriptedPcsc();
      pcsc.fail("establishContext", code);
      const model = new ChromeModel();
      const other = new SmartCardEmulation({ session: model, manager: pcsc.manager });
      await other.enable();
      const { resultCode } = await model.request("establishContextRequested");
      const values = domain.types.ResultCode as readonly string[];
      expect(values).toContain(resultCode);
      if (values.includes(code)) expect(resultCode).toBe(code);
      await other.disable();
      expect(model.faults).toEqual([]);
    },
  );

  test("a browser without the domain rejects enable, and nothing listens to it", async () => {
    const model = new ChromeModel();
    model.send = () => Promise.reject(new Error("-32601: 'SmartCardEmulation.enable' wasn't found"));
    await expect(new SmartCardEmulation({ session: model, manager }).enable()).rejects.toThrow("-32601");
    expect(model.listening).toBe(0);
  });

  test("disable ends transactions, and an answer that the browser does not take is logged", async () => {
    const errors: unknown[] = [];
    const model = new ChromeModel();
    const other = new SmartCardEmulation({ session: model, manager, log: (error) => errors.push(error) });
    await other.enable();
    const { contextId } = await model.request("establishContextRequested");
    const terms = { contextId, reader: "Desk", shareMode: "exclusive", preferredProtocols: { t1: true } };
    const { handle } = await model.request("connectRequested", terms);
    await model.request("beginTransactionRequested", { handle });
    await other.disable();
    await other.disable();
    const { handle: free } = await connected();
    expect(await chrome.request("transmitRequested", { handle: free, data: "AKQADAI/AA==" })).toMatchObject({
      data: "kAA=",
    });
    model.send = () => Promise.reject(new Error("the browser has closed"));
    await other.enable().catch((error: unknown) => errors.push(error));
    expect(errors).toHaveLength(1);
  });

  test("data that are not base64 are invalid-parameter, and a message does not repeat them", async () => {
    const { handle } = await connected();
    const before = chrome.faults.length;
    expect(await chrome.request("transmitRequested", { handle, data: "00200080?" })).toMatchObject({
      resultCode: "invalid-parameter",
    });
    // The model has seen the wrong event, too.
    expect(chrome.faults.splice(before)).toEqual(["transmitRequested.data is no base64"]);
  });

  test("many requests at once are answered each for itself", async () => {
    const { contextId, handle } = await connected();
    const answers = await Promise.all([
      ...Array.from({ length: 20 }, () => chrome.request("transmitRequested", { handle, data: "AKQADAI/AA==" })),
      ...Array.from({ length: 20 }, () => chrome.request("listReadersRequested", { contextId })),
    ]);
    expect(new Set(answers.map(({ requestId }) => requestId)).size).toBe(40);
  });
});
