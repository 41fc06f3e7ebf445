// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeHex, hexBytes } from "../../base/binary/index.ts";
import { decodeAtr } from "../../base/iso7816/index.ts";
import { SmartCardError } from "../../port/index.ts";
import type { SoftwareCard } from "../software-card/index.ts";
import { ContactlessCard } from "./contactless-card.ts";

const log: string[] = [];
const inside: SoftwareCard = {
  reset(kind) {
    log.push(kind);
    return hexBytes("3B00");
  },
  powerOff: () => void log.push("off"),
  process: async () => hexBytes("AABB9000"),
};

async function ask(card: SoftwareCard, command: string): Promise<string> {
  return encodeHex(await card.process(hexBytes(command)));
}

describe("a processor card in the field", () => {
  const card = new ContactlessCard({
    card: inside,
    uid: hexBytes("04112233445566"),
    historicalBytes: hexBytes("7577810280"),
  });

  it("has the ATR that readers make of its historical bytes", () => {
    // PC/SC part 3, 3.1.3.2.2: 3B 8n 80 01, the historical bytes, TCK.
    expect(encodeHex(card.reset("cold"))).toBe("3B858001757781028005");
    expect(decodeAtr(card.reset("warm")).ok).toBe(true);
    card.powerOff();
    expect(log).toEqual(["cold", "warm", "off"]);
  });

  it("gets its commands, and the reader answers those of class FF", async () => {
    expect(await ask(card, "00A4040000")).toBe("AABB9000");
    expect(await ask(card, "FFCA000000")).toBe("041122334455669000");
    expect(await ask(card, "FFCA010000")).toBe("75778102809000");
    expect(await ask(card, "FFCA020000")).toBe("6A81");
    expect(await ask(card, "FFB0000010")).toBe("6A81");
    expect(await ask(card, "FFD600000100")).toBe("6A81");
    expect(await ask(card, "FF860000050100046000")).toBe("6A81");
    expect(await ask(card, "FF00000004D4423004")).toBe("D543019000");
    expect(await ask(card, "FF00")).toBe("6700");
  });

  it("needs a UID of a length that there is, and historical bytes that fit", () => {
    expect(() => new ContactlessCard({ card: inside, uid: new Uint8Array(5) })).toThrow(SmartCardError);
    expect(() => new ContactlessCard({ card: inside, historicalBytes: new Uint8Array(16) })).toThrow(SmartCardError);
    expect(() => new ContactlessCard({} as never)).toThrow(SmartCardError);
  });

  it("answers any command of class FF with a response", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 24 }), async (command) => {
        command[0] = 0xff;
        expect((await card.process(command)).length).toBeGreaterThanOrEqual(2);
      }),
    );
  });
});
