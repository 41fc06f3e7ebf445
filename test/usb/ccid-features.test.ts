// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { concatBytes, encodeHex, hexBytes } from "../../src/base/binary/index.ts";
import { attributes, decodeFeatureList } from "../../src/port/index.ts";
import { UsbError, type UsbInterface } from "../../src/readers/ccid/index.ts";
import {
  atr,
  atrs,
  type CcidBench,
  cardLine,
  ccidBench,
  codeOf,
  content,
  readCommand,
  ready,
  settled,
} from "./ccid-bench.ts";
import { features, type Preset, presets, supplies } from "./models/index.ts";

const levels = Object.keys(presets) as Preset[];

function dword(bytes: Uint8Array | undefined): number | undefined {
  return bytes?.length === 4 ? new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true) : undefined;
}

describe("power, CCID 1.1, 6.1.1", () => {
  test.each([
    ["5 V", supplies.fiveVolts, 1],
    ["3 V", supplies.threeVolts, 2],
    ["1.8 V", supplies.oneVoltEight, 4],
  ])("a card that works at %s alone gets it, each voltage in order", async (_name, supply, expected) => {
    const bench = await ccidBench("character", {
      before: (model) => model.insert(cardLine({}, { supplies: supply }).line),
    });
    expect(encodeHex(await bench.until(bench.reader.power("cold-reset", bench.signal)))).toBe(encodeHex(atrs.t1));
    expect(bench.model.slots[0]?.supply).toBe(expected);
    // A warm reset stays with it.
    await bench.until(bench.reader.power("warm-reset", bench.signal));
    expect(bench.model.slots[0]?.supply).toBe(expected);
  });

  test("a voltage that the reader lacks is not asked for", async () => {
    const bench = await ccidBench("character", {
      model: { voltages: 6 },
      before: (model) => model.insert(cardLine({}, { supplies: supplies.fiveVolts }).line),
    });
    expect(await codeOf(bench.until(bench.reader.power("cold-reset", bench.signal)))).toBe("unresponsive-card");
  });

  test.each(levels)("%s: a mute card is unresponsive, and the next card works", async (preset) => {
    const bench = await ccidBench(preset, { before: (model) => model.insert(cardLine({}, { mute: true }).line) });
    const power = settled(bench.runtime, bench.reader.power("cold-reset", bench.signal));
    expect(await codeOf(power)).toBe("unresponsive-card");
    expect(await codeOf(bench.reader.transmit(readCommand(4), "t1", bench.signal))).toBe("unpowered-card");
    bench.model.remove();
    await bench.runtime.advance(1_000);
    bench.model.insert(cardLine().line);
    await bench.runtime.advance(1_000);
    await ready(bench, "t1");
    expect(bench.events).toEqual(["0 inserted", "0 removed", "0 inserted"]);
  });

  test("a cold reset takes the power away first, a warm reset does not", async () => {
    const { card, line } = cardLine();
    const bench = await ccidBench("TPDU", { before: (model) => model.insert(line) });
    await bench.until(bench.reader.power("cold-reset", bench.signal));
    await bench.until(bench.reader.power("warm-reset", bench.signal));
    await bench.until(bench.reader.power("cold-reset", bench.signal));
    expect(card.resets).toBe(3);
    await bench.until(bench.reader.power("power-down", bench.signal));
    expect(bench.model.slots[0]?.powered).toBe(false);
    expect(bench.reader.getAttribute(attributes["atr-string"].value)).toBeUndefined();
  });

  test("without a card", async () => {
    const bench = await ccidBench("TPDU");
    expect(await codeOf(bench.until(bench.reader.power("cold-reset", bench.signal)))).toBe("removed-card");
    expect(await codeOf(bench.until(bench.reader.setProtocol("t1", bench.signal)))).toBe("removed-card");
    expect(await codeOf(bench.until(bench.reader.transmit(readCommand(4), "t1", bench.signal)))).toBe("removed-card");
  });
});

