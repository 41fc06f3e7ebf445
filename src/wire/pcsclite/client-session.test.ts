// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes, encodeHex, u32le } from "../../base/binary/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { ClientSession } from "./client-session.ts";
import { MAX_READERS, MAX_TRAILING_BYTES } from "./limits.ts";
import {
  type ProtocolVersion,
  type ReaderStateEntry,
  type RequestKind,
  readerStateStruct,
  tableSizeStruct,
  transmitStruct,
  unusedReaderState,
  versions,
} from "./messages.ts";
import { RequestDecoder } from "./request-decoder.ts";
import type { Request, RequestOf } from "./requests.ts";
import { type AnsweredKind, encodeResponse, encodeSignal } from "./responses.ts";

const CANCELLED = 0x8010_0002;
const SERVICE_STOPPED = 0x8010_001e;
const CARD = 0x1122_3344;
const CONTEXT = 0x5566_7788;
const ENTRIES = 4;
const allVersions = Object.keys(versions) as ProtocolVersion[];
const unused = readerStateStruct.encode(unusedReaderState);

/**
 * A service as pcscd is: it answers requests in order, shows one reader, and ends a wait with one signal. Which release
 * it is decides whether it agrees to older versions and when a signal may come: from 2.5.0 on, between any two messages.
 */
class Service {
  readonly minor: number;
  /** Kinds of the requests that were taken. */
  readonly taken: RequestKind[] = [];
  /** Minor versions that were asked for. */
  readonly asked: number[] = [];
  readonly session: ClientSession;
  ended: SmartCardError | undefined;
  waiting = false;
  /** Events of the reader so far: each makes another table. */
  events = 1;
  /** How many signals were sent. */
  signals = 0;
  /** Answers the next requests of a kind in another way. */
  readonly otherwise = new Map<RequestKind, (request: Request) => Uint8Array>();
  readonly #inbox: Uint8Array[] = [];
  readonly #decoder = new RequestDecoder();
  /** Messages that are about to be sent, and those that are on the way. */
  readonly #writing: Uint8Array[] = [];
  #way: Uint8Array = new Uint8Array(0);
  readonly #fixedEntries: number | undefined;
  #agreed: number | undefined;
  #rv = 0;

  /** @param entries of the table up to 4:5 */
  constructor(minor: number, entries?: number) {
    this.minor = minor;
    this.#fixedEntries = entries;
    this.session = new ClientSession({
      send: (bytes) => this.#inbox.push(bytes),
      ended: (error) => {
        this.ended = error;
      },
    });
  }

  /** Whether anything is left to do or to deliver. */
  get busy(): boolean {
    return this.#inbox.length > 0 || this.#writing.length > 0 || this.#way.length > 0 || this.#decoder.pendingBytes > 0;
  }

  /** Writes one message, or takes one request. */
  step(): void {
    const message = this.#writing.shift();
    if (message !== undefined) {
      this.#way = concatBytes(this.#way, message);
      return;
    }
    const sent = this.#inbox.shift();
    if (sent !== undefined) this.#decoder.push(sent);
    const next = this.#decoder.next();
    if (next === undefined) return;
    if (!next.ok) throw new Error(next.error.message);
    this.taken.push(next.value.kind);
    this.#writing.push(...this.#answer(next.value));
  }

  /** Delivers that many bytes of what is on the way. */
  deliver(length: number): void {
    const piece = this.#way.subarray(0, length);
    this.#way = this.#way.slice(length);
    this.session.received(piece);
  }

