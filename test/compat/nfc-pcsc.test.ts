// SPDX-License-Identifier: MIT

import { join } from "node:path";
import { expect, test } from "vitest";
import { describePeer } from "../peers/peers.ts";
import { npmPackage, runContactless } from "./packages.ts";

// The examples of nfc-pcsc, as its package has them, with ours in the place of @pokusew/pcsclite.

const SLOW = 30_000;
const UID = "04a23b7a112280";

describePeer(npmPackage("nfc-pcsc"), (folder) => {
  const example = (name: string, card = "ultralight") => runContactless(join(folder, "examples", name), { CARD: card });

  test("the basic example sees cards come and go, and the reader", { timeout: SLOW }, async () => {
    const program = example("basic.js");
    await program.line((line) => line === "ACS ACR122U PICC Interface  device attached");
    for (let round = 0; round < 2; round++) {
      program.write("insert\n");
      await program.line((line) => line.startsWith("ACS ACR122U PICC Interface  card detected"));
      const atr = "3b 8f 80 01 80 4f 0c a0 00 00 03 06 03 00 03 00 00 00 00 68";
      expect(await program.line()).toBe(`  atr: <Buffer ${atr}>,`);
      expect(await program.line((line) => line.startsWith("  standard"))).toBe("  standard: 'TAG_ISO_14443_3',");
      expect(await program.line((line) => line.startsWith("  uid"))).toBe(`  uid: '${UID}'`);
      program.write("remove\n");
      await program.line((line) => line.startsWith("ACS ACR122U PICC Interface  card removed"));
    }
    program.write("unplug\n");
    await program.line((line) => line === "ACS ACR122U PICC Interface  device removed");
    const { stderr, stdout } = await program.end();
    expect(stderr).toBe("");
    expect(stdout).not.toContain("error");
  });

  test("the uid logger logs the UID of each card, and ends with the reader", { timeout: SLOW }, async () => {
    const program = example("uid-logger.js");
    expect(await program.line()).toBe("ACS ACR122U PICC Interface reader attached, waiting for cards ...");
    program.write("insert\n");
    expect(await program.line()).toBe(UID);
    program.write("remove\ninsert\n");
    expect(await program.line()).toBe(UID);
    program.write("unplug\n");
    expect(await program.line()).toBe("ACS ACR122U PICC Interface reader disconnected.");
    expect((await program.end()).stderr).toBe("");
  });

  test("the read-write example reads a block, and what it writes is on the tag", { timeout: SLOW }, async () => {
    const program = example("read-write.js");
    await program.line((line) => line.startsWith("device attached"));
    program.write("insert\n");
    await program.line((line) => line.startsWith("data read"));
    expect(await program.line((line) => line.endsWith("<Buffer 03 00 fe 00>"))).toBeDefined();
    await program.line((line) => line.startsWith("data written"));
    const [, number = "", bytes = ""] = /\} (\d+) <Buffer ([\da-f ]+)>$/.exec(await program.line(isWritten)) ?? [];
    program.write("memory\n");
    const [, memory = ""] = (await program.line((line) => line.startsWith("memory "))).split(" ");
    const block = Buffer.from(memory, "hex").subarray(16, 20);
    expect(block.readInt16BE(0)).toBe(Number(number));
    expect(block).toEqual(Buffer.from(bytes.replaceAll(" ", ""), "hex"));
    const { stderr, stdout } = await program.end();
    expect(stderr).toBe("");
    expect(stdout).not.toContain("error when");
  });

  test("the example for NTAGs has a password accepted, and reads pages fast", { timeout: SLOW }, async () => {
    const program = example("mifare-ultralight-ntag.js", "ntag215");
    await program.line((line) => line.startsWith("device attached"));
    program.write("insert\n");
    await program.line((line) => line === "passwordAuthenticate: successfully authenticated");
    const data = await program.line((line) => line.startsWith("fastRead data:"));
    expect(data).toBe(`fastRead data: <Buffer ${"00 ".repeat(16).trim()}>`);
    const { stderr, stdout } = await program.end();
    expect(stderr).toBe("");
    expect(stdout).not.toMatch(/Auth\w* error|fastRead error|error occurred/);
  });

  test("the example for MIFARE Classic opens a sector, reads and writes a block", { timeout: SLOW }, async () => {
    const program = example("mifare-classic.js", "mifare-classic");
    await program.line((line) => line.startsWith("device attached"));
    program.write("insert\n");
    await program.line((line) => line.startsWith("sector 1 successfully authenticated"));
    await program.line((line) => line.startsWith("data read"));
    await program.line((line) => line.startsWith("data written"));
    const [, number = ""] = /\} (\d+) <Buffer ([\da-f ]+)>$/.exec(await program.line(isWritten)) ?? [];
    program.write("memory\n");
    const [, memory = ""] = (await program.line((line) => line.startsWith("memory "))).split(" ");
    expect(Buffer.from(memory, "hex").readInt32BE(64)).toBe(Number(number));
    const { stderr, stdout } = await program.end();
    expect(stderr).toBe("");
    expect(stdout).not.toContain("error when");
  });
});

function isWritten(line: string): boolean {
  return /^\} \d+ <Buffer/.test(line);
}
