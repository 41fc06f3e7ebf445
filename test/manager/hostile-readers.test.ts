// SPDX-License-Identifier: MIT

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { EmbeddedManager } from "../../src/managers/embedded/index.ts";
import { nodeRuntime } from "../../src/platform/node/runtime/index.ts";
import { type Connection, type Reader, type ReaderEvents, SmartCardError } from "../../src/port/index.ts";
import { SimulatedRuntime } from "../../src/testing/runtime/index.ts";
import { apdu, bytesOf, failureOf, settle } from "./world.ts";

// Foreign drivers, in JavaScript, that violate the port's contract. The process lives on, timers run, and
// every failure is a SmartCardError.

const atr = bytesOf("3B8180018080");
const description: Reader["description"] = {
  name: "Hostile",
  id: "hostile",
  vendor: "",
  product: "",
  type: "vendor",
  protocols: ["t0", "t1"],
  canEject: true,
};

type Method = "power" | "setProtocol" | "transmit" | "control" | "getAttribute" | "setAttribute" | "eject" | "close";
const methods: readonly Method[] = [
  "power",
  "setProtocol",
  "transmit",
  "control",
  "getAttribute",
  "setAttribute",
  "eject",
  "close",
];

interface Made {
  readonly reader: Reader;
  events(): ReaderEvents;
}

/** A driver that works, with some members that do not. `before` is called at the begin of each method. */
function driver(broken: object, before: (method: Method, events: ReaderEvents) => void = () => {}): Made {
  let events: ReaderEvents | undefined;
  const told = (): ReaderEvents => {
    if (events === undefined) throw new Error("it was not opened");
    return events;
  };
  const on = (method: Method): void => before(method, told());
  const good = {
    description,
    open: async (given: ReaderEvents) => {
      events = given;
      given.inserted();
    },
    power: async () => {
      on("power");
      return atr;
    },
    setProtocol: async () => on("setProtocol"),
    transmit: async () => {
      on("transmit");
      return Uint8Array.of(0x90, 0x00);
    },
    control: async () => {
      on("control");
      return new Uint8Array();
    },
    getAttribute: () => {
      on("getAttribute");
      return undefined;
    },
    setAttribute: () => {
      on("setAttribute");
      return true;
    },
    eject: async () => on("eject"),
    close: async () => on("close"),
  };
  return { reader: Object.defineProperties(good, Object.getOwnPropertyDescriptors(broken)) as Reader, events: told };
}

/** Everything that a program can ask of a reader; what fails must fail with a SmartCardError. */
async function useAll(manager: EmbeddedManager, name: string): Promise<string[]> {
  const codes: string[] = [];
  const attempt = async (run: () => Promise<unknown>): Promise<void> => {
    try {
      await run();
      codes.push("done");
    } catch (error) {
      if (!(error instanceof SmartCardError)) throw error;
      codes.push(error.code);
    }
  };
  const context = await manager.client({ name: "program" }).establishContext();
  for (const shareMode of ["direct", "shared"] as const) {
    let connection: Connection | undefined;
    await attempt(async () => {
      connection = await context.connect(name, { shareMode, preferredProtocols: ["t1"] });
    });
    const card = connection;
    if (card === undefined) continue;
    await attempt(() => card.beginTransaction());
    await attempt(() => card.transmit(apdu));
    await attempt(() => card.control(0x4200_0d48, new Uint8Array()));
    await attempt(() => card.getAttribute(0x0009_0303));
    await attempt(() => card.setAttribute(0x7fff_0007, Uint8Array.of(1)));
    await attempt(() => card.status());
    await attempt(() => card.endTransaction("reset"));
    await attempt(() => card.disconnect("eject"));
  }
  await attempt(() => context.describeReader(name));
  await attempt(() => context.getStatusChange([{ reader: name }], { timeoutMs: 0 }));
  await context.release();
  await manager.inspect();
  return codes;
}

const escaped: unknown[] = [];
const noteEscaped = (error: unknown): void => void escaped.push(error);
beforeEach(() => {
  escaped.length = 0;
  process.on("unhandledRejection", noteEscaped);
  process.on("uncaughtException", noteEscaped);
});
afterEach(async () => {
  await settle();
  await settle();
  process.off("unhandledRejection", noteEscaped);
  process.off("uncaughtException", noteEscaped);
  expect(escaped).toEqual([]);
});

