// SPDX-License-Identifier: MIT

// SmartCardResourceManager and SmartCardContext, step by step. Each test is named after the section of the draft and its step.

import { describe, expect, test } from "vitest";
import { createSmartCard, SmartCardConnection, SmartCardContext } from "../../src/entry/web.ts";
import { encodeReaderState, PNP_NOTIFICATION } from "../../src/port/index.ts";
import {
  another,
  invalidState,
  isPending,
  ScriptedPcsc,
  scriptedConnection,
  scriptedContext,
  someAtr,
} from "./scripted.ts";

const aborted = (reason: unknown): AbortSignal => {
  const controller = new AbortController();
  controller.abort(reason);
  return controller.signal;
};

describe("establishContext() method", () => {
  test("step 1: a document that is not allowed to use smart-card gets a SecurityError, and PC/SC is not asked", async () => {
    const pcsc = new ScriptedPcsc();
    const smartCard = createSmartCard({ manager: pcsc.manager, isAllowed: () => false });
    await expect(smartCard.establishContext()).rejects.toMatchObject({ name: "SecurityError" });
    expect(pcsc.calls).toEqual([]);
  });

  test("step 3.2: the scope is system", async () => {
    const pcsc = new ScriptedPcsc();
    await createSmartCard({ manager: pcsc.manager, isAllowed: () => true }).establishContext();
    expect(pcsc.calls).toEqual([["establishContext", { scope: "system" }]]);
  });

  test("step 3.3: a failure is the corresponding exception", async () => {
    const pcsc = new ScriptedPcsc();
    pcsc.fail("establishContext", "no-service");
    const failure = createSmartCard({ manager: pcsc.manager }).establishContext();
    await expect(failure).rejects.toMatchObject({ name: "SmartCardError", responseCode: "no-service" });
  });

  test("step 3.4: success gives a new SmartCardContext each time", async () => {
    const smartCard = createSmartCard({ manager: new ScriptedPcsc().manager });
    const [one, other] = await Promise.all([smartCard.establishContext(), smartCard.establishContext()]);
    expect(one).toBeInstanceOf(SmartCardContext);
    expect(one).not.toBe(other);
  });
});

describe("listReaders() method", () => {
  test("steps 2 and 3: one operation at a time", async () => {
    const { context, pcsc } = await scriptedContext();
    const held = pcsc.hold("listReaders");
    const first = context.listReaders();
    await expect(context.listReaders()).rejects.toMatchObject(invalidState);
    held.succeed();
    await first;
    expect(pcsc.names).toEqual(["listReaders"]);
  });

  test("step 4.7.1: afterwards none is in progress, also after a failure", async () => {
    const { context, pcsc } = await scriptedContext();
    pcsc.fail("listReaders", "comm-error");
    await expect(context.listReaders()).rejects.toMatchObject({ name: "UnknownError" });
    expect(await context.listReaders()).toEqual(["Desk"]);
  });

  test("step 4.7.2.1: no readers is an empty sequence", async () => {
    const { context, pcsc } = await scriptedContext();
    pcsc.fail("listReaders", "no-readers-available");
    expect(await context.listReaders()).toEqual([]);
  });

  test("step 4.7.2.2: another code is its exception", async () => {
    const { context, pcsc } = await scriptedContext();
    pcsc.fail("listReaders", "server-too-busy");
    await expect(context.listReaders()).rejects.toMatchObject({ responseCode: "server-too-busy" });
  });

  test("step 4.7.3: the names of the readers", async () => {
    const { context, pcsc } = await scriptedContext();
    pcsc.give("listReaders", () => ["A", "B"]);
    expect(await context.listReaders()).toEqual(["A", "B"]);
  });
});

const asked = [{ readerName: "Desk", currentState: {} }];

