// SPDX-License-Identifier: MIT

import { once } from "node:events";
import { describe, expect, onTestFinished, test } from "vitest";
import { type SoftwareCard, Type2Tag, VirtualReader } from "../../src/entry/cards.ts";
import { EmbeddedManager, nodeRuntime } from "../../src/entry/embedded.ts";
import { type CardReader, pcsclite } from "../../src/entry/pcsclite-compat.ts";
import { SmartCardError } from "../../src/port/index.ts";

const runtime = nodeRuntime();
const getUid = Buffer.from("ffca000000", "hex");

/** A card that answers control codes through its reader. */
class EscapeReader extends VirtualReader {
  override control(code: number, input: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    return code === 0x4200_0001 ? Promise.resolve(input.slice().reverse()) : super.control(code, input, signal);
  }
}

async function world(card?: SoftwareCard) {
  const manager = new EmbeddedManager({ runtime, profile: "pcsclite" });
  const slot = new EscapeReader({ name: "Desk", protocols: ["t1"], clock: runtime.clock });
  if (card !== undefined) slot.insert(card);
  await manager.addReader(slot);
  const pcsc = pcsclite({ manager });
  onTestFinished(async () => {
    pcsc.close();
    for (const reader of Object.values(pcsc.readers)) reader.close();
    await manager.close();
  });
  return { manager, slot, pcsc };
}

async function firstReader(pcsc: ReturnType<typeof pcsclite>): Promise<CardReader> {
  const [reader] = await once(pcsc, "reader");
  return reader;
}

/** Makes a call with a callback, and gives what the callback got. */
function called<T extends unknown[]>(call: (callback: (...result: T) => void) => void): Promise<T> {
  return new Promise((resolve) => call((...result) => resolve(result)));
}

function connect(reader: CardReader, share_mode = reader.SCARD_SHARE_SHARED) {
  return called<[Error | null | undefined, number?]>((callback) => reader.connect({ share_mode }, callback));
}

describe("pcsclite()", () => {
  test("tells of the reader first, then of its state, and sets the state behind the listeners", async () => {
    const { pcsc } = await world(new Type2Tag());
    const told: unknown[] = [];
    await new Promise<void>((resolve) =>
      pcsc.on("reader", (reader) => {
        told.push(reader.name, reader.state, pcsc.readers.Desk === reader);
        reader.on("status", ({ atr, state }) => {
          told.push(reader.state, state & reader.SCARD_STATE_PRESENT, atr?.toString("hex"), Buffer.isBuffer(atr));
          resolve();
        });
      }),
    );
    expect(told).toEqual([
      ...["Desk", undefined, true],
      ...[undefined, 0x20, "3b8f8001804f0ca0000003060300030000000068", true],
    ]);
  });

  test("tells of cards that come and go as differences of states", async () => {
    const { pcsc, slot } = await world();
    const reader = await firstReader(pcsc);
    const changes = async (): Promise<number> => {
      const before = reader.state ?? 0;
      const [{ state }] = await once(reader, "status");
      return (before ^ state) & (reader.SCARD_STATE_EMPTY | reader.SCARD_STATE_PRESENT);
    };
    await once(reader, "status");
    slot.insert(new Type2Tag());
    expect(await changes()).toBe(0x30);
    slot.remove();
    expect(await changes()).toBe(0x30);
    const states: number[] = [];
    reader.on("status", ({ state }) => states.push(state & 0x30));
    slot.insert(new Type2Tag());
    slot.remove();
    slot.insert(new Type2Tag());
    while (states.at(-1) !== 0x20) await once(reader, "status");
    expect(states[0]).toBe(0x20);
  });

  test("ends a reader that is unplugged, and finds one that is plugged in", async () => {
    const { manager, pcsc, slot } = await world();
    const reader = await firstReader(pcsc);
    const next = firstReader(pcsc);
    slot.unplug();
    await once(reader, "end");
    expect(pcsc.readers).toEqual({});
    await manager.addReader(new VirtualReader({ name: "Next", clock: runtime.clock }));
    expect((await next).name).toBe("Next");
    expect(Object.keys(pcsc.readers)).toEqual(["Next"]);
  });

  test("goes on with its readers when it is closed, until they are", async () => {
    const { manager, pcsc, slot } = await world();
    const reader = await firstReader(pcsc);
    await once(reader, "status");
    expect(pcsc.close()).toBe(0);
    await manager.addReader(new VirtualReader({ name: "Late", clock: runtime.clock }));
    slot.insert(new Type2Tag());
    const [{ state }] = await once(reader, "status");
    expect(state & reader.SCARD_STATE_PRESENT).toBeTruthy();
    const ended = once(reader, "end");
    expect(reader.close()).toBe(0);
    await ended;
    expect(pcsc.readers).toEqual({});
  });

  test("emits one error where there is no service", async () => {
    const failing = { establishContext: () => Promise.reject(new SmartCardError("no-service", "nothing listens")) };
    const pcsc = pcsclite({ manager: failing });
    const [error] = await once(pcsc, "error");
    expect(error.message).toBe("SCardEstablishContext error: Service not available.(0x8010001d)");
    expect(error.cause).toBeInstanceOf(SmartCardError);
    pcsc.close();
  });
});

