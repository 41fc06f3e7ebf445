// SPDX-License-Identifier: MIT

// SmartCardConnection, step by step. Each test is named after the section of the draft and its step.

import { describe, expect, test } from "vitest";
import type { ExtendedSmartCardConnection } from "../../src/entry/web.ts";
import type { CardState, Protocol } from "../../src/port/index.ts";
import { another, invalidState, scriptedConnection, scriptedContext, someAtr } from "./scripted.ts";

const command = Uint8Array.of(0x00, 0xa4, 0x04, 0x00);

/** Each method, how it is called, and the call of PC/SC that it makes. */
const methods: readonly [string, (connection: ExtendedSmartCardConnection) => Promise<unknown>, string][] = [
  ["disconnect", (connection) => connection.disconnect(), "disconnect"],
  ["transmit", (connection) => connection.transmit(command), "transmit"],
  ["startTransaction", (connection) => connection.startTransaction(async () => "leave"), "beginTransaction"],
  ["status", (connection) => connection.status(), "status"],
  ["control", (connection) => connection.control(1, new Uint8Array()), "control"],
  ["getAttribute", (connection) => connection.getAttribute(1), "getAttribute"],
  ["setAttribute", (connection) => connection.setAttribute(1, new Uint8Array()), "setAttribute"],
];

describe.each(methods)("%s() method", (name, call, pcscCall) => {
  test("step 2: not while an operation of the context is in progress", async () => {
    const { connection, context, pcsc } = await scriptedConnection();
    const held = pcsc.hold("listReaders");
    const first = context.listReaders();
    await expect(call(connection)).rejects.toMatchObject(invalidState);
    held.succeed();
    await first;
    expect(pcsc.names).toEqual(["listReaders"]);
  });

  test("step 3: not while another connection of the context is in a transaction with the reader", async () => {
    const { connection, context, pcsc } = await scriptedConnection();
    const other = await another(context);
    await other.startTransaction(async () => {
      await expect(call(connection)).rejects.toMatchObject(invalidState);
      return "leave";
    });
    expect(pcsc.names).toEqual(["connect", "beginTransaction", "endTransaction"]);
    // Afterwards it is as before.
    await call(connection);
  });

  test("step 3: a transaction with another reader does not matter", async () => {
    const { connection, context } = await scriptedConnection();
    const other = await another(context, "Other");
    await other.startTransaction(async () => {
      await call(connection);
      return "leave";
    });
  });

  test("step 4: not after disconnect()", async () => {
    const { connection, pcsc } = await scriptedConnection();
    await connection.disconnect();
    await expect(call(connection)).rejects.toMatchObject(invalidState);
    expect(pcsc.names).toEqual(["disconnect"]);
  });

  test("an operation is in progress while it lasts", async () => {
    const { connection, context, pcsc } = await scriptedConnection();
    const held = pcsc.hold(pcscCall);
    const first = call(connection);
    await expect(context.listReaders()).rejects.toMatchObject(invalidState);
    held.succeed();
    await first;
    expect(await context.listReaders()).toEqual(["Desk"]);
  });

  test("a failure is the corresponding exception, and no operation is in progress", async () => {
    const { connection, context, pcsc } = await scriptedConnection();
    pcsc.fail(pcscCall, "removed-card");
    await expect(call(connection)).rejects.toMatchObject({ name: "SmartCardError", responseCode: "removed-card" });
    expect(await context.listReaders()).toEqual(["Desk"]);
  });

  test("the connection in a transaction may call it itself, but for startTransaction", async () => {
    const { connection } = await scriptedConnection();
    const outcome = connection.startTransaction(async () => {
      if (name === "startTransaction") await expect(call(connection)).rejects.toMatchObject(invalidState);
      else await call(connection);
      return "leave";
    });
    if (name === "disconnect") await expect(outcome).rejects.toMatchObject(invalidState);
    else expect(await outcome).toBeUndefined();
  });
});

describe("disconnect() method", () => {
  test.each([
    [undefined, "leave"],
    ["leave", "leave"],
    ["reset", "reset"],
    ["unpower", "unpower"],
    ["eject", "eject"],
  ] as const)("step 6.1: the disposition %s is %s", async (given, disposition) => {
    const { connection, pcsc } = await scriptedConnection();
    expect(await connection.disconnect(given)).toBeUndefined();
    expect(pcsc.calls).toEqual([["disconnect", disposition]]);
  });

  test("step 6.3.2: after a failure the connection is still there", async () => {
    const { connection, pcsc } = await scriptedConnection();
    pcsc.fail("disconnect", "cant-dispose");
    await expect(connection.disconnect("eject")).rejects.toMatchObject({ name: "UnknownError" });
    await connection.disconnect();
    expect(pcsc.names).toEqual(["disconnect", "disconnect"]);
  });
});

