// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { concatBytes, encodeHex, hexBytes } from "../../src/base/binary/index.ts";
import { type CcidReader, openCcidDevice } from "../../src/readers/ccid/index.ts";
import { SimulatedRuntime } from "../../src/testing/runtime/index.ts";
import { atrs, cardLine, codeOf, content, readCommand, settled } from "./ccid-bench.ts";
import { type CardLine, IccdReaderModel, type IccdReaderOptions, memoryUsb } from "./models/index.ts";

interface IccdBench {
  readonly runtime: SimulatedRuntime;
  readonly model: IccdReaderModel;
  readonly reader: CcidReader;
  readonly events: string[];
  readonly signal: AbortSignal;
  until<T>(promise: Promise<T>): Promise<T>;
}

const protocols = { a: "t0", b: "t1" } as const;

async function iccdBench(
  version: "a" | "b",
  options: Partial<IccdReaderOptions> = {},
  line?: CardLine,
): Promise<IccdBench> {
  const runtime = new SimulatedRuntime({ settle: () => new Promise(setImmediate) });
  const card = line ?? cardLine({ atr: atrs[protocols[version]] }).line;
  // Tokens negotiate by themselves: dwFeatures 00020840 and 00000840.
  const features = 0x0840;
  const model = new IccdReaderModel({
    clock: runtime.clock,
    version,
    card,
    features,
    maxMessageBytes: 271,
    ...options,
  });
  const until = async <T>(promise: Promise<T>): Promise<T> => (await settled(runtime, promise)).value;
  const device = await until(openCcidDevice(memoryUsb(model), { clock: runtime.clock, trace: runtime.trace }));
  const [reader] = device.readers;
  if (reader === undefined) throw new Error("a device without slots");
  const events: string[] = [];
  const listener = {
    inserted: () => events.push("inserted"),
    removed: () => events.push("removed"),
    lost: (reason: string) => events.push(`lost: ${reason}`),
  };
  await until(reader.open(listener));
  return { runtime, model, reader, events, signal: new AbortController().signal, until };
}

async function ready({ reader, signal, until }: IccdBench, version: "a" | "b"): Promise<void> {
  await until(reader.power("cold-reset", signal));
  await until(reader.setProtocol(protocols[version], signal));
}

describe.each(["a", "b"] as const)("ICCD version %s", (version) => {
  const protocol = protocols[version];

  test("the card is always there: it is powered, and answers", async () => {
    const bench = await iccdBench(version);
    expect(bench.events).toEqual(["inserted"]);
    expect(encodeHex(await bench.until(bench.reader.power("cold-reset", bench.signal)))).toBe(
      encodeHex(atrs[protocol]),
    );
    await bench.until(bench.reader.setProtocol(protocol, bench.signal));
    for (const length of [1, 16, 200, 256]) {
      const response = await bench.until(bench.reader.transmit(readCommand(length), protocol, bench.signal));
      expect(encodeHex(response)).toBe(content(length));
    }
    const update = concatBytes(hexBytes("00D6000020"), new Uint8Array(32));
    expect(encodeHex(await bench.until(bench.reader.transmit(update, protocol, bench.signal)))).toBe("9000");
    expect(encodeHex(await bench.until(bench.reader.transmit(hexBytes("00A40000"), protocol, bench.signal)))).toBe(
      "9000",
    );
    await bench.runtime.advance(60_000);
    expect(bench.events).toEqual(["inserted"]);
  });

  test("a card that is busy is asked again", async () => {
    const bench = await iccdBench(version, { busyAnswers: 25 });
    await ready(bench, version);
    const start = bench.runtime.clock.now();
    const response = await bench.until(bench.reader.transmit(readCommand(100), protocol, bench.signal));
    expect(encodeHex(response)).toBe(content(100));
    expect(bench.runtime.clock.now() - start).toBeGreaterThanOrEqual(250);
  });

  test("a card that stays busy is given up, and an abort ends the wait at once", async () => {
    const bench = await iccdBench(version, { busyAnswers: 1_000_000 });
    await ready(bench, version);
    const start = bench.runtime.clock.now();
    const running = settled(bench.runtime, bench.reader.transmit(readCommand(4), protocol, bench.signal));
    expect(await codeOf(running)).toBe("comm-error");
    expect(bench.runtime.clock.now() - start).toBeLessThan(70_000);
    const other = await iccdBench(version, { busyAnswers: 1_000_000 });
    await ready(other, version);
    const controller = new AbortController();
    const cancelled = codeOf(
      settled(other.runtime, other.reader.transmit(readCommand(4), protocol, controller.signal)),
    );
    await other.runtime.advance(100);
    controller.abort();
    expect(await cancelled).toBe("cancelled");
  });

  test("a mute card is unresponsive", async () => {
    const { line } = cardLine({ atr: atrs[protocol] }, { mute: true });
    const bench = await iccdBench(version, {}, line);
    expect(await codeOf(bench.until(bench.reader.power("cold-reset", bench.signal)))).not.toBe("no error");
  });

  test("unplugged at each transfer", async () => {
    for (let number = 1; number < 100; number++) {
      let isMet = false;
      const transferFaults = (step: { number: number }): "gone" | undefined => {
        isMet = step.number === number || isMet;
        return step.number === number ? "gone" : undefined;
      };
      const opened = await iccdBench(version, { transferFaults }).catch((error) => error as { code: string });
      if ("code" in opened) {
        expect(opened.code).toBe("reader-unavailable");
        continue;
      }
      const { reader, runtime, signal } = opened;
      const life = async (): Promise<void> => {
        await reader.power("cold-reset", signal);
        await reader.setProtocol(protocol, signal);
        await reader.transmit(readCommand(20), protocol, signal);
      };
      const outcome = await codeOf(settled(runtime, life()));
      if (!isMet) break;
      expect(outcome).toBe("reader-unavailable");
      expect(opened.events).toEqual(["inserted", "lost: the reader was unplugged"]);
      await runtime.advance(5_000);
      expect(runtime.pendingTimers).toEqual([]);
    }
  });
});

test("version A has no place for Le behind the data: the answer waits for GET RESPONSE", async () => {
  const bench = await iccdBench("a");
  await ready(bench, "a");
  for (const end of ["", "00"]) {
    const echo = hexBytes(`00EC000003010203${end}`);
    expect(encodeHex(await bench.until(bench.reader.transmit(echo, "t0", bench.signal)))).toBe("6103");
    const fetch = bench.reader.transmit(hexBytes("00C0000003"), "t0", bench.signal);
    expect(encodeHex(await bench.until(fetch))).toBe("0102039000");
  }
});

test("version B chains long commands and responses", async () => {
  const bench = await iccdBench("b");
  await ready(bench, "b");
  const response = await bench.until(bench.reader.transmit(readCommand(2_000), "t1", bench.signal));
  expect(encodeHex(response)).toBe(content(2_000));
  const data = Uint8Array.from({ length: 1_000 }, (_, index) => index & 0xff);
  const echo = concatBytes(hexBytes("00EC00000003E8"), data, hexBytes("0000"));
  expect(encodeHex(await bench.until(bench.reader.transmit(echo, "t1", bench.signal)))).toBe(`${encodeHex(data)}9000`);
});