describe("a driver that tells of cards from within its own methods", () => {
  const tellings: Readonly<Record<string, (events: ReaderEvents) => void>> = {
    inserted: (events) => events.inserted(),
    removed: (events) => events.removed(),
    "removed and inserted": (events) => {
      events.removed();
      events.inserted();
    },
    "inserted a hundred times": (events) => {
      for (let left = 100; left > 0; left--) events.inserted();
    },
    "inserted a moment later": (events) => void Promise.resolve().then(() => events.inserted()),
    "inserted in an endless chain": (events) => {
      // As a driver with a chain of its own, which is tied to the manager by the operation that is under way.
      void Promise.resolve()
        .then(() => {})
        .then(() => events.inserted());
    },
    lost: (events) => events.lost("it says so"),
  };
  for (const [told, tell] of Object.entries(tellings)) {
    for (const method of [...methods, "every method"] as const) {
      test(`${told} in ${method}: timers run, and the service goes on`, { timeout: 60_000 }, async () => {
        const runtime = nodeRuntime();
        const manager = new EmbeddedManager({ runtime });
        const { reader } = driver({}, (called, events) => {
          if (method === "every method" || called === method) tell(events);
        });
        // One that is lost while it starts is told so.
        const name = await manager.addReader(reader).catch((error: unknown) => {
          expect((error as SmartCardError).code).toBe("reader-unavailable");
          return "Hostile";
        });
        // Timers run: without that this is never reached, and the test does not end.
        await new Promise((resolve) => setTimeout(resolve, 5));
        const other = driver({ description: { ...description, id: "other", name: "Other" } });
        const good = await manager.addReader(other.reader);
        await useAll(manager, name);
        const codes = await useAll(manager, good);
        expect(codes.filter((code) => code !== "done")).toEqual([]);
        await manager.close();
      });
    }
  }

  test("a reader that tells of cards without end powers few of them, and its card is there when it stops", async () => {
    const runtime = new SimulatedRuntime({ settle });
    const manager = new EmbeddedManager({ runtime });
    let powers = 0;
    let isHostile = true;
    const { reader } = driver({}, (method, events) => {
      if (method === "power") powers++;
      if (method === "power" && isHostile && powers < 100_000) events.inserted();
    });
    const name = await manager.addReader(reader);
    await runtime.settle();
    expect(powers).toBe(32);
    await runtime.advance(60_000);
    expect(powers).toBeLessThan(32 * 70);
    const context = await manager.establishContext();
    const terms = { shareMode: "shared", preferredProtocols: ["t1"] } as const;
    // What Windows says where no card is there.
    expect((await failureOf(context.connect(name, terms))).code).toBe("removed-card");
    isHostile = false;
    await runtime.advance(1000);
    const connection = await context.connect(name, terms);
    expect(await connection.transmit(apdu)).toEqual(Uint8Array.of(0x90, 0x00));
    await context.release();
    await manager.close();
    expect(runtime.pendingTimers).toEqual([]);
  });
});

/** Things to throw that are hard to look at. */
const thrown: Readonly<Record<string, unknown>> = {
  "a string": "no",
  undefined,
  null: null,
  "a plain object": { code: "cancelled" },
  "a proxy that cannot be read": new Proxy(
    {},
    {
      get: () => {
        throw new Error("no");
      },
      getPrototypeOf: () => {
        throw new Error("no");
      },
      has: () => {
        throw new Error("no");
      },
    },
  ),
  "something that passes for a SmartCardError": { [Symbol.for("scard.SmartCardError")]: true, code: 5 },
  "one with a code that there is not": Object.assign(new SmartCardError("comm-error", "x"), { code: "burnt" }),
};

function thrower(what: unknown): never {
  throw what;
}

