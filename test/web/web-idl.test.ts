// SPDX-License-Identifier: MIT

// What scripts pass, as Web IDL converts it; and the interfaces as scripts see them, held against the IDL of the draft.

import { describe, expect, test } from "vitest";
import {
  createSmartCard,
  SmartCardConnection,
  SmartCardContext,
  SmartCardError,
  SmartCardResourceManager,
} from "../../src/entry/web.ts";
import { idl } from "./declarations.ts";
import { invalidState, ScriptedPcsc, scriptedConnection, scriptedContext } from "./scripted.ts";

const interfaces: Readonly<Record<string, { readonly prototype: object }>> = {
  SmartCardResourceManager,
  SmartCardContext,
  SmartCardConnection,
  SmartCardError,
};
const declared = idl.flatMap((one) => (one.type === "interface" && !("partial" in one && one.partial) ? [one] : []));

describe.each(declared.map((one) => [one.name, one] as const))("%s", (name, { members }) => {
  const object = interfaces[name] as { readonly prototype: object; readonly name: string };
  const operations = members.flatMap((one) => (one.type === "operation" ? [one] : []));
  const attributes = members.flatMap((one) => (one.type === "attribute" ? [one] : []));

  test("has the members of the IDL, and no other that can be enumerated", () => {
    const expected = [...operations, ...attributes].map((one) => one.name);
    expect(Object.keys(object.prototype).sort()).toEqual(expected.sort());
  });

  test("has its name, and each operation the number of its arguments", () => {
    expect(object.name).toBe(name);
    expect(Object.prototype.toString.call(object.prototype)).toBe(`[object ${name}]`);
    const prototype = object.prototype as Readonly<Record<string, { readonly length: number; readonly name: string }>>;
    for (const operation of operations) {
      const method = prototype[operation.name ?? ""];
      const needed = operation.arguments.filter((one) => !one.optional).length;
      expect([method?.name, method?.length]).toEqual([operation.name, needed]);
    }
  });

  test("is constructed by scripts only where the IDL has a constructor", () => {
    const isConstructible = members.some((one) => one.type === "constructor");
    expect(isConstructible).toBe(name === "SmartCardError");
    if (isConstructible) return;
    const construct = object as unknown as new (...given: unknown[]) => object;
    expect(() => new construct()).toThrow(new TypeError("Illegal constructor"));
    expect(() => new construct(Symbol("construction"), {}, {})).toThrow(TypeError);
  });
});

test("operations on another object are rejected, not thrown", async () => {
  const other = { ...(await scriptedContext()), smartCard: createSmartCard({ manager: new ScriptedPcsc().manager }) };
  for (const { name, members } of declared) {
    if (name === "SmartCardError") continue;
    const prototype = interfaces[name]?.prototype as Readonly<
      Record<string, (...given: unknown[]) => Promise<unknown>>
    >;
    for (const member of members) {
      if (member.type !== "operation") continue;
      const bytes = new Uint8Array();
      for (const receiver of [{}, name === "SmartCardContext" ? other.smartCard : other.context]) {
        const call = (): unknown => prototype[member.name ?? ""]?.call(receiver, bytes, bytes);
        await expect(call()).rejects.toThrow(TypeError);
      }
    }
  }
});

