// SPDX-License-Identifier: MIT

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { scard } from "./card-file-run.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "scard-recordings-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const path = (name: string): string => join(folder, name);
const SELECT_DEMO = "00A404000BF073636172642E64656D6F00";
const LOG = `-> 00a404000b f073636172642e64656d6f
<- 9000: 6f00
-> 0020000104 31323334
<- 63c2:
`;

test("a log becomes a recording without its PIN, and with it only where that is asked for", async () => {
  writeFileSync(path("log"), LOG);
  const { code, out } = await scard(["convert", path("log"), path("one"), "--json"]);
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    kind: "pysim",
    form: "recording",
    data: "redacted",
    exchanges: 2,
    unanswered: 0,
  });
  expect(readFileSync(path("one"), "utf8")).toContain('"command":"00 20 00 01 04 [4 bytes withheld]"');
  expect(readFileSync(path("one"), "utf8")).not.toContain("31 32 33 34");
  if (process.platform !== "win32") expect(statSync(path("one")).mode & 0o777).toBe(0o600);
  expect((await scard(["convert", path("log"), path("one")])).err).toContain("there is a file already");
  expect((await scard(["convert", "--raw", "--force", path("log"), path("one")])).code).toBe(0);
  expect(readFileSync(path("one"), "utf8")).toContain('"data":"raw"');
  expect((await scard(["convert", "--to", "pcap:usb", path("one"), path("capture")])).code).toBe(0);
  expect(readFileSync(path("capture")).readUInt32BE(0)).toBe(0x0a0d0d0a);
  expect(readFileSync(path("capture")).includes(Buffer.from("31323334", "hex"))).toBe(false);
});

test("two recordings are compared", async () => {
  writeFileSync(path("log"), LOG);
  writeFileSync(path("other log"), LOG.replace("63c2", "9000"));
  for (const [log, file] of [
    ["log", "one"],
    ["other log", "two"],
  ] as const)
    expect((await scard(["convert", path(log), path(file)])).code).toBe(0);
  expect(await scard(["diff", path("one"), path("one")])).toMatchObject({ code: 0, out: "" });
  const { code, out } = await scard(["diff", path("one"), path("two")]);
  expect(code).toBe(1);
  expect(out).toContain("- 63 C2\n+ 90 00");
  const json = await scard(["diff", "--json", path("one"), path("two")]);
  expect(JSON.parse(json.out)).toMatchObject({ alike: 1, differences: [{ kind: "response" }] });
  expect((await scard(["diff", path("log"), path("two")])).err).toContain("is not a recording");
  expect((await scard(["diff", "--ignoring", "SIGN", path("one"), path("two")])).code).toBe(2);
});

test("a recording is run against a card, and is a card", async () => {
  writeFileSync(path("log"), `-> 00a4000402 3f00\n<- 9000: \n`.replace("0004", "000c"));
  await scard(["convert", path("log"), path("one")]);
  const against = ["replay", "--manager", "embedded:virtual:Desk+demo", "--reader", "Desk", "--json"];
  const same = await scard([...against, path("one")]);
  expect(same.err).toBe("");
  expect(JSON.parse(same.out)).toEqual({ reader: "Desk", sent: 1, skipped: 0, difference: null });
  writeFileSync(path("log"), `-> 00a4000c02 3f00\n<- 6a82: \n`);
  await scard(["convert", "--force", path("log"), path("one")]);
  const other = await scard([...against, path("one")]);
  expect(other.code).toBe(1);
  expect(JSON.parse(other.out).difference).toMatchObject({
    first: { response: "6A 82" },
    second: { response: "90 00" },
  });
  const card = ["apdu", "--manager", `embedded:virtual:Desk+${path("one")}`, "--json"];
  expect((await scard([...card, "00A4000C023F00"])).out).toContain("6A82");
  const unexpected = await scard([...card, SELECT_DEMO]);
  expect(unexpected.code).toBe(1);
  expect(unexpected.out + unexpected.err).toContain("command 1 is not the recorded one");
});