describe("getStatusChange() method", () => {
  test("step 2: not while an operation is in progress, also where the signal is aborted", async () => {
    const { context, pcsc } = await scriptedContext();
    const held = pcsc.hold("listReaders");
    const first = context.listReaders();
    const second = context.getStatusChange(asked, { signal: aborted("reason") });
    await expect(second).rejects.toMatchObject(invalidState);
    held.succeed();
    await first;
  });

  test("step 3.2: a signal that is aborted rejects with its reason, and nothing is asked", async () => {
    const { context, pcsc } = await scriptedContext();
    await expect(context.getStatusChange(asked, { signal: aborted("my reason") })).rejects.toBe("my reason");
    expect(pcsc.calls).toEqual([]);
    expect(await context.listReaders()).toEqual(["Desk"]);
  });

  test("steps 3.4 and 9.3.5.1: aborted while it waits, it is rejected with the reason of the signal", async () => {
    const { context, pcsc } = await scriptedContext();
    pcsc.hold("getStatusChange");
    const controller = new AbortController();
    const waiting = context.getStatusChange(asked, { signal: controller.signal });
    controller.abort("my reason");
    await expect(waiting).rejects.toBe("my reason");
    expect(await context.listReaders()).toEqual(["Desk"]);
  });

  test("step 9.3.5: success counts, also where the signal was aborted meanwhile", async () => {
    const { context, pcsc } = await scriptedContext();
    const controller = new AbortController();
    pcsc.give("getStatusChange", () => {
      controller.abort();
      return [];
    });
    expect(await context.getStatusChange(asked, { signal: controller.signal })).toEqual([]);
  });

  test("step 9.3.5.2: cancelled without the signal is an UnknownError", async () => {
    const { context, pcsc } = await scriptedContext();
    pcsc.fail("getStatusChange", "cancelled");
    await expect(context.getStatusChange(asked)).rejects.toMatchObject({ name: "UnknownError" });
  });

  test("step 4: without a timeout the wait is infinite", async () => {
    const { context, pcsc } = await scriptedContext();
    await context.getStatusChange(asked);
    expect(pcsc.calls).toEqual([["getStatusChange", [{ reader: "Desk", flags: {}, eventCount: 0 }], {}]]);
  });

  test.each([
    [0, 0],
    [1500.9, 1500],
    [-1, 0],
    [0xffff_fffe, 0x7fff_ffff],
  ])("step 5: the timeout %d is %d milliseconds", async (timeout, timeoutMs) => {
    const { context, pcsc } = await scriptedContext();
    await context.getStatusChange(asked, { timeout });
    expect(pcsc.calls[0]?.[2]).toEqual({ timeoutMs });
  });

  test.each([0xffff_ffff, 1e300])("step 5: the timeout %d is INFINITE", async (timeout) => {
    const { context, pcsc } = await scriptedContext();
    await context.getStatusChange(asked, { timeout });
    expect(pcsc.calls[0]?.[2]).toEqual({});
  });

  test("step 9.3.5.2: a timeout that has passed is an UnknownError; its cause says more", async () => {
    const { context, pcsc } = await scriptedContext();
    pcsc.fail("getStatusChange", "timeout");
    const failure = context.getStatusChange(asked, { timeout: 1 });
    await expect(failure).rejects.toMatchObject({ name: "UnknownError", cause: { code: "timeout" } });
  });

  test("step 7: an operation is in progress while it waits", async () => {
    const { context, pcsc } = await scriptedContext();
    const held = pcsc.hold("getStatusChange");
    const waiting = context.getStatusChange(asked);
    await expect(context.connect("Desk", "shared")).rejects.toMatchObject(invalidState);
    held.succeed();
    await waiting;
  });

  test("SmartCardReaderStateIn dictionary and SmartCardReaderStateFlagsIn dictionary (corresponding): each flag, and the count", async () => {
    const flags = ["ignore", "unavailable", "empty", "present", "exclusive", "inuse", "mute", "unpowered"] as const;
    for (const flag of flags) {
      const { context, pcsc } = await scriptedContext();
      await context.getStatusChange([
        { readerName: "Desk", currentState: { unaware: true, [flag]: true }, currentCount: 7 },
      ]);
      expect(pcsc.calls[0]?.[1]).toEqual([{ reader: "Desk", flags: { [flag]: true }, eventCount: 7 }]);
    }
  });

  test("set the high word: only 16 bits of the count stay", async () => {
    const { context, pcsc } = await scriptedContext();
    await context.getStatusChange([{ readerName: PNP_NOTIFICATION, currentState: {}, currentCount: 0x5_0007 }]);
    expect(pcsc.calls[0]?.[1]).toEqual([{ reader: PNP_NOTIFICATION, flags: {}, eventCount: 7 }]);
  });

  test("SmartCardReaderStateOut dictionary (corresponding): all flags, the count and the ATR", async () => {
    const { context, pcsc } = await scriptedContext();
    const flags = { changed: true, present: true, inuse: true } as const;
    pcsc.give("getStatusChange", () => [
      { reader: "Desk", flags, eventCount: 3, atr: someAtr },
      { reader: "Other", flags: { unknown: true }, eventCount: 0x5_0000, atr: new Uint8Array() },
    ]);
    expect(encodeReaderState(flags, 3)).toBe(0x0003_0122);
    const none = {
      ignore: false,
      changed: false,
      unavailable: false,
      unknown: false,
      empty: false,
      present: false,
      exclusive: false,
      inuse: false,
      mute: false,
      unpowered: false,
    };
    const states = await context.getStatusChange(asked);
    expect(states).toEqual([
      { readerName: "Desk", eventState: { ...none, ...flags }, eventCount: 3, answerToReset: someAtr.buffer },
      { readerName: "Other", eventState: { ...none, unknown: true }, eventCount: 0, answerToReset: new ArrayBuffer(0) },
    ]);
    expect(states[0]?.answerToReset).toBeInstanceOf(ArrayBuffer);
  });
});