describe("arguments", () => {
  test("too few are a TypeError", async () => {
    const { connection, context } = await scriptedConnection();
    const calls: [object, string, number][] = [
      [context, "getStatusChange", 1],
      [context, "connect", 2],
      [connection, "transmit", 1],
      [connection, "startTransaction", 1],
      [connection, "control", 2],
      [connection, "getAttribute", 1],
      [connection, "setAttribute", 2],
    ];
    for (const [object, name, least] of calls) {
      const method = (object as Readonly<Record<string, (...given: unknown[]) => Promise<unknown>>>)[name];
      for (let count = 0; count < least; count++) {
        await expect(method?.apply(object, Array(count).fill("shared"))).rejects.toThrow(/it needs/);
      }
    }
  });

  test("are converted before the steps of the method: a TypeError comes before an InvalidStateError", async () => {
    const { connection, pcsc } = await scriptedConnection();
    await connection.disconnect();
    await expect(connection.disconnect("sideways" as never)).rejects.toThrow(TypeError);
    await expect(connection.transmit("00A4" as never)).rejects.toThrow(TypeError);
    await expect(connection.startTransaction("no function" as never)).rejects.toThrow(TypeError);
    await expect(connection.disconnect()).rejects.toMatchObject(invalidState);
    expect(pcsc.names).toEqual(["disconnect"]);
  });

  test.each(["Shared", "", undefined, null, 2, {}, Symbol("shared")])(
    "connect: %s is no access mode, a TypeError",
    async (mode) => {
      const { context, pcsc } = await scriptedContext();
      await expect(context.connect("Desk", mode as never)).rejects.toThrow(TypeError);
      expect(pcsc.calls).toEqual([]);
    },
  );

  test("connect: the name of a reader is any value as a string", async () => {
    const { context, pcsc } = await scriptedContext();
    await context.connect(5 as never, { toString: () => "shared" } as never, { preferredProtocols: ["t1"] });
    expect(pcsc.calls[0]?.[1]).toBe("5");
    await expect(context.connect(Symbol("Desk") as never, "shared")).rejects.toThrow(TypeError);
  });

  test.each(["t0", 5, true, {}, null, ["t2"], ["T0"], [undefined]])(
    "connect: the protocols %j are no sequence of protocols",
    async (preferredProtocols) => {
      const { context } = await scriptedContext();
      await expect(context.connect("Desk", "shared", { preferredProtocols } as never)).rejects.toThrow(TypeError);
    },
  );

  test("connect: any iterable is a sequence; options may be null", async () => {
    const { context, pcsc } = await scriptedContext();
    const preferredProtocols = new Set(["t1", "t0"]) as never;
    await context.connect("Desk", "shared", { preferredProtocols });
    expect(pcsc.calls[0]?.[2]).toMatchObject({ preferredProtocols: ["t1", "t0"] });
    await context.connect("Desk", "direct", null as never);
    await expect(context.connect("Desk", "direct", "options" as never)).rejects.toThrow(TypeError);
  });

  test.each([
    ["no sequence", { readerName: "Desk", currentState: {} }],
    ["a string", "Desk"],
    ["no name", [{ currentState: {} }]],
    ["no state", [{ readerName: "Desk" }]],
    ["a state that is no object", [{ readerName: "Desk", currentState: 5 }]],
    ["a count that is a bigint", [{ readerName: "Desk", currentState: {}, currentCount: 1n }]],
    ["nothing in the list", [undefined]],
  ])("getStatusChange: %s is a TypeError", async (_what, states) => {
    const { context, pcsc } = await scriptedContext();
    await expect(context.getStatusChange(states as never)).rejects.toThrow(TypeError);
    expect(pcsc.calls).toEqual([]);
  });

  test("getStatusChange: flags are true or false as any value is; a count is modulo 2 to the power of 32", async () => {
    const { context, pcsc } = await scriptedContext();
    const currentState = { present: 1, empty: 0, inuse: "false", mute: null } as never;
    await context.getStatusChange([{ readerName: "Desk", currentState, currentCount: 2 ** 32 + 3 }]);
    expect(pcsc.calls[0]?.[1]).toEqual([{ reader: "Desk", flags: { present: true, inuse: true }, eventCount: 3 }]);
    await context.getStatusChange([{ readerName: "Desk", currentState: null as never }]);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, "soon", 1n, {}])(
    "getStatusChange: the timeout %s is a TypeError",
    async (timeout) => {
      const { context } = await scriptedContext();
      await expect(context.getStatusChange([], { timeout: timeout as never })).rejects.toThrow(TypeError);
    },
  );

  test.each([null, {}, new AbortController(), "signal"])(
    "getStatusChange and startTransaction: the signal %s is a TypeError",
    async (signal) => {
      const { connection, context } = await scriptedConnection();
      await expect(context.getStatusChange([], { signal: signal as never })).rejects.toThrow(TypeError);
      const begun = connection.startTransaction(async () => "leave", { signal: signal as never });
      await expect(begun).rejects.toThrow(TypeError);
    },
  );

  test.each([
    "00A40400",
    [0, 0xa4, 4, 0],
    5,
    null,
    undefined,
    {},
    new SharedArrayBuffer(4),
    new Uint8Array(new SharedArrayBuffer(4)),
  ])("transmit: %s is no BufferSource, a TypeError", async (source) => {
    const { connection, pcsc } = await scriptedConnection();
    await expect(connection.transmit(source as never)).rejects.toThrow(TypeError);
    await expect(connection.control(1, source as never)).rejects.toThrow(TypeError);
    await expect(connection.setAttribute(1, source as never)).rejects.toThrow(TypeError);
    expect(pcsc.calls).toEqual([]);
  });

  test("memory that can be resized is a TypeError", async () => {
    const { connection, pcsc } = await scriptedConnection();
    const Resizable = ArrayBuffer as new (length: number, options: { maxByteLength: number }) => ArrayBuffer;
    const memory = new Resizable(4, { maxByteLength: 8 });
    for (const source of [memory, new Uint8Array(memory), new DataView(memory, 1, 2)]) {
      await expect(connection.transmit(source)).rejects.toThrow(TypeError);
      await expect(connection.control(1, source)).rejects.toThrow(TypeError);
      await expect(connection.setAttribute(1, source)).rejects.toThrow(TypeError);
    }
    expect(pcsc.calls).toEqual([]);
  });

  const transferred = (): Uint8Array => {
    const whole = new Uint8Array(8);
    structuredClone(whole.buffer, { transfer: [whole.buffer] });
    return whole;
  };

  test("transmit and setAttribute: a buffer that was transferred is a TypeError, after the states (ADR 0046)", async () => {
    const { connection, context, pcsc } = await scriptedConnection();
    for (const source of [transferred(), transferred().buffer, new DataView(new ArrayBuffer(4))]) {
      if (source instanceof DataView) structuredClone(source.buffer, { transfer: [source.buffer as ArrayBuffer] });
      await expect(connection.transmit(source as ArrayBuffer)).rejects.toThrow(TypeError);
      await expect(connection.setAttribute(1, source as ArrayBuffer)).rejects.toThrow(TypeError);
    }
    expect(pcsc.calls).toEqual([]);
    const held = pcsc.hold("listReaders");
    const listing = context.listReaders();
    await expect(connection.transmit(transferred())).rejects.toMatchObject(invalidState);
    held.succeed();
    await listing;
    pcsc.protocol = undefined;
    const { connection: direct } = await context.connect("Desk", "direct");
    await expect(direct.transmit(transferred())).rejects.toThrow(TypeError);
    await connection.disconnect();
    await expect(connection.setAttribute(1, transferred())).rejects.toMatchObject(invalidState);
  });

  test("transmit: a buffer that a getter of the options transfers has gone, too", async () => {
    const { connection, pcsc } = await scriptedConnection();
    const source = new Uint8Array(4);
    const options = {
      get protocol(): "t1" {
        structuredClone(source.buffer, { transfer: [source.buffer] });
        return "t1";
      },
    };
    await expect(connection.transmit(source, options)).rejects.toThrow(TypeError);
    expect(pcsc.calls).toEqual([]);
  });

  test("control: a buffer that was transferred has no bytes, as codes without data need none", async () => {
    const { connection, pcsc } = await scriptedConnection();
    await connection.control(1, transferred());
    expect(pcsc.calls).toEqual([["control", 1, new Uint8Array(), {}]]);
  });

  test("an empty buffer is sent as it is", async () => {
    const { connection, pcsc } = await scriptedConnection();
    await connection.transmit(new ArrayBuffer(0));
    await connection.setAttribute(1, new Uint8Array(4).subarray(2, 2));
    expect(pcsc.calls.map(([name, ...given]) => [name, given.find((one) => one instanceof Uint8Array)])).toEqual([
      ["transmit", new Uint8Array()],
      ["setAttribute", new Uint8Array()],
    ]);
  });

  test("a sequence is read by its iterator, which is not closed where an element is refused", async () => {
    const { context, pcsc } = await scriptedContext();
    const done: string[] = [];
    const iterable = (elements: readonly unknown[]) => ({
      [Symbol.iterator]: () => {
        const rest = [...elements];
        return {
          next: () => ({ done: rest.length === 0, value: rest.shift() }),
          return: () => {
            done.push("return");
            return {};
          },
        };
      },
    });
    await context.getStatusChange(iterable([{ readerName: "A", currentState: {} }]) as never);
    await expect(context.getStatusChange(iterable([5]) as never)).rejects.toThrow(TypeError);
    for (const broken of [5, null, { next: () => 5 }, {}])
      await expect(context.getStatusChange({ [Symbol.iterator]: () => broken } as never)).rejects.toThrow(TypeError);
    expect([done, pcsc.names]).toEqual([[], ["getStatusChange"]]);
  });

  test("numbers: an object that gives a BigInt is a TypeError", async () => {
    const { connection, pcsc } = await scriptedConnection();
    const big = { valueOf: () => 1n } as never;
    await expect(connection.getAttribute(big)).rejects.toThrow(TypeError);
    await connection.getAttribute({ valueOf: () => "0x11" } as never);
    expect(pcsc.calls).toEqual([["getAttribute", 0x11, {}]]);
  });

  test.each(["T0", "t15", 5, null])("transmit: the protocol %s is a TypeError", async (protocol) => {
    const { connection } = await scriptedConnection();
    await expect(connection.transmit(new Uint8Array(4), { protocol: protocol as never })).rejects.toThrow(TypeError);
  });

  test("a message does not repeat what may be a PIN", async () => {
    const { connection } = await scriptedConnection();
    for (const call of [
      connection.transmit("0020008004313233340000" as never),
      connection.disconnect("12345678" as never),
    ]) {
      await expect(call).rejects.toThrow(expect.objectContaining({ message: expect.not.stringMatching(/1234|3132/) }));
    }
  });

  test("members of dictionaries are read in the order of their names, and what a getter throws is passed on", async () => {
    const { context } = await scriptedContext();
    const read: string[] = [];
    const options = new Proxy({}, { get: (_target, name) => void read.push(String(name)) });
    await context.getStatusChange([], options);
    expect(read).toEqual(["signal", "timeout"]);
    const getter = {
      get timeout(): number {
        throw new RangeError("mine");
      },
    };
    await expect(context.getStatusChange([], getter)).rejects.toThrow(RangeError);
  });
});
