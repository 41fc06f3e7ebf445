// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatBytes } from "../../src/base/binary/index.ts";
import { type Dial, PcscdManager, type PipeEvents } from "../../src/managers/pcscd/index.ts";
import { errorCodes, SmartCardError } from "../../src/port/index.ts";
import { SimulatedRuntime } from "../../src/testing/runtime/index.ts";
import { encodeResponse, encodeSignal, type Request, RequestDecoder } from "../../src/wire/pcsclite/index.ts";
import { apdu, failureOf, settle, stateOf } from "../manager/world.ts";
import { joinedWorld } from "./in-memory.ts";

const shared = { shareMode: "shared", preferredProtocols: ["t1"] } as const;
const RV = 0;

/** Answers a request, or is silent, or hangs up. */
type Answer = (request: Request) => Uint8Array | "silence" | "hang up";

/** A service that does as the test says, and a client of it. */
function scripted(answer: Answer) {
  const runtime = new SimulatedRuntime({ settle });
  let open = 0;
  const pipes: PipeEvents[] = [];
  const dial: Dial = async (events) => {
    const decoder = new RequestDecoder();
    let isOpen = true;
    open++;
    pipes.push(events);
    const close = (): void => {
      if (isOpen) open--;
      isOpen = false;
    };
    const write = (bytes: Uint8Array): void => {
      decoder.push(bytes);
      for (let next = decoder.next(); next?.ok; next = decoder.next()) {
        const answered = answer(next.value);
        if (answered === "silence" || !isOpen) continue;
        void Promise.resolve().then(() => {
          if (answered !== "hang up") events.received(answered);
          else if (isOpen) {
            close();
            events.closed("it hung up");
          }
        });
      }
    };
    return { write, close };
  };
  return { client: new PcscdManager({ dial, runtime }), runtime, open: () => open, pipes };
}

/** A service of 4:4 that has one reader with a card. */
const sane: Answer = (request) => {
  switch (request.kind) {
    case "version":
      return encodeResponse(request, { major: 4, minor: 4, rv: request.minor === 4 ? 0 : 0x8010_001e });
    case "establish-context":
      return encodeResponse(request, { context: 7, rv: RV });
    case "connect":
      return encodeResponse(request, { card: 9, activeProtocol: 2, rv: RV });
    case "release-context":
    case "disconnect":
    case "begin-transaction":
    case "end-transaction":
    case "status":
    case "cancel":
      return encodeResponse(request, { rv: RV });
    case "reader-table":
    case "wait-for-change":
      return new Uint8Array(16 * 184);
    case "stop-waiting":
      return encodeSignal(0);
    default:
      return "silence";
  }
};

/** A table of 16 entries, the first of which has a name. */
function readerTable(name: string): Uint8Array {
  const table = new Uint8Array(16 * 184);
  table.set(new TextEncoder().encode(name));
  return table;
}

const except =
  (kind: Request["kind"], answer: Answer): Answer =>
  (request) =>
    request.kind === kind ? answer(request) : sane(request);

describe("a service that does not answer", () => {
  test.each(["version", "establish-context", "reader-table"] as const)("%s: is given up in the end", async (kind) => {
    const { client, runtime, open } = scripted(except(kind, () => "silence"));
    const listing = failureOf(client.establishContext().then((context) => context.listReaders()));
    await runtime.advance(120_000);
    expect((await listing).code).toBe("comm-error");
    expect(open()).toBe(0);
    expect(runtime.pendingTimers).toEqual([]);
  });

  test("a connect: is given up after eleven minutes, also where all else is answered", async () => {
    const { client, runtime } = scripted(except("connect", () => "silence"));
    const context = await client.establishContext();
    const connecting = failureOf(context.connect("Reader", shared));
    await runtime.advance(659_000);
    expect(await stateOf(connecting)).toBe("pending");
    await runtime.advance(2_000);
    expect((await connecting).code).toBe("comm-error");
    expect(await context.listReaders()).toEqual([]);
  });

  test("an exchange: is given up after eleven minutes, and never while others are answered", async () => {
    const { client, runtime } = scripted(sane);
    const context = await client.establishContext();
    const card = await context.connect("Reader", shared);
    const sent = failureOf(card.transmit(apdu));
    await runtime.advance(659_000);
    expect(await stateOf(sent)).toBe("pending");
    await runtime.advance(661_000);
    expect((await sent).code).toBe("comm-error");
    expect((await failureOf(card.status())).code).toBe("comm-error");
    expect(await context.listReaders()).toEqual([]);
  });

  test("a release: does not last longer than that", async () => {
    const { client, runtime, open } = scripted(except("release-context", () => "silence"));
    const context = await client.establishContext();
    const released = context.release();
    await runtime.advance(10_000);
    expect([await stateOf(released), open()]).toEqual(["fulfilled", 0]);
  });
});