describe("PPS and parameters, CCID 1.1, 6.1.7", () => {
  const current = (reader: {
    getAttribute(attribute: number): Uint8Array | undefined;
  }): readonly (number | undefined)[] => [
    dword(reader.getAttribute(attributes["current-f"].value)),
    dword(reader.getAttribute(attributes["current-d"].value)),
  ];

  test.each<[string, Preset, object]>([
    ["we make the PPS", "TPDU", {}],
    ["we make the PPS, byte by byte", "character", { dataRates: [], maxDataRate: 344_086 }],
    ["the reader makes the PPS", "TPDU", { features: features.automaticPps | features.automaticVoltage }],
  ])("the fastest speed of both: %s", async (_name, preset, model) => {
    const bench = await ccidBench(preset, { model, before: (made) => made.insert(cardLine().line) });
    await ready(bench, "t1");
    // TA1 18: F 372, D 12.
    expect(current(bench.reader)).toEqual([372, 12]);
    expect(bench.model.slots[0]?.line?.factors).toBe(0x18);
    expect(encodeHex(await bench.until(bench.reader.transmit(readCommand(40), "t1", bench.signal)))).toBe(content(40));
  });

  test("a rate that the reader has not is not chosen", async () => {
    const bench = await ccidBench("TPDU", {
      model: { maxDataRate: 100_000 },
      before: (made) => made.insert(cardLine().line),
    });
    await ready(bench, "t1");
    expect(current(bench.reader)).toEqual([372, 8]);
  });

  test("only listed rates are chosen", async () => {
    const bench = await ccidBench("TPDU", {
      model: { dataRates: [10_752, 43_010] },
      before: (made) => made.insert(cardLine().line),
    });
    expect(bench.device.traits.dataRates).toEqual([10_752, 43_010]);
    await ready(bench, "t1");
    expect(current(bench.reader)).toEqual([372, 4]);
  });

  describe("a clock that is raised", () => {
    /** TA1 B6: F 1024, D 32, f(max) 10 MHz. */
    const quick = atr("3B90B68001");
    const manual = { features: features.automaticVoltage, maxDataRate: 344_086 };
    const clockOf = ({ reader }: CcidBench): number | undefined =>
      dword(reader.getAttribute(attributes["current-clk"].value));

    test.each<[string, object, number | undefined, number]>([
      ["the maximum, where the reader lists none", manual, 8000, 8000],
      ["a listed one up to f(max)", { ...manual, clocksKhz: [4000, 6000, 10_000, 12_000] }, 10_000, 10_000],
      ["none that makes a rate which the reader has not", { ...manual, maxDataRate: 200_000 }, 4000, 4000],
      ["none above f(max)", { ...manual, maxClockKhz: 20_000 }, 4000, 4000],
      [
        "none where the reader changes it by itself",
        { features: manual.features | features.automaticClock },
        4000,
        4000,
      ],
    ])("%s", async (_name, model, set, current) => {
      const bench = await ccidBench("TPDU", { model, before: (made) => made.insert(cardLine({ atr: quick }).line) });
      await ready(bench, "t1");
      expect([bench.model.slots[0]?.clockKhz ?? 4000, clockOf(bench)]).toEqual([set, current]);
      expect(encodeHex(await bench.until(bench.reader.transmit(readCommand(40), "t1", bench.signal)))).toBe(
        content(40),
      );
      // A reset finds the usual clock: with another one no card has to answer.
      for (const reset of ["warm-reset", "cold-reset"] as const) {
        await bench.until(bench.reader.power(reset, bench.signal));
        await bench.until(bench.reader.setProtocol("t1", bench.signal));
      }
      bench.model.remove();
      await bench.runtime.advance(1000);
      bench.model.insert(cardLine({ atr: quick }).line);
      await bench.runtime.advance(1000);
      await ready(bench, "t1");
      expect(clockOf(bench)).toBe(current);
    });

    test.each([
      ["is refused", undefined],
      ["becomes another", 4500],
    ])("that %s leaves the speed of the usual clock, after a reset", async (_name, given) => {
      const { card, line } = cardLine({ atr: quick });
      const bench = await ccidBench("TPDU", { model: manual, before: (made) => made.insert(line) });
      const [slot] = bench.model.slots;
      const execute = slot?.execute.bind(slot);
      if (slot === undefined || execute === undefined) return expect.unreachable();
      slot.execute = async (command) => {
        const isRaise = command.type === 0x73 && command.data[0] === 0x40 && command.data[1] === 0x1f;
        if (!isRaise) return execute(command);
        return given === undefined ? { error: 0 } : { data: Uint8Array.of(given & 0xff, given >> 8, 0, 0, 0, 0, 0, 0) };
      };
      await ready(bench, "t1");
      expect(card.resets).toBe(2);
      expect(clockOf(bench)).toBe(4000);
      expect(current(bench.reader)).toEqual([1024, 32]);
      expect(encodeHex(await bench.until(bench.reader.transmit(readCommand(40), "t1", bench.signal)))).toBe(
        content(40),
      );
      return undefined;
    });

    /** An etu is 4 or 8 µs. 260 characters go out, and may come back as late as CWT or WT allow; a second is the reader's own. */
    test.each<[string, "t0" | "t1", Uint8Array, number, number]>([
      // BWI 8, CWI 0: 11 etu and 256 × 960 × 372 / f, then 260 × 12 etu each way.
      ["T=1", "t1", atr("3B90B6812180"), 12_452.8, 23_905.7],
      // WI 1: 260 × 960 × 1024 / f, and 260 × 12 etu.
      ["T=0", "t0", hexBytes("3B90B64001"), 32_961.3, 64_922.6],
    ])("shortens the wait for an answer of %s", async (_name, protocol, card, raisedMs, usualMs) => {
      for (const [maxClockKhz, expectedMs] of [
        [8000, raisedMs],
        [4000, usualMs],
      ] as const) {
        const faults: { how: "none" | undefined } = { how: undefined };
        const bench = await ccidBench("TPDU", {
          model: { ...manual, maxClockKhz, answerFaults: () => faults.how },
          ccid: { limits: { mostAnswerMs: 100_000, recheckMs: 1_000_000 } },
          before: (made) => made.insert(cardLine({ atr: card }).line),
        });
        await ready(bench, protocol);
        expect(clockOf(bench)).toBe(maxClockKhz);
        faults.how = "none";
        const { runtime } = bench;
        const start = runtime.clock.now();
        const failed = codeOf(bench.reader.transmit(readCommand(4), protocol, bench.signal));
        await runtime.advance(expectedMs - 1);
        expect(runtime.pendingTimers).toContain("ccid transmit");
        await runtime.advance(2);
        expect(runtime.pendingTimers).not.toContain("ccid transmit");
        expect(await bench.until(failed)).toBe("comm-error");
        expect(runtime.clock.now() - start).toBeLessThan(expectedMs + 3_000);
      }
    });
  });

  test.each([
    ["no answer", () => new Uint8Array(0)],
    ["another protocol", () => hexBytes("FF00FF")],
    ["a wrong check byte", (request: Uint8Array) => Uint8Array.of(...request.subarray(0, -1), 0)],
  ])("a card that refuses PPS by %s is reset, and used at the first speed", async (_name, pps) => {
    const { card, line } = cardLine({ pps });
    const bench = await ccidBench("TPDU", { before: (made) => made.insert(line) });
    await ready(bench, "t1");
    expect(card.resets).toBe(2);
    expect(current(bench.reader)).toEqual([372, 1]);
    expect(encodeHex(await bench.until(bench.reader.transmit(readCommand(40), "t1", bench.signal)))).toBe(content(40));
  });

  test.each(levels)("%s: a card of both protocols speaks the one that is asked for", async (preset) => {
    for (const protocol of ["t0", "t1"] as const) {
      const bench = await ccidBench(preset, { before: (model) => model.insert(cardLine({ atr: atrs.both }).line) });
      await ready(bench, protocol);
      const response = await bench.until(bench.reader.transmit(readCommand(100), protocol, bench.signal));
      expect(encodeHex(response)).toBe(content(100));
      const other = protocol === "t0" ? "t1" : "t0";
      expect(await codeOf(bench.until(bench.reader.transmit(readCommand(1), other, bench.signal)))).toBe(
        "proto-mismatch",
      );
    }
  });

  test("a protocol that the card or the reader has not", async () => {
    const bench = await ccidBench("TPDU", {
      model: { protocols: 1 },
      before: (model) => model.insert(cardLine({ atr: atrs.both }).line),
    });
    expect(bench.reader.description.protocols).toEqual(["t0"]);
    await bench.until(bench.reader.power("cold-reset", bench.signal));
    expect(await codeOf(bench.until(bench.reader.setProtocol("t1", bench.signal)))).toBe("proto-mismatch");
    expect(await codeOf(bench.until(bench.reader.setProtocol("raw", bench.signal)))).toBe("proto-mismatch");
    const other = await ccidBench("TPDU", { before: (model) => model.insert(cardLine().line) });
    await other.until(other.reader.power("cold-reset", other.signal));
    expect(await codeOf(other.until(other.reader.setProtocol("t0", other.signal)))).toBe("proto-mismatch");
  });

  test.each([
    ["IFSC 0 and BWI 15", "3B8081" + "31" + "00" + "F5", 32],
    ["IFSC 255", "3B8081" + "31" + "FF" + "45", 254],
  ])("an ATR with reserved values: %s", async (_name, hex, ifsc) => {
    for (const preset of ["TPDU", "short APDU"] as const) {
      const bench = await ccidBench(preset, { before: (model) => model.insert(cardLine({ atr: atr(hex) }).line) });
      await ready(bench, "t1");
      expect(dword(bench.reader.getAttribute(attributes["current-bwt"].value))).toBeLessThanOrEqual(9);
      expect(dword(bench.reader.getAttribute(attributes["current-ifsc"].value))).toBe(ifsc);
    }
  });

  test("CRC in place of LRC", async () => {
    const crc = atr("3B8081" + "D1" + "FE" + "45" + "01");
    const bench = await ccidBench("TPDU", { before: (model) => model.insert(cardLine({ atr: crc }).line) });
    await ready(bench, "t1");
    expect(dword(bench.reader.getAttribute(attributes["current-ebc-encoding"].value))).toBe(1);
    expect(encodeHex(await bench.until(bench.reader.transmit(readCommand(256), "t1", bench.signal)))).toBe(
      content(256),
    );
  });
});

