// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import { encodeHex, hexBytes } from "../../base/binary/index.ts";
import { ApplicationCard } from "../applications/index.ts";
import type { SoftwareCard } from "../software-card/index.ts";
import { NdefApplication, type NdefApplicationOptions } from "./ndef-application.ts";

// NFC Forum, Type 4 Tag, version 2.0.

const MESSAGE = "D1010F5504736361726473 2E6578616D706C65".replace(" ", "");
const SELECT = "00A4040007D276000085010100";

function tag(options: NdefApplicationOptions = {}): [NdefApplication, SoftwareCard] {
  const application = new NdefApplication(options);
  const card = new ApplicationCard({ applications: [application], atr: hexBytes("3B8080010 1".replace(" ", "")) });
  card.reset();
  return [application, card];
}

async function ask(card: SoftwareCard, command: string): Promise<string> {
  return encodeHex(await card.process(hexBytes(command)));
}

describe("an NDEF application", () => {
  it("is read as a phone reads it", async () => {
    const [, card] = tag({ message: hexBytes(MESSAGE) });
    expect(await ask(card, SELECT)).toBe("9000");
    expect(await ask(card, "00B000000F")).toBe("6986");
    expect(await ask(card, "00A4000C02E103")).toBe("9000");
    expect(await ask(card, "00B000000F")).toBe("000F2000FF00FF0406E10408000000" + "9000");
    expect(await ask(card, "00A4000C02E104")).toBe("9000");
    const length = (MESSAGE.length / 2).toString(16).toUpperCase().padStart(2, "0");
    expect(await ask(card, "00B0000002")).toBe(`00${length}9000`);
    expect(await ask(card, `00B00002${length}`)).toBe(`${MESSAGE}9000`);
  });

  it("is written in the three steps of the specification", async () => {
    let changes = 0;
    const [application, card] = tag({ fileBytes: 64, changed: () => changes++ });
    await ask(card, SELECT);
    await ask(card, "00A4000C02E104");
    expect(await ask(card, "00B0000002")).toBe("00009000");
    expect(await ask(card, "00D60000020000")).toBe("9000");
    expect(await ask(card, `00D60002${(MESSAGE.length / 2).toString(16)}${MESSAGE}`)).toBe("9000");
    expect(await ask(card, `00D600000200${(MESSAGE.length / 2).toString(16)}`)).toBe("9000");
    expect(encodeHex(application.message)).toBe(MESSAGE);
    expect(changes).toBe(3);
    expect(await ask(card, "00D6003F020000")).toBe("6B00");
    expect(await ask(card, "00D60000020FFF")).toBe("9000");
    expect(application.message.length).toBe(62);
  });

  it("refuses what it does not have", async () => {
    const [, card] = tag({ message: hexBytes(MESSAGE), readOnly: true });
    expect(await ask(card, "00A4000C02E104")).toBe("6A82");
    await ask(card, SELECT);
    expect(await ask(card, "00A4000C02E105")).toBe("6A82");
    expect(await ask(card, "00A4000C01E1")).toBe("6A87");
    expect(await ask(card, "00A4080C02E104")).toBe("6A86");
    await ask(card, "00A4000C02E103");
    expect(await ask(card, "00B0000D02")).toBe("00FF9000");
    expect(await ask(card, "00D60000020000")).toBe("6982");
    await ask(card, "00A4000C02E104");
    expect(await ask(card, "00D60000020000")).toBe("6982");
    expect(await ask(card, "00B0800001")).toBe("6B00");
    expect(await ask(card, "00B07FFF01")).toBe("6B00");
    expect(await ask(card, "00CA000000")).toBe("6D00");
    expect(await ask(card, "80B0000002")).toBe("6E00");
  });

  it("needs a file that holds its message", () => {
    expect(() => new NdefApplication({ message: new Uint8Array(10), fileBytes: 11 })).toThrow(/does not fit/);
    expect(() => new NdefApplication({ message: new Uint8Array(0x7ffe) })).toThrow(/does not fit/);
    expect(() => new NdefApplication({ message: new Uint8Array(0x7ffd) })).not.toThrow();
  });
});