describe("a driver that throws", () => {
  for (const [kind, what] of Object.entries(thrown)) {
    for (const method of methods) {
      test(`${kind} in ${method}`, async () => {
        const runtime = new SimulatedRuntime({ settle });
        const manager = new EmbeddedManager({ runtime, limits: { operationMs: 1000, abortMs: 100 } });
        const name = await manager.addReader(driver({ [method]: () => thrower(what) }).reader);
        await runtime.settle();
        await useAll(manager, name);
        await manager.close();
      });
    }
    test(`${kind} in open`, async () => {
      const manager = new EmbeddedManager({ runtime: new SimulatedRuntime({ settle }) });
      const adding = manager.addReader(driver({ open: () => thrower(what) }).reader);
      await expect(adding).rejects.toBeInstanceOf(SmartCardError);
      expect(manager.readers()).toEqual([]);
    });
  }

  test("in the getter of a method or of the description", async () => {
    const manager = new EmbeddedManager({ runtime: new SimulatedRuntime({ settle }) });
    for (const member of ["description", "open", ...methods]) {
      const broken = Object.defineProperty({}, member, {
        get: () => thrower("no"),
        enumerable: true,
        configurable: true,
      });
      expect((await failureOf(manager.addReader(driver(broken).reader))).code).toBe("invalid-parameter");
    }
    for (const member of Object.keys(description)) {
      const hostile = Object.defineProperty({ ...description }, member, { get: () => thrower("no") });
      expect((await failureOf(manager.addReader(driver({ description: hostile }).reader))).code).toBe(
        "invalid-parameter",
      );
    }
    expect(manager.readers()).toEqual([]);
  });

  test("in a getter of the description, from the second time on", async () => {
    const runtime = new SimulatedRuntime({ settle });
    const manager = new EmbeddedManager({ runtime });
    for (const member of Object.keys(description) as (keyof typeof description)[]) {
      let reads = 0;
      const value = member === "id" ? member : description[member];
      const get = (): unknown => (reads++ === 0 ? value : thrower("again"));
      const hostile = Object.defineProperty({ ...description, id: member }, member, { get });
      const name = await manager.addReader(driver({ description: hostile }).reader);
      await runtime.settle();
      await useAll(manager, name);
      await manager.removeReader(name);
    }
    await manager.close();
  });

  test("in a listener for the end of its operation, however it listens", async () => {
    const listens: ((signal: AbortSignal) => void)[] = [
      (signal) => signal.addEventListener("abort", () => thrower("no")),
      (signal) => signal.addEventListener("abort", { handleEvent: () => thrower("no") }),
      (signal) => signal.addEventListener("abort", () => Promise.reject(new Error("no")), { once: true }),
      (signal) => {
        signal.onabort = () => thrower("no");
      },
    ];
    for (const listen of listens) {
      const runtime = new SimulatedRuntime({ settle });
      const manager = new EmbeddedManager({ runtime, limits: { operationMs: 1000, abortMs: 100 } });
      const transmit = (_command: Uint8Array, _protocol: string, signal: AbortSignal): Promise<Uint8Array> => {
        listen(signal);
        return new Promise(() => {});
      };
      const name = await manager.addReader(driver({ transmit }).reader);
      await runtime.settle();
      const context = await manager.establishContext();
      const connection = await context.connect(name, { shareMode: "shared", preferredProtocols: ["t1"] });
      const sending = failureOf(connection.transmit(apdu));
      await runtime.advance(1000);
      expect((await sending).code).toBe("waited-too-long");
      await settle();
      await runtime.advance(1000);
      await manager.close();
    }
  });

  test("a listener that is taken off is not called, and one that is added twice is called once", async () => {
    const calls: string[] = [];
    const [kept, gone] = [(): void => void calls.push("kept"), (): void => void calls.push("gone")];
    const transmit = (_command: Uint8Array, _protocol: string, signal: AbortSignal): Promise<Uint8Array> => {
      for (const listener of [kept, gone, kept]) signal.addEventListener("abort", listener);
      signal.removeEventListener("abort", gone);
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    };
    const runtime = new SimulatedRuntime({ settle });
    const manager = new EmbeddedManager({ runtime, limits: { operationMs: 1000 } });
    const name = await manager.addReader(driver({ transmit }).reader);
    await runtime.settle();
    const context = await manager.establishContext();
    const connection = await context.connect(name, { shareMode: "shared", preferredProtocols: ["t1"] });
    const sending = failureOf(connection.transmit(apdu));
    await runtime.advance(1000);
    await sending;
    expect(calls).toEqual(["kept"]);
    await manager.close();
  });
});

