// SPDX-License-Identifier: MIT

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { encodeHex } from "../../src/base/binary/index.ts";
import { softwareCard } from "../../src/entry/embedded.ts";
import { apdu, bytes } from "./session.ts";

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "scard-card-"));
});

afterAll(() => rmSync(folder, { recursive: true }));

function image(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(content));
  return path;
}

test("a card from a file has this machine's ciphers", async () => {
  const key = { reference: 1, algorithm: "aes", use: "internal", value: "000102030405060708090A0B0C0D0E0F" };
  const card = await softwareCard(image("good.json", { name: "good", keys: [key] }));
  card.reset("cold");
  const command = bytes(apdu("00880001", "00112233445566778899AABBCCDDEEFF", "00"));
  const answer: Uint8Array | Promise<Uint8Array> = card.process(command);
  expect(encodeHex(await answer)).toBe("69C4E0D86A7B0430D8CDB78070B4C55A9000");
});

test("what is wrong with a file is told without its PINs and keys", async () => {
  const key = { reference: 1, algorithm: "aes", use: "external", value: "2718281828" };
  const pin = { reference: 1, value: { text: "314159" }, padTo: 2, resettingCode: { value: "314159265" } };
  const message = await softwareCard(image("bad.json", { name: "bad", keys: [key], pins: [pin] })).then(
    () => "no error",
    (error: Error) => error.message,
  );
  expect(message).toContain("$.keys[0].value: has 5 bytes; it takes 16 or 24 or 32");
  expect(message).toContain("$.pins[0].resettingCode.value: an odd number of hexadecimal digits");
  expect(message).not.toMatch(/27182|31415/);
});
