// SPDX-License-Identifier: MIT

import { beforeEach, describe, expect, it } from "vitest";
import { concatBytes, decodeHex, encodeHex as encodeUpper } from "../../src/base/binary/index.ts";
import { UsbError, type UsbInterface } from "../../src/readers/ccid/index.ts";
import { SimulatedRuntime } from "../../src/testing/runtime/index.ts";
import {
  answerFaults,
  CardLine,
  type CcidReaderModel,
  type CcidReaderOptions,
  contentByte,
  IccdReaderModel,
  memoryUsb,
  type Preset,
  presets,
  RigCard,
  readerModel,
} from "./models/index.ts";
import { edc } from "./models/t1-card.ts";

// The models are what drivers are tested against, so they are tested against the standards' own bytes.

const never = new AbortController().signal;
const hex = (text: string): Uint8Array => {
  const bytes = decodeHex(text);
  if (!bytes.ok) throw new Error(text);
  return bytes.value;
};
const encodeHex = (bytes: Uint8Array): string => encodeUpper(bytes).toLowerCase();
let runtime: SimulatedRuntime;
beforeEach(() => {
  runtime = new SimulatedRuntime({ settle: () => new Promise(setImmediate) });
});

function reader(preset: Preset, options: Partial<CcidReaderOptions> = {}): [CcidReaderModel, UsbInterface] {
  const model = readerModel(preset, { clock: runtime.clock, ...options });
  return [model, memoryUsb(model)];
}

let sequence = 0;
/** A message out, and what comes back within a second of the model's time. */
async function ask(usb: UsbInterface, type: string, data = "", slot = 0, parameters = "000000"): Promise<string> {
  const bytes = hex(data);
  const length = [0, 8, 16, 24].map((shift) => (bytes.length >> shift) & 0xff);
  sequence = (sequence + 1) & 0xff;
  const message = concatBytes(
    hex(type),
    Uint8Array.from(length),
    Uint8Array.of(slot, sequence),
    hex(parameters),
    bytes,
  );
  await usb.bulkOut(message, never);
  const answer = usb.bulkIn(65_600, never);
  await runtime.advance(1000);
  const got = await answer;
  expect(got[6]).toBe(sequence);
  return encodeHex(got);
}

const body = (answer: string): string => answer.slice(20);
const status = (answer: string): string => answer.slice(14, 18);