describe("exchange", () => {
  const extended: readonly Preset[] = ["extended APDU", "extended APDU, chained", "TPDU", "character"];

  test.each(extended)(
    "%s: 65,536 bytes come back under T=1, and 65,535 go out",
    async (preset) => {
      const bench = await ccidBench(preset, { before: (model) => model.insert(cardLine().line) });
      await ready(bench, "t1");
      const response = await bench.until(bench.reader.transmit(readCommand(65_536), "t1", bench.signal));
      expect(encodeHex(response)).toBe(content(65_536));
      const data = Uint8Array.from({ length: 65_535 }, (_, index) => index & 0xff);
      const echo = concatBytes(hexBytes("00EC000000FFFF"), data, hexBytes("0000"));
      expect(encodeHex(await bench.until(bench.reader.transmit(echo, "t1", bench.signal)))).toBe(
        `${encodeHex(data)}9000`,
      );
    },
    3_600_000,
  );

  test.each(levels)("%s: every length around a message and a packet", async (preset) => {
    const bench = await ccidBench(preset, { before: (model) => model.insert(cardLine().line) });
    await ready(bench, "t1");
    for (const length of [1, 2, 51, 52, 53, 54, 116, 117, 118, 119, 243, 244, 245, 246, 247, 252, 253, 254, 255, 256]) {
      const response = await bench.until(bench.reader.transmit(readCommand(length), "t1", bench.signal));
      expect(encodeHex(response), `${length}`).toBe(content(length));
      const data = new Uint8Array(Math.min(255, length)).fill(length);
      const command = concatBytes(hexBytes("00EC0000"), Uint8Array.of(data.length), data);
      expect(encodeHex(await bench.until(bench.reader.transmit(command, "t1", bench.signal)))).toBe(
        `${encodeHex(data)}9000`,
      );
    }
  });

  test("a command that a short APDU reader cannot take is refused before it is sent", async () => {
    const { card, line } = cardLine();
    const bench = await ccidBench("short APDU", { before: (model) => model.insert(line) });
    await ready(bench, "t1");
    await expect(bench.until(bench.reader.transmit(new Uint8Array(262), "t1", bench.signal))).rejects.toMatchObject({
      code: "invalid-parameter",
      message: expect.stringContaining("at most 261 bytes, and this one has 262"),
    });
    expect(card.commands).toBe(0);
  });

  test("a command of T=0 without P3 gets it", async () => {
    for (const preset of ["TPDU", "character"] as const) {
      const bench = await ccidBench(preset, { before: (model) => model.insert(cardLine({ atr: atrs.t0 }).line) });
      await ready(bench, "t0");
      expect(encodeHex(await bench.until(bench.reader.transmit(hexBytes("00A40000"), "t0", bench.signal)))).toBe(
        "9000",
      );
    }
  });

  test.each(levels)("%s: a card that asks for more time gets it: a multiple of the wait", async (preset) => {
    for (const protocol of ["t0", "t1"] as const) {
      const bench = await ccidBench(preset, {
        model: { extensionMs: 30_000 },
        before: (model) => model.insert(cardLine({ atr: atrs[protocol] }, { waits: () => [10, 20] }).line),
        ccid: { limits: { leastAnswerMs: 3_000, mostAnswerMs: 5_000 } },
      });
      await ready(bench, protocol);
      const response = await bench.until(bench.reader.transmit(readCommand(10), protocol, bench.signal));
      expect(encodeHex(response)).toBe(content(10));
    }
  });

  test("empty answers without end are read a few times only", async () => {
    let isFlood = false;
    let reads = 0;
    const bench = await ccidBench("extended APDU", {
      before: (model) => model.insert(cardLine().line),
      wrap: (usb) => ({
        ...recording(usb, () => undefined),
        async bulkIn(most, signal) {
          if (!isFlood || ++reads > 2_000) return await usb.bulkIn(most, signal);
          return new Uint8Array(0);
        },
      }),
    });
    await ready(bench, "t1");
    isFlood = true;
    expect(await codeOf(bench.until(bench.reader.transmit(readCommand(10), "t1", bench.signal)))).toBe("comm-error");
    expect(reads).toBeLessThan(60);
    isFlood = false;
    await ready(bench, "t1");
    expect(encodeHex(await bench.until(bench.reader.transmit(readCommand(10), "t1", bench.signal)))).toBe(content(10));
  });

  test.each(levels)(
    "%s: time extensions without end, and a mute reader, are bounded",
    async (preset) => {
      for (const fault of ["endless-extension", "none"] as const) {
        let isFaulty = false;
        const bench = await ccidBench(preset, {
          model: { answerFaults: () => (isFaulty ? fault : undefined), extensionMs: 1_000 },
          before: (model) => model.insert(cardLine().line),
        });
        await ready(bench, "t1");
        isFaulty = true;
        const { runtime, reader, signal } = bench;
        const start = runtime.clock.now();
        expect(await codeOf(settled(runtime, reader.transmit(readCommand(10), "t1", signal)))).toBe("comm-error");
        expect(runtime.clock.now() - start).toBeLessThan(fault === "none" ? 70_000 : 650_000);
        isFaulty = false;
        await ready(bench, "t1");
        expect(encodeHex(await bench.until(reader.transmit(readCommand(10), "t1", signal)))).toBe(content(10));
      }
    },
    3_600_000,
  );

  test.each(levels)("%s: an aborted transmit ends soon, and the card works after a reset", async (preset) => {
    const bench = await ccidBench(preset, {
      model: { answerMs: 2_500 },
      before: (model) => model.insert(cardLine().line),
    });
    await ready(bench, "t1");
    const controller = new AbortController();
    const reason = new Error("enough");
    const running = bench.reader.transmit(readCommand(10), "t1", controller.signal);
    const outcome = settled(bench.runtime, running);
    await bench.runtime.settle();
    controller.abort(reason);
    await expect(outcome).rejects.toMatchObject({ code: "cancelled" });
    const aborted = bench.runtime.events.filter(({ kind }) => kind === "ccid-abort");
    expect(aborted.map(({ detail }) => detail)).toEqual(["slot 0: transmit; the slot is free again"]);
    await ready(bench, "t1");
    expect(encodeHex(await bench.until(bench.reader.transmit(readCommand(10), "t1", bench.signal)))).toBe(content(10));
  });

  test.each(["stall", "timeout"] as const)("an abort whose second half meets a %s is ended later", async (failure) => {
    // The slot refuses every command until it has both halves: CCID 1.1, 5.3.1.
    let failures = failure === "stall" ? 2 : 1;
    const bench = await ccidBench("short APDU", {
      model: { answerMs: 2_500 },
      before: (model) => model.insert(cardLine().line),
      wrap: (usb) => {
        const bulkOut = usb.bulkOut.bind(usb);
        usb.bulkOut = async (bytes, signal) => {
          if (bytes[0] === 0x72 && failures-- > 0) throw new UsbError(failure, "as the test wants it");
          await bulkOut(bytes, signal);
        };
        return usb;
      },
    });
    await ready(bench, "t1");
    const controller = new AbortController();
    const outcome = settled(bench.runtime, bench.reader.transmit(readCommand(10), "t1", controller.signal));
    await bench.runtime.settle();
    controller.abort();
    await expect(outcome).rejects.toMatchObject({ code: "cancelled" });
    await ready(bench, "t1");
    expect(encodeHex(await bench.until(bench.reader.transmit(readCommand(10), "t1", bench.signal)))).toBe(content(10));
  });

  test("an operation that waits for a question about the card ends when it is aborted", async () => {
    let isFaulty = false;
    const bench = await ccidBench("TPDU", {
      model: { answerFaults: () => (isFaulty ? "none" : undefined) },
      before: (model) => model.insert(cardLine().line),
    });
    await ready(bench, "t1");
    isFaulty = true;
    // The slot status is asked for after two seconds, and not answered.
    await bench.runtime.advance(2_100);
    const controller = new AbortController();
    const running = codeOf(bench.reader.transmit(readCommand(10), "t1", controller.signal));
    controller.abort();
    await bench.runtime.settle();
    const start = bench.runtime.clock.now();
    expect(await running).toBe("cancelled");
    expect(bench.runtime.clock.now()).toBe(start);
  });

  test.each([
    ["GetSlotStatus", 0x65, 15_000],
    ["IccPowerOff", 0x63, 15_000],
    ["IccPowerOn", 0x62, 70_000],
    ["SetParameters", 0x61, 70_000],
  ])("time extensions without end to %s are bounded, and the reader works afterwards", async (_name, type, mostMs) => {
    let isFaulty = false;
    const bench = await ccidBench("TPDU", {
      model: { answerFaults: ({ command }) => (isFaulty && command.type === type ? "endless-extension" : undefined) },
      before: (model) => model.insert(cardLine().line),
    });
    await ready(bench, "t1");
    isFaulty = true;
    // Until the slot status is asked for, and not answered.
    await bench.runtime.advance(2_100);
    const start = bench.runtime.clock.now();
    const life = async (): Promise<void> => {
      await bench.reader.power("cold-reset", bench.signal);
      await bench.reader.setProtocol("t1", bench.signal);
    };
    const code = await codeOf(settled(bench.runtime, life()));
    expect(["no error", "comm-error", "unresponsive-card"]).toContain(code);
    expect(bench.runtime.clock.now() - start).toBeLessThan(mostMs);
    isFaulty = false;
    await ready(bench, "t1");
    expect(encodeHex(await bench.until(bench.reader.transmit(readCommand(10), "t1", bench.signal)))).toBe(content(10));
  });

  test("a reader that does not know ABORT gets a moment, and its late answer is not taken for another one", async () => {
    let isFaulty = false;
    const bench = await ccidBench("extended APDU", {
      model: { answerFaults: () => (isFaulty ? "late" : undefined), lateMs: 20_000 },
      before: (model) => model.insert(cardLine().line),
      ccid: { limits: { mostAnswerMs: 3_000 } },
      wrap: (usb) => ({
        ...usb,
        description: usb.description,
        bulkOut: (bytes, signal) => usb.bulkOut(bytes, signal),
        bulkIn: (most, signal) => usb.bulkIn(most, signal),
        interruptIn: (most, signal) => usb.interruptIn(most, signal),
        controlIn: (request, most, signal) => usb.controlIn(request, most, signal),
        controlOut: () => Promise.reject(new Error("stalled")),
        clearHalt: (endpoint, signal) => usb.clearHalt(endpoint, signal),
        close: () => usb.close(),
      }),
    });
    await ready(bench, "t1");
    isFaulty = true;
    expect(await codeOf(bench.until(bench.reader.transmit(readCommand(10), "t1", bench.signal)))).toBe("comm-error");
    isFaulty = false;
    await bench.runtime.advance(30_000);
    await ready(bench, "t1");
    expect(encodeHex(await bench.until(bench.reader.transmit(readCommand(12), "t1", bench.signal)))).toBe(content(12));
  });
});

