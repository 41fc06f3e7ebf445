// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { encodeHex } from "../../src/base/binary/index.ts";
import { UsbError, type UsbInterface } from "../../src/readers/ccid/index.ts";
import { cardLine, ccidBench, codeOf, content, readCommand, ready } from "./ccid-bench.ts";

/** Where bSeq is in a message. */
const SEQUENCE_AT = 6;

/** What stands between the driver and a model, in parts that a test replaces. */
interface Tap {
  /** Each transfer as it begins. */
  readonly begun: string[];
  out: (bytes: Uint8Array, send: () => Promise<void>) => Promise<void>;
  in: (receive: () => Promise<Uint8Array>) => Promise<Uint8Array>;
}

function tapped(usb: UsbInterface, tap: Tap): UsbInterface {
  return {
    description: usb.description,
    bulkOut: (bytes, signal) => {
      tap.begun.push("out");
      return tap.out(bytes, () => usb.bulkOut(bytes, signal));
    },
    bulkIn: (maxBytes, signal) => {
      tap.begun.push("in");
      return tap.in(() => usb.bulkIn(maxBytes, signal));
    },
    interruptIn: (maxBytes, signal) => usb.interruptIn(maxBytes, signal),
    controlOut: (request, data, signal) => {
      tap.begun.push("control");
      return usb.controlOut(request, data, signal);
    },
    controlIn: (request, maxBytes, signal) => usb.controlIn(request, maxBytes, signal),
    clearHalt: (endpoint, signal) => usb.clearHalt(endpoint, signal),
    close: () => usb.close(),
  };
}

/** A reader with a powered card, and what is between it and the driver. */
async function tappedBench() {
  const plain: Pick<Tap, "in" | "out"> = { out: (_, send) => send(), in: (receive) => receive() };
  const tap: Tap = { begun: [], ...plain };
  const bench = await ccidBench("extended APDU", {
    before: (model) => model.insert(cardLine().line),
    wrap: (usb) => tapped(usb, tap),
  });
  await ready(bench, "t1");
  tap.begun.length = 0;
  const read = async (length: number): Promise<string> =>
    encodeHex(await bench.until(bench.reader.transmit(readCommand(length), "t1", bench.signal)));
  return { ...bench, tap, plain, read };
}

/** A transfer whose end is not told before the gate is open. */
function gate() {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

describe("a command and its answer", () => {
  test("what takes the answer waits before the command goes out", async () => {
    const { read, tap } = await tappedBench();
    expect(await read(16)).toBe(content(16));
    expect(await read(300)).toBe(content(300));
    expect(tap.begun).toEqual(["in", "out", "in", "out"]);
  });

  test("the answer counts before the end of the command's transfer is told", async () => {
    const { plain, read, runtime, tap } = await tappedBench();
    const { open, opened } = gate();
    tap.out = async (_, send) => {
      await send();
      await opened;
    };
    expect(await read(16)).toBe(content(16));
    tap.out = plain.out;
    const next = read(20);
    await runtime.settle();
    // One transfer at a time on an endpoint: the next command waits for it.
    expect(tap.begun).toEqual(["in", "out", "in"]);
    open();
    expect(await next).toBe(content(20));
  });

  test("one that cannot go out leaves a read, which the next one uses", async () => {
    const { plain, read, tap } = await tappedBench();
    tap.out = () => Promise.reject(new UsbError("io", "the bus is broken"));
    expect(await codeOf(read(16))).toBe("comm-error");
    tap.out = plain.out;
    expect(await read(20)).toBe(content(20));
    expect(tap.begun).toEqual(["in", "out", "out"]);
  });

  test("what a command that failed is answered is not taken for the next one's", async () => {
    const { plain, read, runtime, tap } = await tappedBench();
    tap.out = async (_, send) => {
      await send();
      throw new UsbError("io", "the end of the transfer got lost");
    };
    // Held back until the next command is under way.
    const { open, opened } = gate();
    tap.in = async (receive) => {
      const bytes = await receive();
      await opened;
      return bytes;
    };
    expect(await codeOf(read(16))).toBe("comm-error");
    tap.out = plain.out;
    tap.in = plain.in;
    const next = read(20);
    await runtime.settle();
    open();
    expect(await next).toBe(content(20));
    expect(await read(30)).toBe(content(30));
  });

  test("one that is given up while it goes out is aborted once it has", async () => {
    const { reader, read, plain, runtime, tap, until } = await tappedBench();
    const { open, opened } = gate();
    tap.in = () => new Promise(() => undefined);
    tap.out = async (_, send) => {
      await opened;
      await send();
    };
    const stop = new AbortController();
    const cancelled = codeOf(reader.transmit(readCommand(16), "t1", stop.signal));
    await runtime.settle();
    stop.abort();
    await runtime.settle();
    expect(tap.begun).toEqual(["in", "out"]);
    tap.out = plain.out;
    open();
    await runtime.settle();
    expect(tap.begun.slice(2, 4)).toEqual(["control", "out"]);
    expect(await until(cancelled)).toBe("cancelled");
    expect(await codeOf(read(16))).not.toBe("no error");
  });

  test("a request for more time counts before the end of the command's transfer is told", async () => {
    const { plain, read, reader, runtime, signal, tap } = await tappedBench();
    const { open, opened } = gate();
    const late = gate();
    let command: Uint8Array = new Uint8Array();
    tap.out = async (bytes, send) => {
      command = bytes.slice();
      await send();
      await opened;
    };
    let isFirst = true;
    tap.in = async (receive) => {
      if (!isFirst) {
        await late.opened;
        return receive();
      }
      isFirst = false;
      await runtime.settle();
      // RDR_to_PC_DataBlock with a time extension, ten times as long.
      return Uint8Array.of(0x80, 0, 0, 0, 0, 0, command[SEQUENCE_AT] ?? 0, 0x80, 10, 0);
    };
    let outcome = "";
    void codeOf(reader.transmit(readCommand(16), "t1", signal)).then((code) => {
      outcome = code;
    });
    await runtime.settle();
    await runtime.settle();
    open();
    // Far more than the card's own waiting time, which begins with the end of the transfer, and less than ten times as much.
    await runtime.advance(60_000);
    expect(outcome).toBe("");
    late.open();
    await runtime.settle();
    expect(outcome).toBe("no error");
    tap.in = plain.in;
    tap.out = plain.out;
    expect(await read(20)).toBe(content(20));
  });
});
