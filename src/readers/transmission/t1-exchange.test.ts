// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { encodeHex, hexBytes } from "../../base/binary/index.ts";
import { T1Exchange, type T1Step, type TransmissionFailure } from "./index.ts";

/** A block in hexadecimal, its LRC added. */
function block(text: string): Uint8Array {
  const bytes = [...hexBytes(text)];
  return Uint8Array.from([...bytes, bytes.reduce((sum, byte) => sum ^ byte, 0)]);
}

function sent(step: T1Step): string {
  return step.kind === "send" ? encodeHex(step.block.subarray(0, -1), " ") : step.kind;
}

function failure(step: T1Step): TransmissionFailure {
  if (step.kind !== "failed") throw new Error(`not failed but ${step.kind}`);
  return step;
}

const command = hexBytes("00 A4 04 00");

describe("an exchange of T=1", () => {
  test("carries a command in one block and its response in another", () => {
    const engine = new T1Exchange({ ifsc: 32, edc: "lrc" });
    expect(sent(engine.transmit(command))).toBe("00 00 04 00 A4 04 00");
    expect(engine.received(block("00 00 02 90 00"))).toEqual({ kind: "done", response: hexBytes("9000") });
    expect(sent(engine.transmit(command))).toBe("00 40 04 00 A4 04 00");
    expect(engine.received(block("00 40 02 6A 82"))).toEqual({ kind: "done", response: hexBytes("6A82") });
  });

  test("multiplies the waiting time when the card asks for it", () => {
    const engine = new T1Exchange({ ifsc: 32, edc: "lrc" });
    engine.transmit(command);
    const step = engine.received(block("00 C3 01 05"));
    expect(sent(step)).toBe("00 E3 01 05");
    expect(step).toHaveProperty("waitMultiplier", 5);
  });

  test("needs a reset when the card never answers", () => {
    const engine = new T1Exchange({ ifsc: 32, edc: "lrc" });
    engine.transmit(command);
    expect(sent(engine.failed("timeout"))).toBe("00 82 00");
    expect(sent(engine.failed("timeout"))).toBe("00 82 00");
    expect(failure(engine.failed("timeout"))).toMatchObject({ code: "no-answer", recovery: "warm-reset" });
    expect(failure(engine.transmit(command)).code).toBe("reset-needed");
  });
});