test.each(["TPDU", "character"] as const)(
  "%s: after a resynchronisation blocks are as long as before",
  async (preset) => {
    let count = 0;
    let lost = 0;
    const { line } = cardLine(
      {},
      {
        faults: ({ direction }) => {
          if (direction === "from-card" && count > 0 && lost < 3) {
            lost++;
            return "lost";
          }
          return undefined;
        },
      },
    );
    const bench = await ccidBench(preset, { before: (model) => model.insert(line) });
    await ready(bench, "t1");
    const ifsd = (): number | undefined => dword(bench.reader.getAttribute(attributes["current-ifsd"].value));
    expect(ifsd()).toBe(254);
    count = 1;
    // The card may have executed the command: it is not sent a second time.
    expect(await codeOf(bench.until(bench.reader.transmit(readCommand(10), "t1", bench.signal)))).toBe("comm-error");
    expect(ifsd()).toBe(32);
    expect(encodeHex(await bench.until(bench.reader.transmit(readCommand(200), "t1", bench.signal)))).toBe(
      content(200),
    );
    expect(ifsd()).toBe(254);
  },
);

describe("QEMU's reader: 08e6:4433, dwFeatures 000104FE, T=0", () => {
  const shape = {
    vendorId: 0x08e6,
    productId: 0x4433,
    protocols: 1,
    features: 0x04fe,
    maxMessageBytes: 65_554,
    pinSupport: 1,
  };

  test("its card is used without SetParameters and PPS", async () => {
    const sent: number[] = [];
    const bench = await ccidBench("TPDU", {
      model: shape,
      before: (model) => model.insert(cardLine({ atr: atrs.t0 }).line),
      wrap: (usb) => recording(usb, (bytes) => sent.push(bytes[0] ?? 0)),
    });
    await ready(bench, "t0");
    expect(encodeHex(await bench.until(bench.reader.transmit(readCommand(100), "t0", bench.signal)))).toBe(
      content(100),
    );
    expect(sent).not.toContain(0x61);
    expect(sent.filter((type) => type === 0x6f)).toHaveLength(1);
  });

  test("an IccPowerOn without a card fails, and the old ATR that it carries is no card", async () => {
    const bench = await ccidBench("TPDU", {
      model: shape,
      before: (model) => model.insert(cardLine({ atr: atrs.t0 }).line),
      wrap: (usb) => ({
        ...recording(usb, () => undefined),
        async bulkIn(most, signal) {
          const bytes = await usb.bulkIn(most, signal);
          if (bytes[0] !== 0x80 || bytes[8] !== 0xfe) return bytes;
          const message = concatBytes(bytes.subarray(0, 10), atrs.t0);
          message[1] = atrs.t0.length;
          return message;
        },
      }),
    });
    bench.model.remove();
    const power = bench.until(bench.reader.power("cold-reset", bench.signal));
    expect(await codeOf(power)).toBe("removed-card");
    expect(bench.reader.getAttribute(attributes["atr-string"].value)).toBeUndefined();
  });
});