  /** Ends the wait, if there is one. */
  signal(rv = 0): void {
    // Up to 2.4.1 registration and table are one, under a lock.
    if (!this.waiting || (this.minor < 6 && this.#writing.length > 0)) return;
    this.waiting = false;
    this.signals++;
    this.#way = concatBytes(this.#way, encodeSignal(rv));
  }

  /** Does all there is to do, and delivers it in pieces of a size. */
  settle(pieceBytes = Number.POSITIVE_INFINITY): void {
    while (this.busy && this.ended === undefined) {
      this.step();
      while (this.#way.length > 0) this.deliver(pieceBytes);
    }
  }

  /** A call's outcome, when the service has done what there was to do. */
  async outcome<T>(call: Promise<T>, pieceBytes?: number): Promise<T> {
    call.catch(() => {});
    this.settle(pieceBytes);
    return call;
  }

  get reader(): ReaderStateEntry {
    const cardAtr = new Uint8Array(33);
    cardAtr.set([0x3b, 0x80, 0x01, 0x81]);
    const shown = { readerState: 0x34, readerSharing: 1, cardAtr, cardAtrLength: 4, cardProtocol: 2 };
    return { readerName: "Reader 00 00", eventCounter: this.events, ...shown };
  }

  /** The table up to 4:5: from 2.5.0 on what is filled up has no mark. */
  #fixedTable(entries: readonly Uint8Array[]): readonly Uint8Array[] {
    const length = this.#fixedEntries ?? 16;
    const fill = this.minor < 6 ? unused : new Uint8Array(unused.length);
    const table = Array.from({ length }, (_, index) => entries[index] ?? fill);
    if (this.#fixedEntries !== undefined && length > 1)
      table[length - 1] = readerStateStruct.encode({ ...this.reader, readerName: "Last 00 00" });
    return table;
  }

  #answer(request: Request): readonly Uint8Array[] {
    const otherwise = this.otherwise.get(request.kind);
    if (otherwise !== undefined) {
      this.otherwise.delete(request.kind);
      return [otherwise(request)];
    }
    const entries = [readerStateStruct.encode(this.reader), ...Array.from({ length: ENTRIES - 1 }, () => unused)];
    const fixed = this.#fixedTable(entries);
    switch (request.kind) {
      case "version": {
        this.asked.push(request.minor);
        const minor = this.minor;
        const spoken = minor < 6 ? request.minor === minor : request.minor >= 4 && request.minor <= minor;
        if (spoken) this.#agreed = request.minor;
        return [encodeResponse(request, { rv: spoken ? 0 : SERVICE_STOPPED, major: 4, minor })];
      }
      case "reader-table":
        return fixed;
      case "reader-table-size":
        return [encodeResponse(request, { entries: ENTRIES })];
      case "whole-reader-table":
        return entries;
      case "reader-events":
        return [encodeResponse(request, { readerEvents: this.events })];
      case "wait-for-change":
        this.waiting = true;
        return this.#agreed === 6 ? [] : fixed;
      case "stop-waiting": {
        const waited = this.waiting;
        this.waiting = false;
        return waited ? [encodeSignal(0)] : [];
      }
      case "establish-context":
        return [encodeResponse(request, { rv: 0, context: CONTEXT })];
      case "connect":
        return [encodeResponse(request, { rv: 0, card: CARD, activeProtocol: 2 })];
      case "reconnect":
        return [encodeResponse(request, { rv: 0, activeProtocol: 1 })];
      case "transmit":
        return [encodeResponse(request, { rv: 0, receiveProtocol: 2, response: request.command })];
      case "control":
        return [encodeResponse(request, { rv: 0, output: request.input })];
      case "get-attribute":
        return [encodeResponse(request, { rv: 0, value: Uint8Array.of(0x3b, 0x00) })];
      default:
        // Each outcome is another, so that no answer can stand for another's.
        return [encodeResponse<AnsweredKind>(request, { rv: ++this.#rv } as never)];
    }
  }
}

/** A service, and a session that has agreed with it. */
async function open(version: ProtocolVersion): Promise<Service> {
  const service = new Service(versions[version].minor);
  expect(await service.outcome(service.session.open())).toBe(version);
  service.taken.length = 0;
  return service;
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof SmartCardError) return error.code;
    throw error;
  }
  return "no error";
}

/** Whether a promise is settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol("pending");
  return (await Promise.race([promise.catch(() => {}), Promise.resolve(pending)])) !== pending;
}

function shown(service: Service, eventCounter = service.events) {
  const atr = Uint8Array.of(0x3b, 0x80, 0x01, 0x81);
  return [{ name: "Reader 00 00", eventCounter, state: 0x34, sharing: 1, atr, protocol: 2 }];
}

describe("the version", () => {
  it.each([
    ["4:4", [6, 4]],
    ["4:5", [6, 5]],
    ["4:6", [6]],
  ] as const)("%s is agreed on by asking for %j on one connection", async (version, asked) => {
    const service = await open(version);
    expect(service.asked).toEqual(asked);
    expect(service.session.version).toBe(version);
  });

  it("is the one asked for where a newer service says yes and names its own", async () => {
    const service = new Service(6);
    expect(await service.outcome(service.session.open("4:4"))).toBe("4:4");
    await service.outcome(service.session.readerStates());
    expect(service.taken).toEqual(["version", "reader-table", "version"]);
  });

  it("is the one named where an older service says yes all the same, as pcscd 2.4.1 does", async () => {
    const service = new Service(5);
    service.otherwise.set("version", (request) =>
      encodeResponse(request as RequestOf<"version">, { rv: 0, major: 4, minor: 5 }),
    );
    expect(await service.outcome(service.session.open())).toBe("4:5");
    expect(await service.outcome(service.session.readerStates())).toEqual(shown(service));
    const { readers, over } = await service.outcome(service.session.waitForChange());
    expect(readers).toEqual(shown(service));
    service.signal();
    service.settle();
    expect(await over).toEqual({ rv: 0, stopped: false });
  });

  it("is ours where a service that we do not know yet still agrees to it", async () => {
    const service = new Service(9);
    expect(await service.outcome(service.session.open())).toBe("4:6");
  });

  it.each([
    ["an older one than any of ours is spoken", 6, 4, 3, SERVICE_STOPPED, "service-stopped"],
    ["an older one is named, with a yes (as xrdp does)", 6, 4, 3, 0, "service-stopped"],
    ["a newer one alone is spoken", 6, 4, 7, SERVICE_STOPPED, "service-stopped"],
    ["the same is named, with a no", 6, 4, 6, SERVICE_STOPPED, "service-stopped"],
    ["another major one is spoken", 6, 5, 4, SERVICE_STOPPED, "service-stopped"],
    ["another major one is named, with a yes", 6, 5, 4, 0, "service-stopped"],
    ["the user may not use the service", 6, 4, 6, 0x8010_006a, "security-violation"],
    ["the refusal has an unknown number", 6, 4, 6, 0x1234, "comm-error"],
  ] as const)("is refused where %s, and both are named", async (_, ours, major, minor, rv, code) => {
    const service = new Service(ours);
    service.otherwise.set("version", () => concatBytes(...[major, minor, rv].map(word)));
    const refused = service.outcome(service.session.open());
    await expect(refused).rejects.toMatchObject({ code, message: expect.stringContaining(`${major}:${minor}`) });
    expect(service.ended).toBeUndefined();
    expect(await service.outcome(service.session.open())).toBe("4:6");
  });
});

describe("calls", () => {
  it("carry their terms there and the results back", async () => {
    const service = await open("4:6");
    const { session } = service;
    expect(await service.outcome(session.establish(2))).toEqual({ rv: 0, context: CONTEXT });
    const sharing = { shareMode: 2, preferredProtocols: 3 };
    const connect = session.connect({ context: CONTEXT, reader: "Reader 00 00", ...sharing });
    expect(await service.outcome(connect)).toEqual({ rv: 0, card: CARD, activeProtocol: 2 });
    const reconnect = session.reconnect({ card: CARD, ...sharing, initialization: 1 });
    expect(await service.outcome(reconnect)).toEqual({ rv: 0, activeProtocol: 1 });
    expect(await service.outcome(session.begin(CARD))).toEqual({ rv: 1 });
    expect(await service.outcome(session.status(CARD))).toEqual({ rv: 2 });
    const command = Uint8Array.of(0, 0x84, 0, 0, 8);
    expect(await service.outcome(session.transmit(CARD, 2, command))).toEqual({
      rv: 0,
      protocol: 2,
      response: command,
      neededLength: 5,
    });
    expect(await service.outcome(session.control(CARD, 0x4200_0d48, command))).toEqual({
      rv: 0,
      output: command,
      neededLength: 5,
    });
    expect(await service.outcome(session.getAttrib(CARD, 0x0009_0303))).toEqual({
      rv: 0,
      value: Uint8Array.of(0x3b, 0x00),
    });
    expect(await service.outcome(session.setAttrib(CARD, 5, command))).toEqual({ rv: 3 });
    expect(await service.outcome(session.end(CARD, 0))).toEqual({ rv: 4 });
    expect(await service.outcome(session.disconnect(CARD, 1))).toEqual({ rv: 5 });
    expect(await service.outcome(session.release(CONTEXT))).toEqual({ rv: 6 });
    expect(await service.outcome(session.cancel(CONTEXT))).toEqual({ rv: 7 });
  });

  it("go out one at a time, in order", async () => {
    const service = await open("4:6");
    const calls = [service.session.begin(CARD), service.session.readerStates(), service.session.end(CARD, 0)];
    service.step();
    service.step();
    expect(service.taken).toEqual(["begin-transaction"]);
    service.settle();
    expect(service.taken).toEqual(["begin-transaction", "reader-table-size", "whole-reader-table", "end-transaction"]);
    expect(await Promise.all(calls)).toEqual([{ rv: 1 }, shown(service), { rv: 2 }]);
  });

  it("carry 65,548 bytes either way, and tell how long an answer is that does not fit", async () => {
    const service = await open("4:6");
    const longest = new Uint8Array(MAX_TRAILING_BYTES).fill(0x5a);
    expect((await service.outcome(service.session.transmit(CARD, 1, longest))).response).toEqual(longest);
    service.otherwise.set("transmit", (request) =>
      encodeResponse(request as RequestOf<"transmit">, { rv: 0x8010_0008, neededLength: 300 }),
    );
    expect(await service.outcome(service.session.transmit(CARD, 1, longest, { receiveLength: 258 }))).toEqual({
      rv: 0x8010_0008,
      protocol: 3,
      response: new Uint8Array(0),
      neededLength: 300,
    });
  });

  it("need no version to cancel, and take the 0 of xrdp for any handle", async () => {
    const service = new Service(6);
    service.otherwise.set("cancel", () => concatBytes(word(0), word(0)));
    expect(await service.outcome(service.session.cancel(CONTEXT))).toEqual({ rv: 0 });
    expect(service.taken).toEqual(["cancel"]);
  });

  it("that the wire has no room for are refused before anything is sent, and harm no other", async () => {
    const service = await open("4:6");
    const { session } = service;
    const terms = { shareMode: 2, preferredProtocols: 3 };
    expect(await codeOf(session.connect({ context: CONTEXT, reader: "é".repeat(64), ...terms }))).toBe(
      "unknown-reader",
    );
    expect(await codeOf(session.transmit(CARD, 1, new Uint8Array(MAX_TRAILING_BYTES + 1)))).toBe("invalid-parameter");
    expect(await codeOf(session.control(CARD, 2 ** 32, new Uint8Array(0)))).toBe("invalid-parameter");
    expect(await codeOf(session.setAttrib(CARD, 1, new Uint8Array(265)))).toBe("invalid-parameter");
    expect(await codeOf(session.begin(0))).toBe("invalid-handle");
    expect(await codeOf(session.release(0))).toBe("invalid-handle");
    expect(service.busy).toBe(false);
    const longest = session.connect({ context: CONTEXT, reader: "x".repeat(127), ...terms });
    expect(await service.outcome(longest)).toMatchObject({ rv: 0 });
  });
});

describe("readers", () => {
  it.each([
    ["4:4", ["reader-table", "version"]],
    ["4:5", ["reader-table", "version"]],
    ["4:6", ["reader-table-size", "whole-reader-table"]],
  ] as const)("are asked for as %s has it: %j", async (version, requests) => {
    const service = await open(version);
    expect(await service.outcome(service.session.readerStates())).toEqual(shown(service));
    expect(service.taken).toEqual(requests);
  });

  it("are as many as the service was built for: 1 to 255, cut at any byte", async () => {
    const few = Array.from({ length: 33 }, (_, index) => index + 1);
    for (const entries of [...few, 63, 64, 65, 100, 127, 128, 129, 200, 254, 255]) {
      const service = new Service(4, entries);
      await service.outcome(service.session.open());
      const piece = 1 + ((entries * 37) % 400);
      // The first read measures the table, for any request.
      const first = entries % 2 === 0 ? await service.outcome(service.session.readerStates(), piece) : undefined;
      const { readers, over } = await service.outcome(service.session.waitForChange(), piece);
      for (const seen of [first ?? readers, readers]) {
        expect(seen.map(({ name }) => name)).toEqual(entries === 1 ? ["Reader 00 00"] : ["Reader 00 00", "Last 00 00"]);
      }
      expect(service.session.tableEntries).toBe(entries);
      service.events++;
      service.signal();
      service.settle(piece);
      expect(await over).toEqual({ rv: 0, stopped: false });
      service.taken.length = 0;
      expect(await service.outcome(service.session.readerStates(), piece)).toHaveLength(entries === 1 ? 1 : 2);
      expect(service.taken).toEqual(["reader-table"]);
      expect(await service.outcome(service.session.status(CARD))).toEqual({ rv: 1 });
    }
  });

  it("are measured byte by byte, and the answer behind them is not asked for before the table has begun", async () => {
    const service = new Service(4, 3);
    await service.outcome(service.session.open());
    service.taken.length = 0;
    const call = service.session.readerStates();
    service.step();
    service.step();
    expect(service.taken).toEqual(["reader-table"]);
    expect(await service.outcome(call, 1)).toHaveLength(2);
    expect(service.session.tableEntries).toBe(3);
  });

  it("that go on for ever end the session", async () => {
    const service = new Service(4, MAX_READERS + 2);
    await service.outcome(service.session.open());
    await expect(service.outcome(service.session.readerStates())).rejects.toMatchObject({ code: "comm-error" });
    expect(service.ended).toBeDefined();
  });

  it("may be none at all", async () => {
    const service = await open("4:6");
    service.otherwise.set("reader-table-size", () => word(0));
    expect(await service.outcome(service.session.readerStates())).toEqual([]);
    expect(await service.outcome(service.session.status(CARD))).toEqual({ rv: 1 });
  });

  it("are counted from 4:5 on", async () => {
    const old = await open("4:4");
    expect(await codeOf(old.outcome(old.session.readerEvents()))).toBe("unsupported-feature");
    expect(old.taken).toEqual([]);
    for (const version of ["4:5", "4:6"] as const) {
      const service = await open(version);
      expect(await service.outcome(service.session.readerEvents())).toEqual({ rv: 0, readerEvents: 1 });
    }
  });
});

describe.each(allVersions)("a wait for a change in %s", (version) => {
  it("gives the readers first, even as the very first call, and later the change", async () => {
    const service = await open(version);
    const { readers, over } = await service.outcome(service.session.waitForChange());
    expect(readers).toEqual(shown(service));
    service.events++;
    service.signal();
    service.settle();
    expect(await over).toEqual({ rv: 0, stopped: false });
    expect(await service.outcome(service.session.readerStates())).toEqual(shown(service));
  });

  it("ends with the number of the cancel, and another can begin", async () => {
    const service = await open(version);
    const { over } = await service.outcome(service.session.waitForChange());
    service.signal(CANCELLED);
    service.settle();
    expect(await over).toEqual({ rv: CANCELLED, stopped: false });
    const again = await service.outcome(service.session.waitForChange());
    service.signal();
    service.settle();
    expect(await again.over).toEqual({ rv: 0, stopped: false });
  });

  it("is stopped by a stop, and a second stop sends nothing", async () => {
    const service = await open(version);
    const { over } = await service.outcome(service.session.waitForChange());
    expect(await service.outcome(service.session.stopWaiting())).toEqual({ rv: 0, stopped: true });
    expect(await over).toEqual({ rv: 0, stopped: true });
    service.taken.length = 0;
    expect(await service.outcome(service.session.stopWaiting())).toBeUndefined();
    expect(service.taken).toEqual([]);
  });

  it.each([0, CANCELLED])("takes a signal (%i) that crosses the stop for its answer, and stays in step", async (rv) => {
    const service = await open(version);
    const { over } = await service.outcome(service.session.waitForChange());
    const stopping = service.session.stopWaiting();
    const status = service.session.status(CARD);
    service.signal(rv);
    service.settle();
    expect(await stopping).toEqual({ rv, stopped: true });
    expect(await over).toEqual({ rv, stopped: true });
    expect(await status).toEqual({ rv: 1 });
    expect(service.taken.slice(-2)).toEqual(["stop-waiting", "status"]);
  });

  it("is one at a time, and comes after the context", async () => {
    const service = await open(version);
    await service.outcome(service.session.waitForChange());
    expect(await codeOf(service.session.waitForChange())).toBe("invalid-parameter");
    expect(await codeOf(service.session.establish(0))).toBe("invalid-parameter");
    expect(service.ended).toBeUndefined();
  });

  it("runs beside other calls, in any order of events", async () => {
    const action = fc.oneof(
      fc.record({ do: fc.constantFrom("wait", "stop", "status", "readers", "events", "signal", "cancel", "change") }),
      fc.record({ do: fc.constant("step" as const) }),
      fc.record({ do: fc.constant("deliver" as const), length: fc.integer({ min: 1, max: 400 }) }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(action, { maxLength: 120 }),
        fc.integer({ min: 1, max: 50 }),
        async (actions, piece) => {
          const service = await open(version);
          const { session } = service;
          const calls: Promise<unknown>[] = [];
          const statuses: Promise<{ readonly rv: number }>[] = [];
          const waits: Promise<unknown>[] = [];
          for (const action of actions) {
            if (action.do === "step") service.step();
            else if (action.do === "deliver") service.deliver(action.length);
            else if (action.do === "signal") service.signal();
            else if (action.do === "cancel") service.signal(CANCELLED);
            else if (action.do === "change") service.events++;
            else if (action.do === "stop") calls.push(session.stopWaiting());
            else if (action.do === "status") statuses.push(session.status(CARD));
            else if (action.do === "readers") calls.push(session.readerStates());
            else if (action.do === "events" && version !== "4:4") calls.push(session.readerEvents());
            else if (action.do === "wait") {
              // A wait that is refused because there is one is no harm.
              waits.push(session.waitForChange().catch(() => undefined));
            }
          }
          service.settle(piece);
          expect(service.ended).toBeUndefined();
          expect((await Promise.all(statuses)).map(({ rv }) => rv)).toEqual(statuses.map((_, index) => index + 1));
          await Promise.all(calls);
          for (const wait of await Promise.all(waits)) {
            const begun = wait as Awaited<ReturnType<ClientSession["waitForChange"]>> | undefined;
            if (begun === undefined) continue;
            expect(begun.readers).toHaveLength(1);
            service.signal();
            service.settle(piece);
            expect(await begun.over).toMatchObject({ rv: expect.any(Number) });
          }
          expect(await service.outcome(session.begin(CARD))).toEqual({ rv: statuses.length + 1 });
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe("a signal that is early", () => {
  /** Where pcscd 2.5 may send it: after how many of its messages, from the request on. */
  it.each(Array.from({ length: ENTRIES + 1 }, (_, index) => index))(
    "is found behind %i messages of size and table, cut at any byte",
    async (behind) => {
      const length = tableSizeStruct.size + ENTRIES * readerStateStruct.size + 8;
      // The same at each place: what differs is another entry of the set.
      const outcomes = new Set<string>();
      for (let place = 1; place < length; place++) {
        const service = await open("4:6");
        const waiting = service.session.waitForChange();
        // The wait itself is not answered; then comes the size, then the entries.
        service.step();
        for (let message = 0; message < behind; message++) {
          service.step();
          service.step();
          service.deliver(place);
        }
        service.signal();
        service.deliver(place);
        const { readers, over } = await service.outcome(waiting, place);
        const later = await service.outcome(service.session.status(CARD));
        const isShown = JSON.stringify(readers) === JSON.stringify(shown(service));
        outcomes.add(JSON.stringify({ isShown, over: await over, signals: service.signals, later }));
      }
      const outcome = { isShown: true, over: { rv: 0, stopped: false }, signals: 1, later: { rv: 1 } };
      expect([...outcomes]).toEqual([JSON.stringify(outcome)]);
    },
  );

  it("is found in the table that pcscd 2.5 gives to a client of 4:4", async () => {
    for (let behind = 0; behind <= 16; behind++) {
      const service = new Service(6);
      await service.outcome(service.session.open("4:4"));
      await service.outcome(service.session.readerStates());
      const waiting = service.session.waitForChange();
      service.step();
      for (let message = 0; message < behind; message++) service.step();
      service.signal(CANCELLED);
      const { readers, over } = await service.outcome(waiting, 7);
      expect(readers).toEqual(shown(service));
      expect(await over).toEqual({ rv: CANCELLED, stopped: false });
      expect(await service.outcome(service.session.status(CARD))).toEqual({ rv: 1 });
    }
  });
});

describe("the end", () => {
  it("rejects running calls, queued calls, waits, and later calls", async () => {
    const service = await open("4:6");
    const { over } = await service.outcome(service.session.waitForChange());
    const calls = [service.session.begin(CARD), service.session.stopWaiting(), service.session.readerStates()];
    service.session.closed("the service has gone");
    for (const call of [...calls, over, service.session.status(CARD), service.session.open()]) {
      await expect(call).rejects.toMatchObject({ code: "service-stopped", message: /the service has gone/ });
    }
    expect(service.ended).toBeUndefined();
    service.session.closed("twice");
    service.session.received(new Uint8Array(8));
  });

  it("has the error of the owner, who can wait no longer", async () => {
    const service = await open("4:6");
    const call = service.session.begin(CARD);
    expect(await isSettled(call)).toBe(false);
    const error = new SmartCardError("timeout", "enough");
    service.session.closed(error);
    await expect(call).rejects.toBe(error);
  });
});

describe("a hostile service", () => {
  const status = word(CARD + 1);
  const atr = { ...unusedReaderState, readerName: "x", cardAtrLength: 0xffff_ffff };
  const transmitted = transmitStruct.encode({
    card: CARD,
    sendProtocol: 1,
    sendPciLength: 8,
    sendLength: 0,
    receiveProtocol: 1,
    receivePciLength: 8,
    receiveLength: 3,
    rv: 0,
  });
  const attribute = concatBytes(word(CARD), word(1), new Uint8Array(264), word(265), word(0));
  const output = concatBytes(...[CARD, 1, 0, 258, 0xffff_ffff, 0].map(word));

  it.each<[what: string, answer: RequestKind, bytes: Uint8Array, call: (session: ClientSession) => Promise<unknown>]>([
    ["answers for another card", "status", status, (session) => session.status(CARD)],
    ["has a table of 4 GiB", "reader-table-size", word(0xffff_ffff), (session) => session.readerStates()],
    ["has a table beyond the limit", "reader-table-size", word(MAX_READERS + 1), (session) => session.readerStates()],
    ["has an ATR of 4 GiB", "whole-reader-table", readerStateStruct.encode(atr), (session) => session.readerStates()],
    [
      "has a longer response than asked for",
      "transmit",
      transmitted,
      (session) => session.transmit(CARD, 1, new Uint8Array(0), { receiveLength: 2 }),
    ],
    ["has an output of 4 GiB", "control", output, (session) => session.control(CARD, 1, new Uint8Array(0))],
    ["has a longer attribute than there is room", "get-attribute", attribute, (session) => session.getAttrib(CARD, 1)],
  ])("that %s ends the session, and nothing else", async (_, kind, bytes, call) => {
    const service = await open("4:6");
    service.otherwise.set(kind, () => bytes);
    expect(await codeOf(service.outcome(call(service.session)))).toBe("comm-error");
    expect(service.ended?.code).toBe("comm-error");
    expect(await codeOf(service.session.status(CARD))).toBe("comm-error");
  });

  it("that speaks unasked ends the session", async () => {
    for (const bytes of [Uint8Array.of(0), encodeSignal(0)]) {
      const service = await open("4:6");
      service.session.received(bytes);
      expect(service.ended?.message).toContain("bytes that were not requested");
    }
  });

  it("that says more than its answer has its answer taken, and the session ends", async () => {
    const service = await open("4:6");
    service.otherwise.set("status", () => concatBytes(word(CARD), word(9), word(0)));
    const call = service.session.status(CARD);
    const next = service.session.status(CARD);
    expect(await service.outcome(call)).toEqual({ rv: 9 });
    expect(await codeOf(next)).toBe("comm-error");
    expect(service.ended?.code).toBe("comm-error");
    expect(service.taken).toEqual(["status"]);
  });

  it("that answers before it is asked ends the session", async () => {
    const service = await open("4:6");
    service.otherwise.set("reader-table-size", () => concatBytes(word(1), readerStateStruct.encode(service.reader)));
    expect(await codeOf(service.outcome(service.session.readerStates()))).toBe("comm-error");
    expect(service.ended?.message).toContain("before it is asked");
    expect(service.taken).toEqual(["reader-table-size"]);
  });

  it("that signals twice ends the session", async () => {
    const service = await open("4:6");
    const { over } = await service.outcome(service.session.waitForChange());
    service.session.received(concatBytes(encodeSignal(0), encodeSignal(0)));
    expect(await over).toEqual({ rv: 0, stopped: false });
    expect(service.ended?.code).toBe("comm-error");
  });

  it("that sends any bytes at any time makes nothing throw, and every call end", async () => {
    const call = fc.constantFrom<(session: ClientSession) => Promise<unknown>>(
      (session) => session.open(),
      (session) => session.status(CARD),
      (session) => session.transmit(CARD, 1, new Uint8Array(5)),
      (session) => session.getAttrib(CARD, 1),
      (session) => session.readerStates(),
      (session) => session.waitForChange(),
      (session) => session.stopWaiting(),
    );
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.constantFrom(word(CARD), word(0), word(2), encodeSignal(0), concatBytes(word(CARD), word(0)), unused),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...allVersions),
        fc.array(fc.oneof(call, bytes), { maxLength: 30 }),
        async (version, events) => {
          const service = await open(version);
          const outcomes: Promise<string>[] = [];
          for (const event of events) {
            if (event instanceof Uint8Array) service.session.received(event);
            else outcomes.push(codeOf(event(service.session)));
          }
          service.session.closed("over");
          for (const outcome of await Promise.all(outcomes)) {
            expect(["no error", "comm-error", "service-stopped", "invalid-parameter"]).toContain(outcome);
          }
        },
      ),
    );
  });

  it("is told in words that hold nothing of what was exchanged", async () => {
    const service = await open("4:6");
    service.otherwise.set("transmit", () => concatBytes(word(0x3132_3334), new Uint8Array(28)));
    const verify = Uint8Array.of(0, 0x20, 0, 1, 4, 0x31, 0x32, 0x33, 0x34);
    expect(await codeOf(service.outcome(service.session.transmit(CARD, 1, verify)))).toBe("comm-error");
    expect(service.ended?.message).not.toMatch(/31323334|1234$/);
    expect(encodeHex(verify)).toContain("31323334");
  });
});

function word(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  u32le.write(new DataView(bytes.buffer), 0, value);
  return bytes;
}
