// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { encodeHex, hexBytes } from "../../src/base/binary/index.ts";
import { attributes, decodeFeatureList } from "../../src/port/index.ts";
import type { UsbInterface } from "../../src/readers/ccid/index.ts";
import { atrs, type CcidBench, cardLine, ccidBench, codeOf, content, readCommand, ready } from "./ccid-bench.ts";
import { features } from "./models/index.ts";

const none = new Uint8Array(0);

interface Tap {
  /** Sees each message to the reader. */
  readonly out?: (message: Uint8Array) => void;
  /** Changes each message of the reader. */
  readonly in?: (message: Uint8Array) => Uint8Array;
  /** Changes the class descriptor. */
  readonly descriptor?: (bytes: Uint8Array) => void;
  readonly closed?: () => void;
}

/** A port that is listened to, and tampered with. */
function tapped(usb: UsbInterface, tap: Tap): UsbInterface {
  const classDescriptor = usb.description.classDescriptor.slice();
  tap.descriptor?.(classDescriptor);
  return {
    description: { ...usb.description, classDescriptor },
    bulkOut(bytes, signal) {
      tap.out?.(bytes);
      return usb.bulkOut(bytes, signal);
    },
    async bulkIn(most, signal) {
      const message = await usb.bulkIn(most, signal);
      return tap.in?.(message) ?? message;
    },
    interruptIn: (most, signal) => usb.interruptIn(most, signal),
    controlIn: (request, most, signal) => usb.controlIn(request, most, signal),
    controlOut: (request, data, signal) => usb.controlOut(request, data, signal),
    clearHalt: (endpoint, signal) => usb.clearHalt(endpoint, signal),
    close() {
      tap.closed?.();
      return usb.close();
    },
  };
}

/** An answer that failed with this bError. */
function failedAnswer(message: Uint8Array, error: number): Uint8Array {
  const answer = message.slice(0, 10);
  answer.fill(0, 1, 5);
  answer[7] = ((answer[7] ?? 0) & 3) | 0x40;
  answer[8] = error;
  return answer;
}

async function checkReads(bench: CcidBench, protocol: "t0" | "t1" = "t1"): Promise<void> {
  await ready(bench, protocol);
  expect(encodeHex(await bench.until(bench.reader.transmit(readCommand(30), protocol, bench.signal)))).toBe(
    content(30),
  );
}

describe("firmware that is known not to work", () => {
  const old = { vendorId: 0x04e6, productId: 0xe001, release: 0x0515 };

  test("is refused with the remedy, and the interface is closed", async () => {
    let isClosed = false;
    const opening = ccidBench("TPDU", { model: old, wrap: (usb) => tapped(usb, { closed: () => (isClosed = true) }) });
    await expect(opening).rejects.toMatchObject({
      code: "reader-unsupported",
      message: expect.stringMatching(/firmware 5\.15: releases before 5\.16 do not work.*allowBogusFirmware/),
    });
    expect(isClosed).toBe(true);
  });

  test("is used where that is allowed, and newer firmware always", async () => {
    const before = (model: CcidBench["model"]): void => model.insert(cardLine().line);
    await checkReads(await ccidBench("TPDU", { model: old, before, ccid: { allowBogusFirmware: true } }));
    await checkReads(await ccidBench("TPDU", { model: { ...old, release: 0x0516 }, before }));
  });
});

test("devices that cannot be driven", async () => {
  const code = (wrap: (usb: UsbInterface) => UsbInterface): Promise<string> => codeOf(ccidBench("TPDU", { wrap }));
  expect(await code((usb) => tapped(usb, { descriptor: (bytes) => bytes.fill(0) }))).toBe("reader-unsupported");
  const described = (change: object) => (usb: UsbInterface) => ({
    ...tapped(usb, {}),
    description: { ...usb.description, ...change },
  });
  expect(await code(described({ endpoints: {} }))).toBe("reader-unsupported");
  expect(await code(described({ interfaceProtocol: 9 }))).toBe("reader-unsupported");
});

test("OMNIKEY readers chain at the level of short APDUs, and have no PIN pad", async () => {
  const bench = await ccidBench("extended APDU, chained", {
    model: { vendorId: 0x076b, productId: 0x3a21, pinSupport: 3 },
    wrap: (usb) => tapped(usb, { descriptor: (bytes) => bytes.set([2], 42) }),
    before: (model) => model.insert(cardLine().line),
  });
  expect(bench.device.traits.descriptor.level).toBe("short-apdu");
  expect(bench.device.traits.level).toBe("extended-apdu");
  await ready(bench, "t1");
  expect(encodeHex(await bench.until(bench.reader.transmit(readCommand(600), "t1", bench.signal)))).toBe(content(600));
  expect(encodeHex(await bench.until(bench.reader.control(0x4200_0d48, none, bench.signal)))).toBe("120442330012");
});