/** A port that shows the messages to the reader. */
function recording(usb: UsbInterface, saw: (message: Uint8Array) => void): UsbInterface {
  return {
    description: usb.description,
    bulkOut(bytes, signal) {
      saw(bytes);
      return usb.bulkOut(bytes, signal);
    },
    bulkIn: (most, signal) => usb.bulkIn(most, signal),
    interruptIn: (most, signal) => usb.interruptIn(most, signal),
    controlIn: (request, most, signal) => usb.controlIn(request, most, signal),
    controlOut: (request, data, signal) => usb.controlOut(request, data, signal),
    clearHalt: (endpoint, signal) => usb.clearHalt(endpoint, signal),
    close: () => usb.close(),
  };
}

describe("cards come and go", () => {
  test.each(levels)("%s: insertion and removal are reported, each once", async (preset) => {
    const bench = await ccidBench(preset);
    expect(bench.events).toEqual([]);
    for (let round = 0; round < 3; round++) {
      bench.model.insert(cardLine().line);
      await bench.runtime.advance(1_000);
      await ready(bench, "t1");
      bench.model.remove();
      await bench.runtime.advance(1_000);
    }
    await bench.runtime.advance(10_000);
    expect(bench.events).toEqual(["0 inserted", "0 removed", "0 inserted", "0 removed", "0 inserted", "0 removed"]);
  });

  test("with an interrupt endpoint at once", async () => {
    const bench = await ccidBench("TPDU");
    bench.model.insert(cardLine().line);
    await bench.runtime.settle();
    expect(bench.events).toEqual(["0 inserted"]);
  });

  test("a message of the interrupt endpoint that is lost is made up for", async () => {
    const bench = await ccidBench("TPDU", {
      wrap: (usb) => ({
        description: usb.description,
        bulkOut: (bytes, signal) => usb.bulkOut(bytes, signal),
        bulkIn: (most, signal) => usb.bulkIn(most, signal),
        // Messages are read, and lost.
        interruptIn: (_most, signal) =>
          new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("cancelled")))),
        controlIn: (request, most, signal) => usb.controlIn(request, most, signal),
        controlOut: (request, data, signal) => usb.controlOut(request, data, signal),
        clearHalt: (endpoint, signal) => usb.clearHalt(endpoint, signal),
        close: () => usb.close(),
      }),
    });
    bench.model.insert(cardLine().line);
    await bench.runtime.advance(2_100);
    expect(bench.events).toEqual(["0 inserted"]);
    bench.model.remove();
    await bench.runtime.advance(2_100);
    expect(bench.events).toEqual(["0 inserted", "0 removed"]);
  });

  test.each(levels)("%s: a card that is swapped while nothing looks is another card", async (preset) => {
    const bench = await ccidBench(preset, { before: (model) => model.insert(cardLine().line) });
    await ready(bench, "t1");
    bench.model.remove();
    bench.model.insert(cardLine().line);
    await bench.runtime.advance(3_000);
    expect(bench.events).toEqual(["0 inserted", "0 removed", "0 inserted"]);
    expect(await codeOf(bench.reader.transmit(readCommand(4), "t1", bench.signal))).toBe("unpowered-card");
  });

  test.each(levels)("%s: pulled in the middle of a command", async (preset) => {
    const bench = await ccidBench(preset, {
      model: { answerMs: 1_000 },
      before: (model) => model.insert(cardLine().line),
    });
    await ready(bench, "t1");
    const running = codeOf(settled(bench.runtime, bench.reader.transmit(readCommand(10), "t1", bench.signal)));
    await bench.runtime.settle();
    bench.model.remove();
    expect(await running).toBe("removed-card");
    await bench.runtime.advance(1_000);
    expect(bench.events).toEqual(["0 inserted", "0 removed"]);
  });

  test("the reader is closed: the card has no power, and nothing is left", async () => {
    const bench = await ccidBench("TPDU", { before: (model) => model.insert(cardLine().line) });
    await ready(bench, "t1");
    await bench.until(bench.reader.close());
    expect(bench.model.slots[0]?.powered).toBe(false);
    expect(bench.runtime.pendingTimers).toEqual([]);
    expect(await codeOf(bench.reader.transmit(readCommand(4), "t1", bench.signal))).toBe("reader-unavailable");
    bench.model.remove();
    expect(bench.events).toEqual(["0 inserted"]);
  });

  test.each(["endless-extension", "none"] as const)(
    "a reader that does not end its last command (%s) ends all the same",
    async (fault) => {
      for (const isBusy of [false, true]) {
        let isFaulty = false;
        const bench = await ccidBench("TPDU", {
          model: { answerFaults: () => (isFaulty ? fault : undefined) },
          before: (model) => model.insert(cardLine().line),
        });
        await ready(bench, "t1");
        isFaulty = true;
        const running = isBusy ? codeOf(bench.reader.transmit(readCommand(10), "t1", bench.signal)) : undefined;
        await bench.runtime.settle();
        const start = bench.runtime.clock.now();
        await bench.until(bench.reader.close());
        expect(bench.runtime.clock.now() - start).toBeLessThan(2_000);
        if (running !== undefined) expect(await bench.until(running)).toBe("reader-unavailable");
        await bench.runtime.advance(10_000);
        expect(bench.runtime.pendingTimers.filter((name) => name.startsWith("ccid"))).toEqual([]);
      }
    },
  );

  test("a hardware error is traced", async () => {
    const bench = await ccidBench("TPDU");
    bench.model.reportHardwareError(0, 3, 1);
    await bench.runtime.settle();
    expect(bench.runtime.events).toContainEqual(
      expect.objectContaining({ kind: "ccid-hardware-error", detail: "slot 0, bHardwareErrorCode 1" }),
    );
  });
});

