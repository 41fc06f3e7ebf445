// SPDX-License-Identifier: MIT

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodeHex, hexBytes } from "../../src/base/binary/index.ts";
import { newCard, parseCard } from "../../src/cards/descriptions/index.ts";
import type { SoftwareCard } from "../../src/cards/software-card/index.ts";
import { openSoftwareCard, surroundings } from "../../src/entry/software.ts";
import { testRig } from "../../src/entry/test-rig.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "scard-contactless-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: object): string {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(content));
  return path;
}

async function sent(card: SoftwareCard, hex: string): Promise<string> {
  return encodeHex(await card.process(hexBytes(hex)));
}

const uids: readonly (readonly [string, RegExp])[] = [
  ["ultralight", /^04[0-9A-F]{12}9000$/],
  ["ntag213", /^04[0-9A-F]{12}9000$/],
  ["ntag215", /^04[0-9A-F]{12}9000$/],
  ["ntag216", /^04[0-9A-F]{12}9000$/],
  ["mifare-classic-1k", /^[0-9A-F]{8}9000$/],
  ["mifare-classic-4k", /^[0-9A-F]{8}9000$/],
  ["ndef", /^04[0-9A-F]{12}9000$/],
];

describe.each(uids)("a card of the kind %s", (kind, uid) => {
  test("is in a contactless reader, and each has an identifier of its own", async () => {
    await using rig = await testRig({ card: kind });
    expect(rig.reader.description.protocols ?? ["t1"]).toEqual(["t1"]);
    const card = await rig.connect();
    expect(card.protocol).toBe("t1");
    const answer = encodeHex(await card.transmit(hexBytes("FFCA000000")));
    expect(answer).toMatch(uid);
    const { card: other } = await openSoftwareCard(kind);
    other.reset("cold");
    expect(await sent(other, "FFCA000000")).not.toBe(answer);
  });
});

test("a tag keeps what is written, what it counts and its password in its file", async () => {
  const path = file("tag.json", { ...(await newCard("ntag213", surroundings(), { keep: "file" })), ndef: "D00000" });
  const { card } = await openSoftwareCard(path);
  card.reset("cold");
  expect(await sent(card, "FFB0000408")).toBe("0303D00000FE00009000");
  // The password, one wrong try at most, and the counter; then a wrong password and a reading.
  for (const page of ["2BC0FFEE5E", "2A11050000", "2904000008"])
    expect(await sent(card, `FF00000008D442A2${page}`)).toMatch(/9000$/);
  card.reset("warm");
  await sent(card, "FFB0000404");
  expect(await sent(card, "FF00000007D4421B00000000")).toBe("D54300009000");
  expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({ kind: "ntag213", reads: 1, wrongPasswords: 1 });
  const uid = await sent(card, "FFCA000000");
  card.powerOff();
  const { card: again } = await openSoftwareCard(path);
  again.reset("cold");
  expect(await sent(again, "FF00000007D4421BC0FFEE5E")).toBe("D54300049000");
  expect(await sent(again, "FFCA000000")).toBe(uid);
});

test("a MIFARE Classic and an NDEF message are kept", async () => {
  const classic = file("classic.json", await newCard("mifare-classic-1k", surroundings(), { keep: "file" }));
  const { card } = await openSoftwareCard(classic);
  card.reset("cold");
  const open = ["FF82000006FFFFFFFFFFFF", "FF860000050100046000"];
  for (const command of [...open, `FFD6000410${"5A".repeat(16)}`]) expect(await sent(card, command)).toBe("9000");
  card.powerOff();
  const { card: again } = await openSoftwareCard(classic);
  again.reset("cold");
  for (const command of open) expect(await sent(again, command)).toBe("9000");
  expect(await sent(again, "FFB0000410")).toBe(`${"5A".repeat(16)}9000`);

  const ndef = file("ndef.json", await newCard("ndef", surroundings(), { keep: "file" }));
  const { card: tag } = await openSoftwareCard(ndef);
  tag.reset("cold");
  const steps = ["00A4040007D276000085010100", "00A4000C02E104", "00D60000050003D00000"];
  for (const command of steps) expect(await sent(tag, command)).toBe("9000");
  expect(JSON.parse(readFileSync(ndef, "utf8"))).toMatchObject({ kind: "ndef", message: "D00000" });
});

test.each([
  [{ kind: "ntag213", memory: "00".repeat(64) }, /45 pages/],
  [{ kind: "ntag213", ndef: "00".repeat(142) }, /do not fit/],
  [{ kind: "ntag213", uid: "0102" }, /uid/],
  [{ kind: "mifare-classic-1k", memory: "00".repeat(2048) }, /1024 bytes/],
  [{ kind: "ndef", message: "00".repeat(20), fileBytes: 10 }, /does not fit/],
  [{ kind: "ntag214" }, /kind/],
])("a wrong description is refused, with the place and no memory in the message: %j", (description, problem) => {
  const plan = parseCard(description);
  expect(plan.ok).toBe(false);
  const text = plan.ok ? "" : plan.error.map(({ message, path }) => `${path}: ${message}`).join("\n");
  expect(text).toMatch(problem);
  expect(text).not.toContain("0000");
});