test("a GemPC433 in EMV mode is taken out of it", async () => {
  const escapes: string[] = [];
  let isEmv = true;
  const bench = await ccidBench("TPDU", {
    model: {
      ...{ vendorId: 0x08e6, productId: 0x4433 },
      escape(data) {
        escapes.push(encodeHex(data));
        if (encodeHex(data) === "1F01") isEmv = false;
        return none;
      },
    },
    before: (model) => model.insert(cardLine().line),
    wrap: (usb) => {
      let last = 0;
      return tapped(usb, {
        out: (message) => {
          last = message[0] ?? 0;
        },
        in: (message) => (last === 0x62 && isEmv ? failedAnswer(message, 0xbb) : message),
      });
    },
  });
  await checkReads(bench);
  expect(escapes).toContain("1F01");
});

test("a Kobil IDToken is powered off before it is powered on, and the driver tells its name", async () => {
  const sent: number[] = [];
  const bench = await ccidBench("TPDU", {
    model: { vendorId: 0x0d46, productId: 0x301d, release: 0x0123 },
    before: (model) => model.insert(cardLine().line),
    wrap: (usb) => tapped(usb, { out: (message) => sent.push(message[0] ?? 0) }),
  });
  await bench.until(bench.reader.power("cold-reset", bench.signal));
  expect(sent.slice(-2)).toEqual([0x63, 0x62]);
  await bench.until(bench.reader.setProtocol("t1", bench.signal));
  const text = async (command: string): Promise<string> => {
    const answer = await bench.until(bench.reader.transmit(hexBytes(command), "t1", bench.signal));
    expect(encodeHex(answer.subarray(-2))).toBe("9000");
    return new TextDecoder().decode(answer.subarray(0, -2));
  };
  expect(await text("FF9A010100")).toBe("KOBIL systems");
  expect(await text("FF9A010300")).toBe("IDToken");
  expect(await text("FF9A010600")).toBe("1.23");
  expect(encodeHex(await bench.until(bench.reader.transmit(hexBytes("FF9A010200"), "t1", bench.signal)))).toBe("6D00");
});

test("a GemCore SIM Pro reports a card in every slot: powering it shows that there is none", async () => {
  const bench = await ccidBench("TPDU", {
    model: { vendorId: 0x08e6, productId: 0x3480, release: 0x0100 },
    before: (model) => model.insert(cardLine({}, { mute: true }).line),
  });
  expect(bench.events).toEqual(["0 inserted"]);
  expect(await codeOf(bench.until(bench.reader.power("cold-reset", bench.signal)))).toBe("removed-card");
  expect(bench.events).toEqual(["0 inserted", "0 removed"]);
});

test("a GemPC Pinpad gets the texts of its display first, after a second", async () => {
  const escapes: Uint8Array[] = [];
  const bench = await ccidBench("TPDU", {
    model: {
      ...{ vendorId: 0x08e6, productId: 0x3478, pinSupport: 3 },
      escape(data) {
        escapes.push(data.slice());
        return none;
      },
    },
  });
  const [texts = none] = escapes;
  expect(texts).toHaveLength(165);
  expect(encodeHex(texts.subarray(0, 5))).toBe("B2A0004D4C");
  expect(new TextDecoder().decode(texts.subarray(5, 21))).toBe("Enter PIN       ");
  expect(bench.runtime.clock.now()).toBeGreaterThanOrEqual(1_000);
  expect(encodeHex(await bench.until(bench.reader.control(0x4233_000a, none, bench.signal)))).toBe("00000200");
});

test("a Gemalto reader tells of its PIN pad, and what it tells goes", async () => {
  const told = hexBytes(
    "0210" + "00" + "03" + "00000000" + "04" + "000000" + "01" + "05" + "0A" + "00" + "0000" + "000000",
  );
  const sent: string[] = [];
  const bench = await ccidBench("short APDU", {
    model: {
      ...{ vendorId: 0x08e6, productId: 0x3437, pinSupport: 3 },
      escape: (data) => (encodeHex(data) === "6A" ? told : undefined),
    },
    before: (model) => model.insert(cardLine().line),
    wrap: (usb) =>
      tapped(usb, { out: (message) => void (message[0] === 0x69 && sent.push(encodeHex(message.subarray(10)))) }),
  });
  expect(encodeHex(await bench.until(bench.reader.control(0x4233_000a, none, bench.signal)))).toBe("00000300");
  const properties = encodeHex(await bench.until(bench.reader.control(0x4233_0012, none, bench.signal)));
  expect(properties).toContain("060105" + "07010A" + "020103");
  await ready(bench, "t1");
  // Modification without messages, condition 7: two bits of it are left, and no index is added.
  const modify = hexBytes(`1E00820800000804080307000904000102000000100000000024000110${"FF".repeat(11)}`);
  await bench.until(bench.reader.control(0x4233_0007, modify, bench.signal)).catch(() => undefined);
  expect(sent[0]?.slice(20, 26)).toBe("0300" + "09");
});