describe("several slots", () => {
  const two = { slots: 2, busySlots: 2 } as const;

  test("two slots work at once", async () => {
    const bench = await ccidBench("two slots, PIN pad", {
      model: { ...two, answerMs: 2_000 },
      before: (model) => {
        model.insert(cardLine().line, 0);
        model.insert(cardLine().line, 1);
      },
    });
    const [first, second] = bench.readers;
    if (first === undefined || second === undefined) throw new Error("two slots");
    await ready(bench, "t1", first);
    await ready(bench, "t1", second);
    const start = bench.runtime.clock.now();
    const both = Promise.all([
      first.transmit(readCommand(10), "t1", bench.signal),
      second.transmit(readCommand(20), "t1", bench.signal),
    ]);
    const [one, other] = await bench.until(both);
    expect([encodeHex(one), encodeHex(other)]).toEqual([content(10), content(20)]);
    expect(bench.runtime.clock.now() - start).toBeLessThan(3_500);
  });

  test("a reader that does one thing at a time gets one command at a time", async () => {
    let refused = 0;
    const bench = await ccidBench("two slots, PIN pad", {
      wrap: (usb) => ({
        ...recording(usb, () => undefined),
        async bulkIn(most, signal) {
          const answer = await usb.bulkIn(most, signal);
          if (answer[8] === 0xe0) refused++;
          return answer;
        },
      }),
      model: { slots: 2, busySlots: 1, answerMs: 500 },
      before: (model) => {
        model.insert(cardLine().line, 0);
        model.insert(cardLine().line, 1);
      },
    });
    const [first, second] = bench.readers;
    if (first === undefined || second === undefined) throw new Error("two slots");
    await ready(bench, "t1", first);
    await ready(bench, "t1", second);
    const start = bench.runtime.clock.now();
    const both = Promise.all([
      first.transmit(readCommand(10), "t1", bench.signal),
      second.transmit(readCommand(20), "t1", bench.signal),
    ]);
    await bench.runtime.settle();
    expect(bench.model.busySlots).toBe(1);
    const [one, other] = await bench.until(both);
    expect([encodeHex(one), encodeHex(other)]).toEqual([content(10), content(20)]);
    expect(bench.runtime.clock.now() - start).toBeGreaterThanOrEqual(1_000);
    expect(refused).toBe(0);
  });

  test("a card that keeps one slot waiting leaves the other alone", async () => {
    let isMute = false;
    const bench = await ccidBench("two slots, PIN pad", {
      model: { ...two, answerFaults: ({ command }) => (isMute && command.slot === 0 ? "none" : undefined) },
      before: (model) => {
        model.insert(cardLine().line, 0);
        model.insert(cardLine().line, 1);
      },
    });
    const [first, second] = bench.readers;
    if (first === undefined || second === undefined) throw new Error("two slots");
    await ready(bench, "t1", first);
    await ready(bench, "t1", second);
    isMute = true;
    const mute = codeOf(first.transmit(readCommand(10), "t1", bench.signal));
    for (let count = 0; count < 20; count++) {
      const response = await bench.until(second.transmit(readCommand(20), "t1", bench.signal));
      expect(encodeHex(response)).toBe(content(20));
    }
    expect(await bench.until(mute)).toBe("comm-error");
  });

  test("each slot has its own events and name; the device ends with the last reader", async () => {
    const bench = await ccidBench("two slots, PIN pad");
    bench.model.insert(cardLine().line, 1);
    await bench.runtime.settle();
    expect(bench.events).toEqual(["1 inserted"]);
    const [first, second] = bench.readers;
    expect(first?.description.name).not.toBe(second?.description.name);
    expect(first?.description.id).not.toBe(second?.description.id);
    await bench.until(first?.close() ?? Promise.resolve());
    bench.model.remove(1);
    await bench.runtime.advance(10);
    expect(bench.events).toEqual(["1 inserted", "1 removed"]);
    await bench.until(second?.close() ?? Promise.resolve());
    expect(bench.runtime.pendingTimers).toEqual([]);
  });

  test("unplugged: every reader is lost, once", async () => {
    const bench = await ccidBench("two slots, PIN pad", { before: (model) => model.insert(cardLine().line, 0) });
    await ready(bench, "t1");
    bench.model.unplug();
    await bench.runtime.advance(5_000);
    expect(bench.events).toEqual([
      "0 inserted",
      "0 lost: the reader was unplugged",
      "1 lost: the reader was unplugged",
    ]);
    expect(await codeOf(bench.reader.transmit(readCommand(4), "t1", bench.signal))).toBe("reader-unavailable");
    expect(bench.runtime.pendingTimers).toEqual([]);
  });
});

