// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { encodeHex, hexBytes } from "../../src/base/binary/index.ts";
import { decodeAtr, decodeBerTlv, findBerTlv } from "../../src/base/iso7816/index.ts";
import { demoCard, demoCardImage } from "../../src/cards/file-system/index.ts";
import type { Clock } from "../../src/port/index.ts";
import { VirtualReader } from "../../src/readers/virtual/index.ts";

const random = { bytes: (length: number): Uint8Array => new Uint8Array(length).fill(0x5a) };
const still: Clock = { now: () => 0, wallTime: () => 0, schedule: () => () => undefined };

async function insert(protocol: "t0" | "t1"): Promise<(command: string) => Promise<string>> {
  const { signal } = new AbortController();
  const reader = new VirtualReader({ clock: still });
  reader.insert(demoCard(random));
  await reader.open({ inserted: () => undefined, removed: () => undefined, lost: () => undefined });
  await reader.power("cold-reset", signal);
  await reader.setProtocol(protocol, signal);
  return async (command) => encodeHex(await reader.transmit(hexBytes(command), protocol, signal));
}

const SELECT_DEMO = "00A4040C0BF073636172642E64656D6F";
const hello = encodeHex(new TextEncoder().encode("Hello from a card that is made of software."));

test("the ATR offers both protocols and says that the card is ours", () => {
  const atr = decodeAtr(demoCard(random).reset());
  if (!atr.ok) throw new Error(atr.error.message);
  expect(atr.value).toMatchObject({ protocols: [0, 1], mode: { kind: "negotiable" }, problems: [] });
  expect(new TextDecoder().decode(atr.value.historicalBytes)).toContain("scard");
  expect(atr.value.historical).toMatchObject({
    serviceData: { objectsInEfDir: true, objectsInEfAtr: true },
    capabilities: { transport: { extendedLength: true, lengthInformation: true } },
  });
});

test("EF.DIR names the application, EF.ATR the lengths, EF.GDO a serial number", async () => {
  const ask = await insert("t1");
  const read = async (sfi: number): Promise<ReturnType<typeof decodeBerTlv>> =>
    decodeBerTlv(hexBytes((await ask(`00B0${(0x80 | sfi).toString(16)}0000`)).slice(0, -4)));
  const directory = await read(30);
  const information = await read(29);
  const serial = await read(2);
  if (!directory.ok || !information.ok || !serial.ok) throw new Error("not BER-TLV");
  expect(encodeHex(findBerTlv(directory.value, 0x61, 0x4f)?.value ?? hexBytes(""))).toBe("F073636172642E64656D6F");
  expect(findBerTlv(information.value, 0x7f66)?.children).toHaveLength(2);
  expect(findBerTlv(serial.value, 0x5a)?.value).toHaveLength(10);
});

describe.each(["t0", "t1"] as const)("over %s", (protocol) => {
  test("the greeting, the PIN and the secret", async () => {
    const ask = await insert(protocol);
    expect(await ask(SELECT_DEMO)).toBe("9000");
    expect(await ask("00B081002B")).toBe(`${hello}9000`);
    expect(await ask("00B0830026")).toBe("6982");
    expect(await ask("002000010439393939")).toBe("63C2");
    expect(await ask("002000010431323334")).toBe("9000");
    expect(await ask("00B0830026")).toMatch(/9000$/);
    expect(await ask("00D683000421212121")).toBe("9000");
    expect(await ask("00B0830004")).toBe("212121219000");
  });

  test("visits are kept, the newest first", async () => {
    const ask = await insert(protocol);
    await ask(SELECT_DEMO);
    expect(await ask(`00E2002010${"11".repeat(16)}`)).toBe("9000");
    expect(await ask(`00E2002010${"22".repeat(16)}`)).toBe("9000");
    expect(await ask("00B2012410")).toBe(`${"22".repeat(16)}9000`);
    expect(await ask("0084000008")).toBe("5A5A5A5A5A5A5A5A9000");
  });
});

test("over T=0 the length is found with 6Cxx, and a template fetched with GET RESPONSE", async () => {
  const ask = await insert("t0");
  expect(await ask("00A404040BF073636172642E64656D6F")).toBe("6119");
  expect(await ask("00C0000019")).toMatch(/^6217.*9000$/);
  expect(await ask("00B0810000")).toBe("6C2B");
  expect(await ask("00B081002B")).toBe(`${hello}9000`);
});

test("the description is plain JSON", () => {
  expect(JSON.parse(JSON.stringify(demoCardImage))).toEqual(demoCardImage);
});