test("a TriB@nk takes Secoder commands, and no others", async () => {
  const escapes: string[] = [];
  const bench = await ccidBench("short APDU", {
    model: {
      ...{ vendorId: 0x0d46, productId: 0x3010 },
      escape(data) {
        escapes.push(encodeHex(data));
        return hexBytes("9000");
      },
    },
  });
  const list = decodeFeatureList(await bench.until(bench.reader.control(0x4200_0d48, none, bench.signal)));
  expect(list).toMatchObject({ ok: true, value: expect.arrayContaining([{ tag: 8, controlCode: 0x4233_0008 }]) });
  const control = (hex: string): Promise<Uint8Array> =>
    bench.until(bench.reader.control(0x4233_0008, hexBytes(hex), bench.signal));
  expect(encodeHex(await control("2070000000"))).toBe("9000");
  for (const wrong of ["2075000000", "0070000000", "207000", ""])
    expect(await codeOf(control(wrong))).toBe("invalid-parameter");
  expect(escapes).toEqual(["2070000000"]);
});

test("an AU9540 that fails at SetParameters resets the card and goes on", async () => {
  let isFailing = true;
  const { card, line } = cardLine();
  const bench = await ccidBench("extended APDU", {
    model: { vendorId: 0x058f, productId: 0x9540 },
    before: (model) => model.insert(line),
    wrap: (usb) => {
      let last = 0;
      return tapped(usb, {
        out: (message) => {
          last = message[0] ?? 0;
        },
        in: (message) => (last === 0x61 && isFailing ? failedAnswer(message, 0xfe) : message),
      });
    },
  });
  await checkReads(bench);
  expect(card.resets).toBe(2);
  expect(bench.device.traits.maxDataRate).toBe(200_000);
  isFailing = false;
});

test("an OZ776 makes no PPS: the card stays with its first protocol and speed", async () => {
  const model = { vendorId: 0x0b97, productId: 0x7762, features: features.automaticVoltage };
  const bench = await ccidBench("TPDU", { model, before: (made) => made.insert(cardLine({ atr: atrs.both }).line) });
  await bench.until(bench.reader.power("cold-reset", bench.signal));
  await expect(bench.until(bench.reader.setProtocol("t1", bench.signal))).rejects.toMatchObject({
    code: "proto-mismatch",
  });
  await checkReads(bench, "t0");
});

test("the slots of a GemCore POS Pro beside the first are slower", async () => {
  const bench = await ccidBench("TPDU", { model: { vendorId: 0x08e6, productId: 0x3479, slots: 2, busySlots: 1 } });
  const rates = bench.readers.map((reader) =>
    encodeHex(reader.getAttribute(attributes["max-data-rate"].value) ?? none),
  );
  expect(rates).toEqual(["16400500", "48E80100"]);
});

test("a Dell keyboard waits for the enter key to be released", async () => {
  const bench = await ccidBench("short APDU", {
    model: { vendorId: 0x413c, productId: 0x2101, pinSupport: 3 },
    before: (model) => model.insert(cardLine().line),
  });
  await ready(bench, "t1");
  const start = bench.runtime.clock.now();
  const input = hexBytes(`1E1E820800080402010904000000000D0000000020000108${"FF".repeat(8)}`);
  expect(encodeHex(await bench.until(bench.reader.control(0x4233_0006, input, bench.signal)))).toBe("9000");
  expect(bench.runtime.clock.now() - start).toBeGreaterThanOrEqual(250);
});

test("a program may bring a table of its own", async () => {
  const bench = await ccidBench("TPDU", {
    model: { vendorId: 0x1234, productId: 0x0001 },
    ccid: {
      quirks: [{ vendor: 0x1234, changes: { maxIfsd: 100 }, why: "its buffer is small", source: "the vendor" }],
    },
    before: (model) => model.insert(cardLine().line),
  });
  expect(bench.device.notes).toEqual(["its buffer is small"]);
  expect(bench.runtime.events).toContainEqual(
    expect.objectContaining({ kind: "ccid-note", detail: "its buffer is small" }),
  );
  await checkReads(bench);
  expect(encodeHex(bench.reader.getAttribute(attributes["current-ifsd"].value) ?? none)).toBe("64000000");
});