test("texts of a device are cut to what a description holds, in whole characters", async () => {
  const long = "\u20ac".repeat(126);
  const bench = await ccidBench("TPDU", { model: { vendor: long, product: "\u{1f4b3}".repeat(63), serial: long } });
  const { vendor, product, serial = "" } = bench.reader.description;
  expect(vendor).toBe("\u20ac".repeat(42));
  expect(product).toBe("\u{1f4b3}".repeat(32));
  expect(serial).toBe("\u20ac".repeat(42));
});

describe("attributes", () => {
  test("what libccid answers, and more", async () => {
    const bench = await ccidBench("TPDU", { before: (model) => model.insert(cardLine().line) });
    await ready(bench, "t1");
    const { reader } = bench;
    const value = (name: keyof typeof attributes): string =>
      encodeHex(reader.getAttribute(attributes[name].value) ?? new Uint8Array(0));
    expect(value("atr-string")).toBe(encodeHex(atrs.t1));
    expect(value("icc-presence")).toBe("02");
    expect(value("icc-interface-status")).toBe("01");
    expect(value("vendor-ifd-version")).toBe("00000001");
    expect(value("channel-id")).toBe("02012000");
    expect(value("maxinput")).toBe("05010000");
    expect(value("max-ifsd")).toBe("FE000000");
    expect(value("default-clk")).toBe("A00F0000");
    expect(value("max-data-rate")).toBe("16400500");
    expect(value("current-ifsc")).toBe("FE000000");
    expect(value("current-ifsd")).toBe("FE000000");
    expect(value("current-protocol-type")).toBe("02000000");
    expect(new TextDecoder().decode(hexBytes(value("vendor-name")))).toBe("Model");
    expect(reader.getAttribute(0x7fff_0000)).toBeUndefined();
    expect(reader.setAttribute(attributes["current-clk"].value, new Uint8Array(4))).toBe(false);
  });
});