describe("transmit() method", () => {
  test("step 5: the active protocol", async () => {
    const { connection, pcsc } = await scriptedConnection();
    await connection.transmit(command);
    expect(pcsc.calls).toEqual([["transmit", command, { protocol: "t1" }]]);
  });

  test.each(["t0", "t1", "raw"] as const)(
    "steps 6 and 9: the protocol %s that is named is the one of the header",
    async (protocol) => {
      const { connection, pcsc } = await scriptedConnection();
      await connection.transmit(command, { protocol });
      expect(pcsc.calls).toEqual([["transmit", command, { protocol }]]);
    },
  );

  test("step 7: without a protocol it is refused, unless one is named", async () => {
    const { context, pcsc } = await scriptedContext();
    pcsc.protocol = undefined;
    const { connection } = await context.connect("Desk", "direct");
    await expect(connection.transmit(command)).rejects.toMatchObject(invalidState);
    // No operation is in progress.
    await connection.transmit(command, { protocol: "t0" });
    expect(pcsc.names).toEqual(["connect", "transmit"]);
  });

  test("step 10: bytes of any BufferSource, as they were when it was called", async () => {
    const memory = Uint8Array.of(9, 0x00, 0xa4, 0x04, 0x00, 9);
    const view = new DataView(memory.buffer, 1, 4);
    for (const source of [memory.subarray(1, 5), view, Uint16Array.of(0xa400, 0x0004), memory.buffer.slice(1, 5)]) {
      const { connection, pcsc } = await scriptedConnection();
      const sent = connection.transmit(source);
      await sent;
      expect(pcsc.calls[0]?.[1]).toEqual(command);
    }
    const { connection, pcsc } = await scriptedConnection();
    const changed = command.slice();
    const sent = connection.transmit(changed);
    changed.fill(0xff);
    await sent;
    expect(pcsc.calls[0]?.[1]).toEqual(command);
  });

  test("step 10: the copy is cleared when it was sent; it may be a PIN", async () => {
    const { connection, pcsc } = await scriptedConnection();
    let copy: Uint8Array | undefined;
    pcsc.give("transmit", (sent: Uint8Array) => {
      copy = sent;
      return Uint8Array.of(0x90, 0x00);
    });
    await connection.transmit(command);
    expect(copy).toEqual(new Uint8Array(4));
    expect(command[1]).toBe(0xa4);
  });

  test("step 14.3.3: an ArrayBuffer with just the answer", async () => {
    const { connection, pcsc } = await scriptedConnection();
    pcsc.give("transmit", () => Uint8Array.of(9, 0x61, 0x05, 9).subarray(1, 3));
    const answer = await connection.transmit(command);
    expect(answer).toBeInstanceOf(ArrayBuffer);
    expect([...new Uint8Array(answer)]).toEqual([0x61, 0x05]);
  });

  test("a command of a wrong length is SCARD_E_INVALID_PARAMETER, a TypeError", async () => {
    const { connection, pcsc } = await scriptedConnection();
    pcsc.fail("transmit", "invalid-parameter");
    await expect(connection.transmit(new Uint8Array())).rejects.toThrow(TypeError);
  });
});

