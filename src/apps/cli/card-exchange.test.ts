// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes, encodeHex } from "../../base/binary/index.ts";
import { demoCard } from "../../cards/file-system/index.ts";
import { EmbeddedManager } from "../../managers/embedded/index.ts";
import type { Context } from "../../port/index.ts";
import { VirtualReader } from "../../readers/virtual/index.ts";
import { SimulatedRuntime } from "../../testing/runtime/index.ts";
import { answerForPrograms, describeData } from "./answer.ts";
import { exchange } from "./card-exchange.ts";
import { chooseReader } from "./reader-choice.ts";

/** A card that gives these answers, one after the other, and remembers what it was sent. */
function cardWith(...answers: string[]): {
  readonly sent: string[];
  readonly send: (c: Uint8Array) => Promise<Uint8Array>;
} {
  const sent: string[] = [];
  const send = async (command: Uint8Array): Promise<Uint8Array> => {
    sent.push(encodeHex(command));
    return Uint8Array.from(Buffer.from(answers.shift() ?? "", "hex"));
  };
  return { sent, send };
}

const select = Uint8Array.of(0, 0xa4, 4, 0, 2, 0x3f, 0, 0);

describe("an exchange", () => {
  it("follows 61xx and 6Cxx up, and joins the data", async () => {
    const { send, sent } = cardWith("6C02", "AABB6101", "CC9000");
    const { response, rounds } = await exchange(Uint8Array.of(0, 0xb0, 0, 0, 0), "t1", true, send);
    expect(sent).toEqual(["00B0000000", "00B0000002", "00C0000001"]);
    expect(encodeHex(response.data)).toBe("AABBCC");
    expect(response.sw).toBe(0x9000);
    expect(rounds.map((round) => encodeHex(round.answer))).toEqual(["6C02", "AABB6101", "CC9000"]);
  });

  it("does not, if told so", async () => {
    const { send, sent } = cardWith("6102");
    const { response } = await exchange(select, "t1", false, send);
    expect([response.sw, sent]).toEqual([0x6102, ["00A40400023F0000"]]);
  });

  it("sends no Le behind data over T=0, extended lengths where they fit, and long data in envelopes", async () => {
    const { send, sent } = cardWith("6101", "AA9000");
    await exchange(select, "t0", true, send);
    expect(sent).toEqual(["00A40400023F00", "00C0000001"]);
    await exchange(Uint8Array.of(0, 0xb0, 0, 0, 0, 0, 0), "t0", true, cardWith("9000").send);
    const long = concatBytes(Uint8Array.of(0, 0xd6, 0, 0, 0, 1, 0), new Uint8Array(256));
    const { response, rounds } = await exchange(long, "t0", true, cardWith("9000", "6982").send);
    expect(response.sw).toBe(0x6982);
    expect(rounds.map((round) => round.sent)).toEqual([
      "00 C2 00 00 [255 bytes withheld]",
      "00 C2 00 00 [8 bytes withheld]",
    ]);
    const refusing = exchange(long, "t0", true, cardWith("6D00").send);
    await expect(refusing).rejects.toMatchObject({ code: "unsupported-feature" });
  });

  it("sends a malformed command unchanged, without follow-ups", async () => {
    const { send, sent } = cardWith("6CFF");
    const { response, rounds } = await exchange(Uint8Array.of(0, 0xa4, 4, 0, 9, 1), "t1", true, send);
    expect([response.sw, sent, rounds.length]).toEqual([0x6cff, ["00A404000901"], 1]);
    expect(rounds[0]?.text).toMatch(/^not a well-formed command: /);
  });

  it("fails for an answer without a status word, and for a card that answers in circles", async () => {
    await expect(exchange(select, "t1", true, cardWith("90").send)).rejects.toMatchObject({ code: "comm-error" });
    const endless = async (): Promise<Uint8Array> => Uint8Array.of(0x61, 1);
    await expect(exchange(select, "t1", true, endless)).rejects.toMatchObject({ code: "comm-error" });
  });

  it("shows nothing of the data of VERIFY that depends on it, well-formed or not", async () => {
    const header = [0, 0x20, 0, 1];
    const shown = async (body: Uint8Array): Promise<string> => {
      const { rounds } = await exchange(Uint8Array.of(...header, ...body), "t1", true, cardWith("9000").send);
      return rounds.map(({ sent, text }) => `${sent} ${text}`).join();
    };
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 2, maxLength: 12 }), async (pin) => {
        const wellFormed = await shown(Uint8Array.of(pin.length, ...pin));
        expect(wellFormed).toBe(await shown(Uint8Array.of(pin.length, ...pin.map(() => 0x77))));
        // Lc forgotten: the first byte of the PIN is in the place of Lc, and must not be printed either.
        const forgotten = Uint8Array.of(0xff, ...pin);
        expect(await shown(forgotten)).toBe(await shown(Uint8Array.of(0xfe, ...pin.map(() => 0x77))));
      }),
    );
  });
});

describe("the reader of a command", () => {
  async function contextWith(...names: string[]): Promise<Context> {
    const runtime = new SimulatedRuntime({ settle: () => new Promise(setImmediate) });
    const manager = new EmbeddedManager({ runtime });
    for (const [index, name] of names.entries()) {
      const reader = new VirtualReader({ name, id: String(index), clock: runtime.clock });
      if (name.includes("card")) reader.insert(demoCard(runtime.random));
      await manager.addReader(reader);
    }
    await runtime.settle();
    return manager.establishContext();
  }

  it("is found by name, number, or part of its name", async () => {
    const context = await contextWith("Desk", "Desk 1", "Counter");
    const found = async (choice: string): Promise<string> => chooseReader(context, choice);
    expect(await found("desk")).toBe("Desk");
    expect(await found("desk 1")).toBe("Desk 1");
    expect(await found("2")).toBe("Counter");
    expect(await found("UNT")).toBe("Counter");
    await expect(found("des")).rejects.toThrow('--reader fits 2 of the readers: 0 "Desk", 1 "Desk 1", 2 "Counter"');
    for (const wrong of ["x", "", "3"]) await expect(found(wrong)).rejects.toMatchObject({ code: "unknown-reader" });
  });

  it("needs no choice where there is only one, or only one has a card", async () => {
    expect(await chooseReader(await contextWith("Desk"), undefined)).toBe("Desk");
    expect(await chooseReader(await contextWith("Desk", "with card", "Counter"), undefined)).toBe("with card");
    await expect(chooseReader(await contextWith("card", "card too"), undefined)).rejects.toThrow(
      "choose one with --reader",
    );
    await expect(chooseReader(await contextWith(), undefined)).rejects.toMatchObject({ code: "no-readers-available" });
  });
});

describe("an exchange whose answer is secret", () => {
  it("says how many bytes are withheld, over all its rounds", async () => {
    const { send } = cardWith("C0FFEE6102", "5EAA9000");
    const decipher = Uint8Array.of(0, 0x2a, 0x80, 0x86, 1, 7, 0);
    const { response, rounds, withheldBytes } = await exchange(decipher, "t1", true, send);
    expect([encodeHex(response.data), withheldBytes]).toEqual(["C0FFEE5EAA", 5]);
    expect(rounds.map(({ shown }) => shown.bytes)).toEqual(["[3 bytes withheld] 61 02", "[2 bytes withheld] 90 00"]);
    expect(answerForPrograms(response, withheldBytes)).toEqual({
      withheldBytes: 5,
      sw: "9000",
      kind: "success",
      meaning: "success",
    });
    expect(describeData(response.data, withheldBytes)).toEqual(["[5 bytes withheld]; --show-data shows them"]);
  });
});