describe("control, PC/SC part 10", () => {
  const FEATURES = 0x4200_0d48;
  const none = new Uint8Array(0);

  test("the features of a reader with a PIN pad, by libccid's codes", async () => {
    const bench = await ccidBench("two slots, PIN pad");
    const list = decodeFeatureList(await bench.until(bench.reader.control(FEATURES, none, bench.signal)));
    expect(list).toEqual({
      ok: true,
      value: [
        { tag: 0x06, controlCode: 0x4233_0006 },
        { tag: 0x07, controlCode: 0x4233_0007 },
        { tag: 0x0a, controlCode: 0x4233_000a },
        { tag: 0x12, controlCode: 0x4233_0012 },
      ],
    });
    expect(encodeHex(await bench.until(bench.reader.control(0x4233_000a, none, bench.signal)))).toBe("10020700");
    expect(encodeHex(await bench.until(bench.reader.control(0x4233_0012, none, bench.signal)))).toBe(
      "01021002" + "04021000" + "05020200" + "030100" + "090100" + "0B02E604" + "0C021651" + "0A0400000000",
    );
  });

  test("a reader without a PIN pad", async () => {
    const bench = await ccidBench("TPDU");
    expect(encodeHex(await bench.until(bench.reader.control(FEATURES, none, bench.signal)))).toBe("120442330012");
    for (const code of [0x4233_0006, 0x4233_0007, 0x4233_000a, 0x4233_0008, 0x4200_0003]) {
      expect(await codeOf(bench.until(bench.reader.control(code, none, bench.signal)))).toBe("unsupported-feature");
    }
  });

  test("the list under Windows' code, as programs over RDP ask for it", async () => {
    const bench = await ccidBench("TPDU");
    expect(encodeHex(await bench.until(bench.reader.control(0x0031_3520, none, bench.signal)))).toBe("120442330012");
  });

  test("where the reader is plugged in, as libccid tells it", async () => {
    const bench = await ccidBench("TPDU");
    const path = await bench.until(bench.reader.control(0x4200_0e11, none, bench.signal));
    expect(new TextDecoder().decode(path)).toBe("1-1:1.0\0");
  });

  test("escape commands are refused, and allowed by an option", async () => {
    const vendorCommand = (data: Uint8Array): Uint8Array => Uint8Array.of(0xaa, ...data);
    const shut = await ccidBench("TPDU", { model: { escape: vendorCommand, vendorId: 0x1234 } });
    await expect(shut.until(shut.reader.control(0x4200_0001, hexBytes("E0"), shut.signal))).rejects.toMatchObject({
      code: "no-access",
      message: expect.stringContaining("allowEscape"),
    });
    const open = await ccidBench("TPDU", {
      model: { escape: vendorCommand, vendorId: 0x1234 },
      ccid: { allowEscape: true },
    });
    expect(encodeHex(await open.until(open.reader.control(0x4200_0001, hexBytes("E0"), open.signal)))).toBe("AAE0");
    const list = await open.until(open.reader.control(FEATURES, none, open.signal));
    expect(encodeHex(list)).toBe("120442330012" + "130442000001");
    const unable = await ccidBench("TPDU", { model: { vendorId: 0x1234 }, ccid: { allowEscape: true } });
    expect(await codeOf(unable.until(unable.reader.control(0x4200_0001, hexBytes("E0"), unable.signal)))).toBe(
      "unsupported-feature",
    );
  });

  test("Gemalto readers may always be asked for their firmware, and nothing else", async () => {
    const vendorCommand = (data: Uint8Array): Uint8Array | undefined =>
      data[0] === 2 ? hexBytes("47656D") : undefined;
    const bench = await ccidBench("TPDU", { model: { escape: vendorCommand, vendorId: 0x08e6 } });
    expect(encodeHex(await bench.until(bench.reader.control(0x4200_0001, hexBytes("02"), bench.signal)))).toBe(
      "47656D",
    );
    expect(await codeOf(bench.until(bench.reader.control(0x4200_0001, hexBytes("0200"), bench.signal)))).toBe(
      "no-access",
    );
    const properties = encodeHex(await bench.until(bench.reader.control(0x4233_0012, none, bench.signal)));
    expect(properties).toContain("080347656D");
  });
});

describe("mechanics, clock and data rate", () => {
  test("eject, lock and unlock", async () => {
    const bench = await ccidBench("TPDU", {
      model: { mechanical: 10 },
      before: (model) => model.insert(cardLine().line),
    });
    const { reader, signal } = bench;
    expect(reader.description.canEject).toBe(true);
    await bench.until(reader.lock(true, signal));
    expect(await codeOf(bench.until(reader.eject?.(signal) ?? Promise.resolve()))).toBe("comm-error");
    await bench.until(reader.lock(false, signal));
    await bench.until(reader.eject?.(signal) ?? Promise.resolve());
    await bench.runtime.advance(100);
    expect(bench.events).toEqual(["0 inserted", "0 removed"]);
    expect(await codeOf(bench.until(reader.eject?.(signal) ?? Promise.resolve()))).toBe("removed-card");
    const plain = await ccidBench("TPDU");
    expect(plain.reader.eject).toBeUndefined();
    expect(await codeOf(plain.until(plain.reader.lock(true, plain.signal)))).toBe("unsupported-feature");
  });

  test("the clock is stopped and started", async () => {
    const bench = await ccidBench("TPDU", {
      model: { features: features.clockStop | features.automaticVoltage },
      before: (model) => model.insert(cardLine().line),
    });
    await ready(bench, "t1");
    await bench.until(bench.reader.clock("stop", bench.signal));
    await bench.until(bench.reader.clock("restart", bench.signal));
    const plain = await ccidBench("TPDU");
    expect(await codeOf(plain.until(plain.reader.clock("stop", plain.signal)))).toBe("unsupported-feature");
  });

  test("clock and data rate by hand", async () => {
    const bench = await ccidBench("TPDU", {
      model: { features: features.automaticVoltage },
      before: (model) => model.insert(cardLine().line),
    });
    const setting = { clockKhz: 4_000, dataRate: 43_011 };
    expect(await bench.until(bench.reader.setDataRateAndClockFrequency(setting, bench.signal))).toEqual(setting);
    const other = await ccidBench("TPDU");
    expect(await codeOf(other.until(other.reader.setDataRateAndClockFrequency(setting, other.signal)))).toBe(
      "unsupported-feature",
    );
  });
});