describe("status() method", () => {
  test("steps 6.7.5 to 6.7.9: reader, state and ATR", async () => {
    const { connection } = await scriptedConnection();
    const status = await connection.status();
    expect(status).toEqual({ readerName: "Desk", state: "t1", answerToReset: someAtr.buffer });
    expect(status.answerToReset).toBeInstanceOf(ArrayBuffer);
  });

  test("step 6.7.8: without an ATR the ArrayBuffer is empty", async () => {
    const { connection, pcsc } = await scriptedConnection();
    pcsc.give("status", () => ({ reader: "Desk", state: "absent", protocol: undefined, atr: new Uint8Array() }));
    expect(await connection.status()).toEqual({
      readerName: "Desk",
      state: "absent",
      answerToReset: new ArrayBuffer(0),
    });
  });

  test.each([
    ["absent", undefined, "absent"],
    ["present", "t0", "present"],
    ["swallowed", undefined, "swallowed"],
    ["powered", undefined, "powered"],
    ["negotiable", undefined, "negotiable"],
    ["specific", "t0", "t0"],
    ["specific", "t1", "t1"],
    ["specific", "raw", "raw"],
  ] as const)("SmartCardConnectionState enum (corresponding): %s with %s is %s", async (state, protocol, expected) => {
    const { connection, pcsc } = await scriptedConnection();
    pcsc.give("status", () => ({ reader: "Desk", state, protocol, atr: someAtr }));
    expect((await connection.status()).state).toBe(expected);
  });

  test.each<[CardState, Protocol | undefined]>([
    ["unknown", undefined],
    ["specific", undefined],
    ["specific", "t15"],
  ])("step 6.7.4: %s with %s has no value, an UnknownError", async (state, protocol) => {
    const { connection, context, pcsc } = await scriptedConnection();
    pcsc.give("status", () => ({ reader: "Desk", state, protocol, atr: someAtr }));
    await expect(connection.status()).rejects.toMatchObject({ name: "UnknownError" });
    await context.listReaders();
  });
});

describe("control() method", () => {
  test("steps 6, 7 and 10: the code, and a copy of the bytes", async () => {
    const { connection, pcsc } = await scriptedConnection();
    const data = Uint8Array.of(1, 2, 3);
    const sent = connection.control(0x42000d48, data);
    data.fill(0);
    const answer = await sent;
    expect(pcsc.calls).toEqual([["control", 0x42000d48, Uint8Array.of(1, 2, 3), {}]]);
    expect(answer).toBeInstanceOf(ArrayBuffer);
    expect([...new Uint8Array(answer)]).toEqual([1, 2]);
  });

  test.each([
    [0xffff_ffff, 0xffff_ffff],
    [1.9, 1],
    ["0x10", 16],
    [null, 0],
    [-0.5, 0],
    [true, 1],
  ])("[EnforceRange]: %s is %d", async (given, code) => {
    const { connection, pcsc } = await scriptedConnection();
    await connection.control(given as number, new ArrayBuffer(0));
    expect(pcsc.calls[0]?.[1]).toBe(code);
    expect(Object.is(pcsc.calls[0]?.[1], -0)).toBe(false);
  });

  test.each([-1, 0x1_0000_0000, Number.NaN, Number.POSITIVE_INFINITY, 1n, Symbol("one"), "one", {}, undefined])(
    "[EnforceRange]: %s is a TypeError, and nothing is sent",
    async (given) => {
      const { connection, pcsc } = await scriptedConnection();
      await expect(connection.control(given as number, new Uint8Array())).rejects.toThrow(TypeError);
      await expect(connection.getAttribute(given as number)).rejects.toThrow(TypeError);
      await expect(connection.setAttribute(given as number, new Uint8Array())).rejects.toThrow(TypeError);
      expect(pcsc.calls).toEqual([]);
    },
  );
});

describe("getAttribute() method", () => {
  test("steps 6.1 to 6.5.4: the tag, and the bytes of the attribute", async () => {
    const { connection, pcsc } = await scriptedConnection();
    const answer = await connection.getAttribute(0x0001_0100);
    expect(pcsc.calls).toEqual([["getAttribute", 0x0001_0100, {}]]);
    expect(answer).toBeInstanceOf(ArrayBuffer);
    expect([...new Uint8Array(answer)]).toEqual([3, 4]);
  });

  test("an attribute that the reader does not have is unsupported-feature, as with pcsc-lite", async () => {
    const { connection, pcsc } = await scriptedConnection();
    pcsc.fail("getAttribute", "not-supported");
    await expect(connection.getAttribute(1)).rejects.toMatchObject({ responseCode: "unsupported-feature" });
  });
});

describe("setAttribute() method", () => {
  test("steps 6 to 8: the tag and a copy of the value; it gives undefined", async () => {
    const { connection, pcsc } = await scriptedConnection();
    const value = Uint8Array.of(5, 6);
    const set = connection.setAttribute(0x0001_0100, value);
    value.fill(0);
    expect(await set).toBeUndefined();
    expect(pcsc.calls).toEqual([["setAttribute", 0x0001_0100, Uint8Array.of(5, 6), {}]]);
  });
});
