// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { encodeHex, hexBytes } from "../../base/binary/index.ts";
import { type CardFault, FaultyCard, type SoftwareCard } from "../../cards/software-card/index.ts";
import { SimulatedRuntime } from "../../testing/runtime/index.ts";
import { VirtualReader } from "./virtual-reader.ts";

const { signal } = new AbortController();

/** A card with faults in a reader, powered. */
async function bench(faults: readonly CardFault[]) {
  const runtime = new SimulatedRuntime({
    seed: 1,
    settle: () => new Promise<void>((resolve) => setImmediate(resolve)),
  });
  const { clock } = runtime;
  const asked: string[] = [];
  const inner: SoftwareCard = {
    reset: () => hexBytes("3B8080 01 01".replaceAll(" ", "")),
    powerOff: () => undefined,
    process(command) {
      asked.push(encodeHex(command));
      return hexBytes("9000");
    },
  };
  const reader = new VirtualReader({ clock });
  const card = new FaultyCard(inner, { faults, clock, remove: () => reader.remove() });
  const events: string[] = [];
  await reader.open({
    inserted: () => void events.push("inserted"),
    removed: () => void events.push("removed"),
    lost: () => void events.push("lost"),
  });
  reader.insert(card);
  await reader.power("cold-reset", signal);
  await reader.setProtocol("t1", signal);
  const send = async (hex: string): Promise<string> => encodeHex(await reader.transmit(hexBytes(hex), "t1", signal));
  return { asked, events, reader, runtime, send };
}

describe("a card with planned faults, in a reader", () => {
  test("a status word at the second command, which the card does not see", async () => {
    const { asked, send } = await bench([{ at: 2, kind: "answer", status: 0x6f42 }]);
    expect([await send("00A40001"), await send("00A40002"), await send("00A40003")]).toEqual(["9000", "6F42", "9000"]);
    expect(asked).toEqual(["00A40001", "00A40003"]);
  });

  test("a delay", async () => {
    const { runtime, send } = await bench([{ at: 1, kind: "delay", ms: 5_000 }]);
    const answer = send("00A40001");
    await runtime.advance(5_000);
    expect(await answer).toBe("9000");
    expect(runtime.clock.now()).toBeGreaterThanOrEqual(5_000);
  });

  test("mute: the command is carried out, and only a reset helps", async () => {
    const { asked, reader, send } = await bench([{ at: 1, kind: "mute" }]);
    await expect(send("00A40001")).rejects.toMatchObject({ code: "comm-error" });
    await expect(send("00A40002")).rejects.toMatchObject({ code: "comm-error" });
    await reader.power("warm-reset", signal);
    await reader.setProtocol("t1", signal);
    expect(await send("00A40003")).toBe("9000");
    expect(asked).toEqual(["00A40001", "00A40003"]);
  });

  test("pulled in the middle of a command", async () => {
    const { asked, events, send } = await bench([{ at: 2, kind: "remove" }]);
    await send("00A40001");
    await expect(send("00A40002")).rejects.toMatchObject({ code: "removed-card" });
    expect(events).toEqual(["inserted", "removed"]);
    expect(asked).toEqual(["00A40001"]);
  });

  test.each([
    [{ at: 0, kind: "mute" }, "invalid-parameter"],
    [{ at: 1, kind: "dead" }, "invalid-value"],
    [{ at: 1, kind: "answer" }, "invalid-parameter"],
    [{ at: 1, kind: "delay" }, "invalid-parameter"],
    [{ at: 1, kind: "mute", after: 3 }, "invalid-parameter"],
  ])("%j is no fault", async (wrong, code) => {
    await expect(bench([wrong as CardFault])).rejects.toMatchObject({ code });
  });
});