/** Answers of the wrong kind, and some of the right kind that lie about themselves. */
const answers: Readonly<Record<string, () => unknown>> = {
  "a string": () => "9000",
  "a number": () => 0x9000,
  null: () => null,
  "an array": () => [0x90, 0x00],
  "a rejected promise": () => Promise.reject(new Error("no")),
  "a promise of a promise": () => Promise.resolve(Promise.resolve("no")),
  "an object whose then throws": () => Object.defineProperty({}, `th${"en"}`, { get: () => thrower("no") }),
  "a proxy of bytes": () => new Proxy(Uint8Array.of(0x90, 0), {}),
  "bytes whose length throws": () =>
    Object.defineProperty(Uint8Array.of(0x90, 0), "length", { get: () => thrower("no") }),
  "bytes whose length lies": () => Object.defineProperty(Uint8Array.of(0x90, 0), "length", { value: 2 ** 31 }),
  "bytes that are gone": () => {
    const bytes = Uint8Array.of(0x90, 0);
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
    return bytes;
  },
};

describe("a driver that answers", () => {
  for (const [kind, answer] of Object.entries(answers)) {
    for (const method of methods) {
      test(`${kind} to ${method}`, async () => {
        const runtime = new SimulatedRuntime({ settle });
        const manager = new EmbeddedManager({ runtime, limits: { operationMs: 1000, abortMs: 100 } });
        const name = await manager.addReader(driver({ [method]: answer }).reader);
        await runtime.settle();
        await useAll(manager, name);
        await manager.close();
      });
    }
  }

  test("a description of the wrong kind is refused, with the member's name", async () => {
    const manager = new EmbeddedManager({ runtime: new SimulatedRuntime({ settle }) });
    for (const member of Object.keys(description)) {
      const failure = await failureOf(
        manager.addReader(driver({ description: { ...description, [member]: 5 } }).reader),
      );
      expect(failure.message).toContain(`reader.description.${member}`);
    }
    for (const wrong of [undefined, null, "Reader", 5]) {
      const failure = await failureOf(manager.addReader(driver({ description: wrong }).reader));
      expect(failure.message).toContain("reader.description");
    }
  });

  test("that it ejects, and has no method for it, is a reader that does not eject", async () => {
    const runtime = new SimulatedRuntime({ settle });
    const manager = new EmbeddedManager({ runtime });
    const name = await manager.addReader(driver({ eject: undefined }).reader);
    await runtime.settle();
    const connection = await (await manager.establishContext()).connect(name, {
      shareMode: "shared",
      preferredProtocols: ["t1"],
    });
    expect((await failureOf(connection.disconnect("eject"))).code).toBe("cant-dispose");
    await manager.close();
  });

  test("nothing at all to open is given up, and closed when it opens later", async () => {
    const runtime = new SimulatedRuntime({ settle });
    const manager = new EmbeddedManager({ runtime, limits: { operationMs: 1000 } });
    let opened: () => void = () => {};
    let closed = 0;
    const open = (): Promise<void> => new Promise((resolve) => (opened = resolve));
    const close = async (): Promise<void> => void closed++;
    const adding = failureOf(manager.addReader(driver({ open, close }).reader));
    await runtime.advance(1000);
    expect((await adding).code).toBe("waited-too-long");
    expect(closed).toBe(0);
    opened();
    await runtime.settle();
    expect(closed).toBe(1);
  });

  test("a reason for its end that is not a string", async () => {
    for (const reason of [undefined, 5, { toString: () => thrower("no") }, "x".repeat(1_000_000)]) {
      const runtime = new SimulatedRuntime({ settle });
      const manager = new EmbeddedManager({ runtime });
      const { events, reader } = driver({});
      const name = await manager.addReader(reader);
      const connection = await (await manager.establishContext()).connect(name, {
        shareMode: "direct",
        preferredProtocols: [],
      });
      events().lost(reason as string);
      const failure = await failureOf(connection.status());
      expect(failure.code).toBe("reader-unavailable");
      expect(failure.message.length).toBeLessThan(700);
      await manager.close();
    }
  });
});