describe("models of readers", () => {
  it("shows a class descriptor of 54 bytes for each kind", () => {
    for (const preset of Object.keys(presets) as Preset[]) {
      const [, usb] = reader(preset);
      expect(usb.description.classDescriptor).toHaveLength(54);
      expect(usb.description.endpoints.interruptIn === undefined).toBe(preset === "no interrupt endpoint");
    }
  });

  it("reports a card on the interrupt endpoint, and answers its ATR", async () => {
    const [model, usb] = reader("extended APDU");
    expect(status(await ask(usb, "65"))).toBe("0200");
    expect(status(await ask(usb, "62"))).toBe("42fe");
    model.insert(new CardLine(new RigCard()));
    expect(encodeHex(await usb.interruptIn(8, never))).toBe("5003");
    expect(status(await ask(usb, "65"))).toBe("0100");
    expect(body(await ask(usb, "62"))).toBe("3bd518ff8191fe1fc38073c8211309");
    model.remove();
    expect(encodeHex(await usb.interruptIn(8, never))).toBe("5002");
  });

  it("answers 64 KB in one message, and chained where messages are short", async () => {
    const [whole, usb] = reader("extended APDU");
    whole.insert(new CardLine(new RigCard()));
    await ask(usb, "62");
    const answer = hex(body(await ask(usb, "6f", "00b00000000000")));
    expect(answer).toHaveLength(65_538);
    expect(answer[1000]).toBe(contentByte(1000));

    const [chained, second] = reader("extended APDU, chained");
    chained.insert(new CardLine(new RigCard()));
    await ask(second, "62");
    let part = await ask(second, "6f", "00b00000000400");
    expect(part.slice(18, 20)).toBe("01");
    let all = body(part);
    while (part.slice(18, 20) === "01" || part.slice(18, 20) === "03") {
      part = await ask(second, "6f", "", 0, "001000");
      all += body(part);
    }
    expect(part.slice(18, 20)).toBe("02");
    expect(all).toHaveLength(2 * (1024 + 2));
    expect(all.endsWith("9000")).toBe(true);
    expect((await ask(second, "6f", "00ec0000000003aa", 0, "000100")).slice(18, 20)).toBe("10");
    expect(body(await ask(second, "6f", "bbcc0000", 0, "000200"))).toBe("aabbcc9000");
  });

  it("refuses a slot that it lacks, a message of a wrong length, and one that it does not know", async () => {
    const [model, usb] = reader("short APDU");
    model.insert(new CardLine(new RigCard()));
    expect(status(await ask(usb, "65", "", 3))).toBe("4205");
    expect(status(await ask(usb, "70"))).toBe("4100");
    await usb.bulkOut(hex("6f05000000000100000000b0"), never);
    expect(status(encodeHex(await usb.bulkIn(300, never)))).toBe("4101");
  });

  it("TPDU: makes a PPS, then carries T=1 blocks, and understands nothing at another speed", async () => {
    const [model, usb] = reader("TPDU");
    model.insert(new CardLine(new RigCard(), { waits: () => [3] }));
    await ask(usb, "62");
    expect(status(await ask(usb, "6f", "00c101fe3e"))).toBe("40fe");
    await ask(usb, "62");
    expect(body(await ask(usb, "6f", "ff1118f6"))).toBe("ff1118f6");
    await ask(usb, "61", "1810004500fe00", 0, "010000");
    expect(body(await ask(usb, "6f", "00c101fe3e"))).toBe("00e101fe1e");
    const block = Uint8Array.of(0, 0, 5, 0, 0xb0, 0, 0, 2);
    const command = encodeHex(concatBytes(block, edc(block, "lrc")));
    expect(body(await ask(usb, "6f", command))).toBe("00c30103c1");
    expect(body(await ask(usb, "6f", "00e30103e1"))).toBe("0000040007900093");
  });

  it("aborts a command when both halves of the abort have come", async () => {
    const [model, usb] = reader("extended APDU", { answerFaults: () => "none" });
    model.insert(new CardLine(new RigCard()));
    await usb.bulkOut(hex("65000000000009000000"), never);
    await runtime.settle();
    expect(model.busySlots).toBe(1);
    const request = { requestType: 0x21, request: 1, value: 0x4200, index: 0 };
    await usb.controlOut(request, new Uint8Array(0), never);
    expect(encodeHex(await usb.bulkIn(64, never))).toBe("8100000000000941ff00");
    await usb.bulkOut(hex("72000000000042000000"), never);
    expect(encodeHex(await usb.bulkIn(64, never))).toBe("81000000000042010000");
  });

  it("tells of a command for a slot that has another one, which was not aborted", async () => {
    const overlaps: number[][] = [];
    const [model, usb] = reader("extended APDU", {
      answerFaults: () => "none",
      overlaps: ({ next, running, since }) => overlaps.push([running.sequence, next.sequence, since]),
    });
    model.insert(new CardLine(new RigCard()));
    await usb.bulkOut(hex("65000000000009000000"), never);
    await usb.bulkOut(hex("6500000000000a000000"), never);
    expect(overlaps).toEqual([[9, 10, 1]]);
    expect(encodeHex(await usb.bulkIn(64, never))).toBe("8100000000000a41e000");
    await usb.controlOut({ requestType: 0x21, request: 1, value: 0x0900, index: 0 }, new Uint8Array(0), never);
    await usb.bulkOut(hex("6500000000000b000000"), never);
    expect(overlaps).toHaveLength(1);
  });

  it("types a PIN into the command, and keeps none that was cancelled", async () => {
    const typed: string[] = [];
    const card = new RigCard();
    const [model, usb] = reader("two slots, PIN pad", {
      user: () => ({ digits: "98765", key: typed.push("") === 1 ? "enter" : "cancel" }),
    });
    model.insert(new CardLine(card), 1);
    await ask(usb, "62", "", 1);
    // ASCII, left justified, block of 8 bytes, 4 to 8 digits, the enter key.
    const verify = "00 00 82 08 00 0804 02 01 0904 00 000000 0020008008ffffffffffffffff".replaceAll(" ", "");
    expect(body(await ask(usb, "69", verify, 1))).toBe("9000");
    expect(encodeHex(card.lastPin ?? new Uint8Array(0))).toBe("3938373635ffffff");
    expect(status(await ask(usb, "69", verify, 1))).toBe("40ef");
  });

  it("ends a transfer as the signal, the cable or a halt says", async () => {
    const [model, usb] = reader("extended APDU");
    const abort = new AbortController();
    const waiting = usb.bulkIn(64, abort.signal);
    abort.abort();
    await expect(waiting).rejects.toMatchObject({ failure: "cancelled" });
    const pulled = usb.interruptIn(8, never);
    model.unplug();
    await expect(pulled).rejects.toBeInstanceOf(UsbError);
    await expect(usb.bulkOut(hex("65"), never)).rejects.toMatchObject({ failure: "gone" });
    model.plug();
    await expect(usb.bulkOut(hex("65"), never)).rejects.toMatchObject({ failure: "gone" });

    const [, halted] = reader("extended APDU", { answerFaults: ({ number }) => (number === 1 ? "stall" : undefined) });
    await halted.bulkOut(hex("65000000000009000000"), never);
    await expect(halted.bulkIn(64, never)).rejects.toMatchObject({ failure: "stall" });
    await halted.clearHalt(halted.description.endpoints.bulkIn?.address ?? 0, never);
    expect(status(await ask(halted, "65"))).toBe("0200");
  });

  it("spoils an answer in each way that it knows", async () => {
    for (const fault of answerFaults) {
      const [model, usb] = reader("extended APDU", {
        answerFaults: ({ number }) => (number === 2 ? fault : undefined),
      });
      model.insert(new CardLine(new RigCard()));
      await ask(usb, "65");
      await usb.bulkOut(hex("65000000000009000000"), never);
      const read = usb.bulkIn(64, never).then(encodeHex, (error: UsbError) => error.failure);
      const right = "81000000000009010000";
      const first = await Promise.race([read, runtime.advance(100).then(() => "nothing")]);
      expect([fault, first]).not.toEqual([fault, fault === "twice" || fault === "stall-then-answer" ? "" : right]);
      await usb.close();
    }
  });

  it("keeps one time extension ready for the host, and answers when extensions end", async () => {
    const [model, usb] = reader("extended APDU", {
      answerFaults: ({ number }) => (number === 1 ? "endless-extension" : undefined),
    });
    await usb.bulkOut(hex("65000000000009000000"), never);
    await runtime.advance(10_000);
    expect(status(encodeHex(await usb.bulkIn(64, never)))).toBe("8201");
    const next = usb.bulkIn(64, never).then(encodeHex);
    await runtime.advance(10);
    expect(status(await next)).toBe("8201");
    const last = usb.bulkIn(64, never).then(encodeHex);
    model.endExtensions();
    expect(status(await last)).toBe("0200");
    expect(model.busySlots).toBe(0);
  });

  it("ICCD version A carries T=0 in parts, version B chains APDUs and asks to be polled", async () => {
    const card = new RigCard({ atr: hex("3b00") });
    const a = memoryUsb(new IccdReaderModel({ clock: runtime.clock, version: "a", card: new CardLine(card) }));
    const request = (usb: UsbInterface, type: number, code: number, value = 0, data = "") => {
      const setup = { requestType: type, request: code, value, index: 0 };
      return type === 0xa1
        ? usb.controlIn(setup, 512, never).then(encodeHex)
        : usb.controlOut(setup, hex(data), never).then(() => runtime.settle());
    };
    expect(a.description.endpoints).toEqual({});
    expect(await request(a, 0xa1, 0x62)).toBe("3b00");
    await request(a, 0x21, 0x65, 0, "00a4040002");
    expect(await request(a, 0xa1, 0xa0)).toBe("10");
    await request(a, 0x21, 0x65, 0, "3f00");
    expect(await request(a, 0xa1, 0xa0)).toBe("20");
    expect(await request(a, 0xa1, 0x6f)).toBe("9000");
    await request(a, 0x21, 0x65, 0, "00b0000003");
    expect(await request(a, 0xa1, 0xa0)).toBe("10");
    expect(await request(a, 0xa1, 0x6f)).toBe("00070e");
    expect(await request(a, 0xa1, 0x6f)).toBe("9000");

    const line = new CardLine(new RigCard());
    const b = memoryUsb(
      new IccdReaderModel({ clock: runtime.clock, version: "b", card: line, busyAnswers: 1, maxMessageBytes: 30 }),
    );
    await request(b, 0x21, 0x62, 1);
    expect(await request(b, 0xa1, 0x6f)).toBe("003bd518ff8191fe1fc38073c8211309");
    await request(b, 0x21, 0x65, 0x100, "00ec000002");
    expect(await request(b, 0xa1, 0x6f)).toBe("10");
    await request(b, 0x21, 0x65, 0x200, "abcd");
    expect(await request(b, 0xa1, 0x6f)).toBe("800100");
    expect(await request(b, 0xa1, 0x6f)).toBe("00abcd9000");
    await request(b, 0x21, 0x65, 0, "00b0000018");
    await request(b, 0xa1, 0x6f);
    expect((await request(b, 0xa1, 0x6f))?.slice(0, 2)).toBe("01");
    await request(b, 0x21, 0x65, 0x1000);
    expect((await request(b, 0xa1, 0x6f))?.slice(0, 2)).toBe("02");
  });

  it("reads end at a short packet, or when they are full", async () => {
    const [model, usb] = reader("extended APDU");
    model.insert(new CardLine(new RigCard()));
    await ask(usb, "62");
    // 10 + 52 + 2 bytes are one packet of 64: an empty one ends the transfer.
    await usb.bulkOut(hex("6f050000000001000000" + "00b0000034"), never);
    await runtime.settle();
    expect(await usb.bulkIn(64, never)).toHaveLength(64);
    expect(await usb.bulkIn(64, never)).toHaveLength(0);
    await usb.bulkOut(hex("6f050000000001000000" + "00b0000034"), never);
    await runtime.settle();
    expect(await usb.bulkIn(65, never).catch((error: UsbError) => error.failure)).toHaveLength(64);
    await usb.bulkOut(hex("6f050000000001000000" + "00b0000080"), never);
    await runtime.settle();
    await expect(usb.bulkIn(100, never)).rejects.toMatchObject({ failure: "overflow" });
  });
});