describe("connect() method", () => {
  test("step 2: not while an operation is in progress", async () => {
    const { context, pcsc } = await scriptedContext();
    const held = pcsc.hold("connect");
    const first = context.connect("Desk", "shared", { preferredProtocols: ["t1"] });
    await expect(context.connect("Other", "shared")).rejects.toMatchObject(invalidState);
    held.succeed();
    await first;
  });

  test("step 3: not to a reader that this context is in a transaction with; to another it may", async () => {
    const { connection, context } = await scriptedConnection();
    await connection.startTransaction(async () => {
      await expect(context.connect("Desk", "shared")).rejects.toMatchObject(invalidState);
      await another(context, "Other");
      return "leave";
    });
    await another(context);
  });

  test("step 3: names are compared as the manager does, without regard to case", async () => {
    const { connection, context } = await scriptedConnection();
    await connection.startTransaction(async () => {
      await expect(context.connect("desk", "shared")).rejects.toMatchObject(invalidState);
      return "leave";
    });
  });

  test.each(["shared", "exclusive", "direct"] as const)("step 5.1: the access mode %s", async (accessMode) => {
    const { context, pcsc } = await scriptedContext();
    await context.connect("Desk", accessMode, { preferredProtocols: ["t0"] });
    expect(pcsc.calls).toEqual([["connect", "Desk", { shareMode: accessMode, preferredProtocols: ["t0"] }]]);
  });

  test("steps 5.2 and 5.3: protocols are flags, and none is 0", async () => {
    const { context, pcsc } = await scriptedContext();
    await context.connect("Desk", "direct", { preferredProtocols: ["t1", "raw", "t1", "t0"] });
    await context.connect("Desk", "direct");
    expect(pcsc.calls.map(([, , options]) => options)).toMatchObject([
      { preferredProtocols: ["t1", "raw", "t0"] },
      { preferredProtocols: [] },
    ]);
  });

  test("step 5.8.2: a failure is the corresponding exception, and no operation is in progress", async () => {
    const { context, pcsc } = await scriptedContext();
    pcsc.fail("connect", "no-smartcard");
    await expect(context.connect("Desk", "shared")).rejects.toMatchObject({ responseCode: "no-smartcard" });
    await another(context);
  });

  test.each(["t0", "t1", "raw"] as const)("step 5.8.11: the active protocol %s", async (protocol) => {
    const { context, pcsc } = await scriptedContext();
    pcsc.protocol = protocol;
    const result = await context.connect("Desk", "shared", { preferredProtocols: [protocol] });
    expect(result.connection).toBeInstanceOf(SmartCardConnection);
    expect(result.activeProtocol).toBe(protocol);
  });

  test.each([undefined, "t15"] as const)("step 5.8.11: the protocol %s has no value", async (protocol) => {
    const { context, pcsc } = await scriptedContext();
    pcsc.protocol = protocol;
    expect(Object.keys(await context.connect("Desk", "direct"))).toEqual(["connection"]);
  });

  test("User Consent: without permission it is a NotAllowedError, and the reader is not asked", async () => {
    const readers: string[] = [];
    const askPermission = async (reader: string): Promise<boolean> => readers.push(reader) > 1;
    const { context, pcsc } = await scriptedContext({ askPermission });
    await expect(context.connect("Desk", "shared")).rejects.toMatchObject({ name: "NotAllowedError" });
    expect(pcsc.calls).toEqual([]);
    await another(context);
    expect(readers).toEqual(["Desk", "Desk"]);
  });

  test("User Consent: an operation is in progress while the user is asked", async () => {
    let answer = (_granted: boolean): void => {};
    const askPermission = (): Promise<boolean> => new Promise((resolve) => (answer = resolve));
    const { context } = await scriptedContext({ askPermission });
    const connecting = another(context);
    expect(await isPending(connecting)).toBe(true);
    await expect(context.listReaders()).rejects.toMatchObject(invalidState);
    answer(true);
    await connecting;
  });
});