describe("a reader of pcsclite", () => {
  test("connects, transmits and disconnects, with callbacks and Buffers", async () => {
    const { pcsc } = await world(new Type2Tag());
    const reader = await firstReader(pcsc);
    expect(reader.connected).toBe(false);
    const [error, protocol = 0] = await connect(reader);
    expect([error, protocol, reader.connected]).toEqual([null, reader.SCARD_PROTOCOL_T1, true]);
    const [, uid] = await called<[unknown, Buffer?]>((callback) => reader.transmit(getUid, 12, protocol, callback));
    expect(uid).toEqual(Buffer.from("04a23b7a1122809000", "hex"));
    expect(Buffer.isBuffer(uid)).toBe(true);
    // Connected already: no protocol then, as the package has it.
    expect(await connect(reader)).toEqual([undefined]);
    expect(await called((callback) => reader.disconnect(reader.SCARD_LEAVE_CARD, callback))).toEqual([null, undefined]);
    expect(reader.connected).toBe(false);
    expect(await called((callback) => reader.disconnect(callback))).toEqual([undefined]);
  });

  test("connects exclusively by default, and reports a sharing violation as the package does", async () => {
    const { manager, pcsc } = await world(new Type2Tag());
    const reader = await firstReader(pcsc);
    const other = await manager.client({ name: "other" }).establishContext();
    const held = await other.connect("Desk", { shareMode: "shared", preferredProtocols: ["t1"] });
    const [error] = await called<[(Error | null)?]>((callback) => reader.connect(callback));
    expect(error).toBeInstanceOf(Error);
    expect(error?.message).toBe("SCardConnect error: Sharing violation.(0x8010000b)");
    expect(error?.cause).toMatchObject({ code: "sharing-violation", details: { holder: { client: "other" } } });
    expect(reader.connected).toBe(false);
    await held.disconnect("leave");
    expect((await called<[(Error | null)?]>((callback) => reader.connect(callback)))[0]).toBeNull();
  });

  test("tells failures by the texts and numbers of the package", async () => {
    const { pcsc, slot } = await world();
    const reader = await firstReader(pcsc);
    const message = async (call: (callback: (error?: Error | null) => void) => void): Promise<string | undefined> =>
      (await called<[(Error | null)?]>(call))[0]?.message;
    const share = reader.SCARD_SHARE_SHARED;
    const anyProtocol = 3;
    expect(await message((done) => reader.connect({ share_mode: share }, done))).toBe(
      "SCardConnect error: No smart card inserted.(0x8010000c)",
    );
    expect(await message((done) => reader.connect({ share_mode: 99 }, done))).toBe(
      "SCardConnect error: Invalid value given.(0x80100011)",
    );
    expect(await message((done) => reader.transmit(getUid, 12, anyProtocol, done))).toBe("Card Reader not connected");
    expect(await message((done) => reader.control(getUid, 1, 12, done))).toBe("Card Reader not connected");
    slot.insert(new Type2Tag());
    await connect(reader);
    expect(await message((done) => reader.transmit(getUid, 8, 2, done))).toBe(
      "SCardTransmit error: Insufficient buffer.(0x80100008)",
    );
    expect(await message((done) => reader.transmit(getUid, 12, 1, done))).toBe(
      "SCardTransmit error: Card protocol mismatch.(0x8010000f)",
    );
    expect(await message((done) => reader.disconnect(99, done))).toBe(
      "SCardDisconnect error: Invalid value given.(0x80100011)",
    );
    expect(reader.connected).toBe(true);
    slot.remove();
    expect(await message((done) => reader.transmit(getUid, 12, 2, done))).toBe(
      "SCardTransmit error: Card was removed.(0x80100069)",
    );
    // Of a card that has gone there is nothing left to end.
    expect(await message((done) => reader.disconnect(done))).toBeUndefined();
  });

  test("throws for arguments of other types, as the package does", async () => {
    const { pcsc } = await world(new Type2Tag());
    const reader = await firstReader(pcsc);
    await connect(reader);
    const nothing = (): void => {};
    const wrong = "wrong" as never;
    expect(() => reader.transmit(wrong, 12, 2, nothing)).toThrow("First argument must be a Buffer");
    expect(() => reader.transmit(getUid, wrong, 2, nothing)).toThrow("Second argument must be an integer");
    expect(() => reader.transmit(getUid, 12, -1, nothing)).toThrow("Third argument must be an integer");
    expect(() => reader.transmit(getUid, 12, 2, wrong)).toThrow("Fourth argument must be a callback function");
    expect(() => reader.connect({ protocol: 1.5 }, nothing)).toThrow("Second argument must be an integer");
  });

  test("passes control codes to the reader, also with no card in it", async () => {
    const { pcsc } = await world();
    const reader = await firstReader(pcsc);
    await connect(reader, reader.SCARD_SHARE_DIRECT);
    const code = reader.IOCTL_CCID_ESCAPE;
    const send = (room: number) =>
      called<[(Error | null)?, Buffer?]>((callback) => reader.control(Buffer.from([1, 2, 3]), code, room, callback));
    expect(await send(40)).toEqual([null, Buffer.from([3, 2, 1])]);
    expect((await send(2))[0]?.message).toBe("SCardControl error: Insufficient buffer.(0x80100008)");
    expect(reader.SCARD_CTL_CODE(3400)).toBe(0x4200_0000 + 3400);
  });

  test("connects to the next card while the one before is still being disconnected", async () => {
    const { pcsc, slot } = await world(new Type2Tag());
    const reader = await firstReader(pcsc);
    await connect(reader);
    slot.remove();
    slot.insert(new Type2Tag({ uid: Uint8Array.of(4, 1, 2, 3, 4, 5, 6) }));
    const disconnected = called((callback) => reader.disconnect(reader.SCARD_LEAVE_CARD, callback));
    const [error, protocol = 0] = await connect(reader);
    expect([error, protocol, reader.connected]).toEqual([null, 2, true]);
    await disconnected;
    const [, uid] = await called<[unknown, Buffer?]>((callback) => reader.transmit(getUid, 12, protocol, callback));
    expect(uid?.toString("hex")).toBe("040102030405069000");
  });

  test("tells get_status of the state at once, and of changes", async () => {
    const { pcsc, slot } = await world();
    const reader = await firstReader(pcsc);
    await once(reader, "status");
    const states: number[] = [];
    const second = new Promise<void>((resolve) => {
      reader.get_status((error, state) => {
        expect(error).toBeUndefined();
        if (states.push(state & 0x30) === 2) resolve();
        else slot.insert(new Type2Tag());
      });
    });
    await second;
    expect(states).toEqual([0x10, 0x20]);
  });

  test("tells nothing but its end once it is closed, and leaves the card to others", async () => {
    const { manager, pcsc, slot } = await world(new Type2Tag());
    const reader = await firstReader(pcsc);
    await once(reader, "status");
    await called<[unknown]>((callback) => reader.connect(callback));
    const statuses: unknown[] = [];
    reader.on("status", (status) => statuses.push(status));
    const ended = once(reader, "end");
    reader.close();
    reader.close();
    await ended;
    const context = await manager.establishContext();
    await expect
      .poll(() => context.connect("Desk", { shareMode: "exclusive", preferredProtocols: ["t1"] }).then(() => "free"))
      .toBe("free");
    slot.remove();
    expect(await called((callback) => reader.disconnect(callback))).toEqual([undefined]);
    expect(statuses).toEqual([]);
  });
});