describe("a service that hangs up", () => {
  test("at a connect does not let us use the reader, and the message says what to allow", async () => {
    const { client } = scripted(except("connect", () => "hang up"));
    const context = await client.establishContext();
    const failure = await failureOf(context.connect("Reader", shared));
    expect(failure.code).toBe("security-violation");
    expect(failure.message).toContain("org.debian.pcsc-lite.access_card");
    expect(await context.listReaders()).toEqual([]);
  });

  test("in the middle of an exchange ends that connection, and no other", async () => {
    const { client } = scripted(except("transmit", () => "hang up"));
    const context = await client.establishContext();
    const [one, two] = [await context.connect("Reader", shared), await context.connect("Reader", shared)];
    expect((await failureOf(one.transmit(apdu))).code).toBe("service-stopped");
    expect((await failureOf(one.beginTransaction())).code).toBe("service-stopped");
    await two.beginTransaction();
  });
});

describe("a service that was built for another number of readers", () => {
  test.each([1, 2, 8, 15, 17, 48, 64, 255, 1024])(
    "%i: all of them are listed, watched and connected to",
    async (entries) => {
      const table = new Uint8Array(entries * 184);
      table.set(new TextEncoder().encode("Reader"), (entries - 1) * 184);
      const built: Answer = (request) => {
        const isTable = request.kind === "reader-table" || request.kind === "wait-for-change";
        return isTable ? table : sane(request);
      };
      const { client } = scripted(built);
      expect(await client.probe({ measureTable: true })).toMatchObject({ version: "4:4", tableEntries: entries });
      const context = await client.establishContext();
      const [report] = await context.getStatusChange([{ reader: "Reader" }]);
      expect(report).toMatchObject({ reader: "Reader", flags: { empty: true } });
      expect(await context.listReaders()).toEqual(["Reader"]);
      const waiting = failureOf(context.getStatusChange([{ reader: "Reader", flags: { empty: true } }]));
      expect((await context.connect("Reader", shared)).reader).toBe("Reader");
      await context.cancel();
      expect((await waiting).code).toBe("cancelled");
      await context.release();
    },
  );

  test("a table that does not end is given up", async () => {
    const { client, open } = scripted(except("reader-table", () => new Uint8Array(184 * 5000)));
    const context = await client.establishContext();
    expect((await failureOf(context.listReaders())).code).toBe("comm-error");
    expect(open()).toBe(0);
  });
});

describe("a service that compares names byte by byte", () => {
  test("is asked for the reader by the name that it has there", async () => {
    const entry = readerTable("Reader");
    const asked: string[] = [];
    const strict: Answer = (request) => {
      if (request.kind === "reader-table") return entry;
      if (request.kind !== "connect") return sane(request);
      asked.push(request.reader);
      return request.reader === "Reader" ? sane(request) : encodeResponse(request, { rv: 0x8010_0009 });
    };
    const context = await scripted(strict).client.establishContext();
    expect((await context.connect("READER", shared)).reader).toBe("Reader");
    expect(asked).toEqual(["READER", "Reader"]);
    expect((await failureOf(context.connect("Other", shared))).code).toBe("unknown-reader");
  });
});

