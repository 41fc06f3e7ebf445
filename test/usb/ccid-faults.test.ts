// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { encodeHex } from "../../src/base/binary/index.ts";
import { SmartCardError } from "../../src/port/index.ts";
import { UsbError, type UsbFailure, type UsbInterface } from "../../src/readers/ccid/index.ts";
import {
  atrs,
  type CcidBench,
  type CcidBenchOptions,
  cardLine,
  ccidBench,
  content,
  readCommand,
  settled,
} from "./ccid-bench.ts";
import { type AnswerFault, answerFaults, type Preset, presets } from "./models/index.ts";

/** A whole life: each step is followed by the next only where it succeeded. Returns what each came to. */
async function life(bench: CcidBench, protocol: "t0" | "t1"): Promise<readonly string[]> {
  const { reader, runtime, signal } = bench;
  const outcomes: string[] = [];
  const step = async (name: string, run: () => Promise<unknown>, expected?: string): Promise<boolean> => {
    try {
      const { value, ms } = await settled(runtime, run());
      expect(ms, `${name} took ${ms} ms`).toBeLessThan(1_000_000);
      if (expected !== undefined) expect(encodeHex(value as Uint8Array), name).toBe(expected);
      outcomes.push(`${name}: done`);
      return true;
    } catch (error) {
      if (!(error instanceof SmartCardError)) throw error;
      outcomes.push(`${name}: ${error.code}`);
      return false;
    }
  };
  const exchange = async (): Promise<boolean> =>
    (await step("power", () => reader.power("cold-reset", signal))) &&
    (await step("protocol", () => reader.setProtocol(protocol, signal))) &&
    (await step("read 16", () => reader.transmit(readCommand(16), protocol, signal), content(16))) &&
    (await step("read 200", () => reader.transmit(readCommand(200), protocol, signal), content(200)));
  // A fault comes once: at the latest the third time all goes well, unless the device is gone.
  for (let attempt = 0; attempt < 3; attempt++) if (await exchange()) break;
  return outcomes;
}

/** What may become of a step that meets a fault. */
const usual: ReadonlySet<string> = new Set(["comm-error", "unresponsive-card", "proto-mismatch", "removed-card"]);

/** @param met asked before the end of the life: a fault may also come later */
async function checkLife(
  bench: CcidBench,
  protocol: "t0" | "t1",
  mayBeGone: boolean,
  met: () => boolean,
): Promise<readonly string[]> {
  const outcomes = await life(bench, protocol);
  if (mayBeGone && met()) expect(bench.events.at(-1), outcomes.join()).toMatch(/lost: the reader was unplugged$/);
  const codes = outcomes.map((outcome) => outcome.split(": ")[1] ?? "").filter((code) => code !== "done");
  const isLost = bench.events.some((event) => event.includes("lost"));
  for (const code of codes) {
    if (isLost && mayBeGone) expect(["reader-unavailable", ...usual]).toContain(code);
    else expect([...usual], outcomes.join(", ")).toContain(code);
  }
  if (!isLost) expect(outcomes.at(-1), outcomes.join(", ")).toBe("read 200: done");
  await settled(bench.runtime, bench.device.close());
  await bench.runtime.advance(10_000);
  // A model may still ask for more time.
  expect(bench.runtime.pendingTimers.filter((name) => name.startsWith("ccid"))).toEqual([]);
  expect(bench.events.filter((event) => event.includes("lost")).length).toBeLessThanOrEqual(bench.readers.length);
  return outcomes;
}

const levels = Object.keys(presets) as Preset[];

/** At the levels of APDUs both protocols take the same way. */
function protocolsAt(preset: Preset): readonly ("t0" | "t1")[] {
  return preset === "TPDU" || preset === "character" ? ["t1", "t0"] : ["t1"];
}

/** Faults that a driver must bear without any loss. */
const harmless: ReadonlySet<AnswerFault> = new Set([
  "empty-before",
  "stray-before",
  "twice",
  "stall-then-answer",
  "late",
]);

describe.each(levels)("%s: one answer is faulty, whichever", (preset) => {
  test.each([...answerFaults])(
    "%s",
    async (fault) => {
      // The first answers are those of the opening, which has a rule of its own.
      for (const protocol of protocolsAt(preset)) {
        for (let number = 1; number < 60; number++) {
          let isMet = false;
          const answerFaultsOnce = (step: { number: number }): AnswerFault | undefined => {
            if (step.number !== number) return undefined;
            isMet = true;
            return fault;
          };
          const made = await opened(preset, {
            model: { answerFaults: answerFaultsOnce },
            before: (model) => model.insert(cardLine({ atr: atrs[protocol] }).line),
          });
          if (made instanceof SmartCardError) {
            expect(made.code).toBe("reader-unavailable");
            expect(harmless.has(fault)).toBe(false);
            continue;
          }
          const outcomes = await checkLife(made, protocol, fault === "gone", () => isMet);
          if (harmless.has(fault)) expect(outcomes.filter((outcome) => !outcome.endsWith(": done"))).toEqual([]);
          if (!isMet) break;
        }
      }
    },
    3_600_000,
  );
});

describe.each(levels)("%s: one transfer fails, whichever", (preset) => {
  test.each<UsbFailure>(["gone", "stall", "timeout", "io", "overflow"])(
    "%s",
    async (failure) => {
      for (const protocol of protocolsAt(preset)) {
        for (let number = 1; number < 100; number++) {
          let isMet = false;
          const made = await opened(preset, {
            before: (model) => model.insert(cardLine({ atr: atrs[protocol] }).line),
            wrap: (usb) =>
              failing(usb, (count) => {
                if (count !== number) return undefined;
                isMet = true;
                return failure;
              }),
          });
          if (made instanceof SmartCardError) {
            expect(made.code).toBe("reader-unavailable");
            continue;
          }
          await checkLife(made, protocol, failure === "gone", () => isMet);
          if (!isMet) break;
        }
      }
    },
    3_600_000,
  );
});

async function opened(preset: Preset, options: CcidBenchOptions): Promise<CcidBench | SmartCardError> {
  try {
    return await ccidBench(preset, options);
  } catch (error) {
    if (error instanceof SmartCardError) return error;
    throw error;
  }
}

/** Makes one transfer fail: what it would have carried is lost. */
function failing(usb: UsbInterface, faults: (count: number) => UsbFailure | undefined): UsbInterface {
  let count = 0;
  let isGone = false;
  const check = (): void => {
    const failure = isGone ? "gone" : faults(++count);
    if (failure === undefined) return;
    isGone = failure === "gone";
    throw new UsbError(failure, `transfer ${count} fails`);
  };
  return {
    description: usb.description,
    async bulkOut(bytes, signal) {
      check();
      await usb.bulkOut(bytes, signal);
    },
    async bulkIn(maxBytes, signal) {
      const bytes = await usb.bulkIn(maxBytes, signal);
      check();
      return bytes;
    },
    async interruptIn(maxBytes, signal) {
      const bytes = await usb.interruptIn(maxBytes, signal);
      check();
      return bytes;
    },
    async controlOut(request, data, signal) {
      check();
      await usb.controlOut(request, data, signal);
    },
    async controlIn(request, maxBytes, signal) {
      check();
      return await usb.controlIn(request, maxBytes, signal);
    },
    async clearHalt(endpoint, signal) {
      if (isGone) check();
      await usb.clearHalt(endpoint, signal);
    },
    close: () => usb.close(),
  };
}