describe("a service that lies", () => {
  test("about the card it has connected us with: 0 is no card", async () => {
    const lie: Answer = (request) =>
      request.kind === "connect" ? encodeResponse(request, { card: 0, activeProtocol: 2, rv: RV }) : "silence";
    const { client } = scripted(except("connect", lie));
    const context = await client.establishContext();
    expect((await failureOf(context.connect("Reader", shared))).code).toBe("comm-error");
  });

  test("with signals that mean nothing is not listened to all the time", async () => {
    let waits = 0;
    const { client, runtime } = scripted(
      except("wait-for-change", () => {
        waits++;
        return concatBytes(new Uint8Array(16 * 184), encodeSignal(0));
      }),
    );
    const context = await client.establishContext();
    const waiting = failureOf(context.getStatusChange([{ reader: "Reader", flags: { unknown: true } }]));
    await runtime.advance(10_000);
    expect(waits).toBeGreaterThan(30);
    expect(waits).toBeLessThan(200);
    await context.cancel();
    expect((await waiting).code).toBe("cancelled");
    await context.release();
  });

  test("in anything it sends: every call ends with a code, and nothing stays open", async () => {
    const known = new Set(Object.keys(errorCodes));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 12 }),
        fc.nat(6),
        async (lies, from) => {
          let left = from;
          const { client, runtime, open, pipes } = scripted((request) => {
            if (left > 0) {
              left--;
              return sane(request);
            }
            return lies.shift() ?? "silence";
          });
          const codes: string[] = [];
          const tell = (error: unknown): void => {
            if (!(error instanceof SmartCardError)) throw error;
            codes.push(error.code);
          };
          const using = (async () => {
            const context = await client.establishContext();
            const waiting = context.getStatusChange([{ reader: "x", flags: { unknown: true } }]).catch(tell);
            const card = await context.connect("Reader", shared).catch(tell);
            if (card) await Promise.all([card.transmit(apdu).catch(tell), card.status().catch(tell)]);
            for (const pipe of pipes) pipe.received(Uint8Array.of(1, 2, 3));
            await context.listReaders().catch(tell);
            await context.release().catch(tell);
            await waiting;
          })().catch(tell);
          await runtime.advance(4_000_000);
          expect(await stateOf(using)).toBe("fulfilled");
          expect(codes.filter((code) => !known.has(code))).toEqual([]);
          expect([open(), runtime.pendingTimers]).toEqual([0, []]);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe("a stream in pieces of any size", () => {
  test("makes no difference, and no change is missed", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("4:4" as const, "4:5" as const, "4:6" as const),
        fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 40 }),
        fc.array(fc.nat(60), { minLength: 1, maxLength: 12 }),
        async (newest, pieces, pauses) => {
          let piece = 0;
          const pieceBytes = (): number => pieces[piece++ % pieces.length] ?? 1;
          const { client, name, reader, card, runtime } = await joinedWorld({ newest, pieceBytes });
          const context = await client.establishContext();
          const connection = await context.connect(name, shared);
          // A change at any moment of the wait's own conversation with the service.
          const moves = (async () => {
            for (const steps of pauses) {
              for (let step = 0; step < steps; step++) await Promise.resolve();
              if (reader.card === undefined) reader.insert(card);
              else reader.remove();
              await connection.transmit(apdu).catch(() => {});
            }
          })();
          let believed = { reader: name, flags: {}, eventCount: 0 };
          while (believed.eventCount < 2 + pauses.length) {
            const [report] = await context.getStatusChange([believed]);
            if (report === undefined) throw new Error("there is no report");
            expect(report.eventCount).toBeGreaterThan(believed.eventCount);
            believed = { reader: name, flags: report.flags, eventCount: report.eventCount };
          }
          await moves;
          expect(believed.eventCount).toBe(2 + pauses.length);
          await context.release();
          await runtime.settle();
        },
      ),
      { numRuns: 50 },
    );
  });
});
