// SPDX-License-Identifier: MIT

// `scard shell` by scripts, in this process.

import { describe, expect, it } from "vitest";
import { cardBench, scard, secrets } from "./card-file-run.ts";

const bench = cardBench("piv");

/** Runs lines as a script on standard input. */
const script = (...lines: string[]) => bench.run(["shell"], { input: lines.join("\n") });

/** What each line of a script came to, with --json. */
async function results(...lines: string[]): Promise<LineOutcome[]> {
  const { out } = await bench.run(["shell", "--json"], { input: lines.join("\n") });
  return out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as LineOutcome);
}

/** A line of the output. Which members a result has depends on the command. */
interface LineOutcome {
  readonly line: number;
  readonly command?: string;
  readonly ok: boolean;
  readonly result?: {
    readonly heldMs?: number;
    readonly read?: readonly { readonly bytes: number; readonly data: string }[];
    readonly answer?: { readonly sw: string };
  };
  readonly error?: { readonly code: string; readonly message: string };
}

describe("scard shell, by a script", () => {
  it("selects by name, by identifier and by its beginning", async () => {
    const { code, err, out } = await script("select piv", "select A000000308", "select A0 00 00 03 08", "select PIV");
    expect([code, err]).toEqual([0, ""]);
    expect(out.match(/> 00 A4 04 00/g)).toHaveLength(4);
    expect(out).toContain("9000 success");
  });

  it("stops at the first line that fails, and says which", async () => {
    const { code, err, out } = await script("select piv", "", "# a remark", "expect 6A82", "status");
    expect(code).toBe(1);
    expect(err).toBe("scard: line 4: SCARD_E_UNEXPECTED: the status word is 9000, not 6A82\n");
    expect(out).not.toContain("Share mode");
  });

  it("goes on behind a line that may fail", async () => {
    const { code, err, out } = await script("-select ndef", "- foo", "-expect 9000", "expect 6A82 6Axx", "status");
    expect(code).toBe(0);
    expect(err.split("\n").slice(0, -1)).toEqual([
      expect.stringMatching(/^line 1: SCARD_E_FILE_NOT_FOUND: the card refuses to select the application: 6A82/),
      'line 2: unknown command "foo"; "help" lists the commands',
      expect.stringMatching(/^line 3: .*the status word is 6A82, not 9000$/),
    ]);
    expect(out).toContain("Share mode");
  });

  it("ends at quit", async () => {
    expect((await script("quit", "foo")).code).toBe(0);
    expect((await script("exit", "foo")).code).toBe(0);
  });

  it("reads a file of lines too", async () => {
    const path = bench.write("lines.txt", "select piv\r\nexpect 9000\r\nread object 7E\r\nexpect 6A82");
    const { code, err } = await bench.run(["shell", "--script", path]);
    expect([code, err]).toEqual([1, "scard: line 4: SCARD_E_UNEXPECTED: the status word is 9000, not 6A82\n"]);
    expect((await bench.run(["shell", "--script", bench.path("none")])).code).toBe(1);
  });

  it("reads data objects by names of the selected application, and by tags", async () => {
    const [, chuid, byTag, missing] = await results(
      "select piv",
      "read object chuid",
      "read object 5FC102",
      "-read object 5FC1FF",
    );
    expect(chuid).toMatchObject({ line: 2, command: "read", ok: true });
    const [read] = chuid?.result?.read ?? [];
    expect(read?.data).toMatch(/^533B30/);
    expect(read?.bytes).toBe(61);
    expect(byTag?.result).toEqual(chuid?.result);
    expect(missing).toMatchObject({ ok: false, error: { code: "file-not-found" } });
  });

  it("withholds the data of an object that a PIN protects, unless --raw is given", async () => {
    const lines = ["select piv", "verify --pin env:PIN", "read object printed-information"].join("\n");
    const pad = bench.write("object.txt", lines);
    const { out } = await bench.run(["shell"], { input: "select piv\nread object 5FC109" });
    expect(out).not.toContain("5FC109 ");
    // The object is not there yet: a card of its own has it.
    expect((await bench.run(["shell", "--script", pad])).code).toBe(1);
    const put = "00 DB 3F FF 0A 5C 03 5F C1 09 53 03 31 32 33";
    const admin = await bench.run(["shell"], { input: put });
    expect(admin.out).toContain("00 DB 3F FF [10 bytes withheld]");
    expect(admin.out).not.toContain("31 32 33");
    const raw = await bench.run(["shell", "--raw"], { input: put });
    expect(raw.out).toContain("00 DB 3F FF 0A 5C 03 5F C1 09 53 03 31 32 33");
    expect(raw.err).toContain("--raw: the data of all commands and answers is shown");
  });

  it("verifies a PIN from a place, counts its tries, and keeps the last one", async () => {
    await bench.fresh("piv");
    const good = await script(
      "select piv",
      "tries",
      "verify --pin env:PIN",
      "tries 80",
      "reset",
      "select piv",
      "tries pin",
    );
    expect([good.code, good.err]).toEqual([0, ""]);
    expect(good.out).toContain("the PIN 80 has 3 tries left");
    expect(good.out).toContain("the PIN 80 is right\nthe PIN 80 is verified\nreset, ATR 3B");
    const bad = await script(
      "select piv",
      "-verify --pin env:WRONG",
      "-verify 80 --pin env:WRONG",
      "-verify --pin env:WRONG",
      "-verify --pin env:WRONG --force",
      "-verify --pin env:PIN",
    );
    expect(bad.err.split("\n").slice(0, -1)).toEqual([
      expect.stringContaining("line 2: SCARD_W_WRONG_CHV: the PIN 80 is wrong, 2 tries left"),
      expect.stringContaining("line 3: SCARD_W_WRONG_CHV: the PIN 80 is wrong, 1 try left"),
      expect.stringContaining("line 4: SCARD_W_SECURITY_VIOLATION: one try of the PIN 80 is left"),
      expect.stringContaining("line 5: SCARD_W_CHV_BLOCKED: the PIN 80 is blocked"),
      expect.stringContaining("line 6: SCARD_W_CHV_BLOCKED: the PIN 80 is blocked"),
    ]);
    for (const secret of Object.values(secrets)) expect(good.out + good.err + bad.out + bad.err).not.toContain(secret);
    await bench.fresh("piv");
  });

  it("refuses a PIN on the line, and does not repeat it", async () => {
    const { code, err, out } = await script(
      "select piv",
      "-verify 123456",
      "-verify 80 123456",
      "-verify --pin 123456",
    );
    expect([code, out.includes("right")]).toEqual([0, false]);
    expect(err).toContain("a PIN never stands on the line");
    expect(err).not.toContain("123456");
    const needed = await script("select piv", "verify");
    expect(needed.err).toContain("line 2: the PIN 80 is needed: give --pin env:NAME or file:PATH");
    const fromInput = await script("select piv", "verify --pin stdin", "123456");
    expect(fromInput.err).toContain("line 2: standard input is the shell's own");
  });

  it("knows transactions, and tells for how long they lasted", async () => {
    const [begun, status, refused, ended, again] = await results("begin", "status", "-info", "end", "-end");
    expect(begun).toMatchObject({ ok: true, result: { transaction: true } });
    expect(status?.result?.heldMs).toBeGreaterThan(0);
    expect(refused).toMatchObject({ ok: false, error: { code: "usage-error" } });
    expect(ended?.result?.heldMs).toBeGreaterThan(0);
    expect(again).toMatchObject({ ok: false, error: { message: 'there is no transaction; "begin" begins one' } });
  });

  it("has what the module of the card can do", async () => {
    await bench.done(["card", "provision", bench.path("card.json"), "--key", "9A"]);
    const data = bench.write("data", "to be signed");
    const lines = ["certificates", `sign 9A ${data} ${bench.path("signature")} --pin env:PIN`, "keys export 9A"];
    const { code, err, out } = await script(...lines, "-sign 9A --pin env:PIN", "-info --reader 0");
    expect([code, out]).toEqual([0, expect.stringMatching(/9A \(PIV Authentication\)[\s\S]*BEGIN PUBLIC KEY/)]);
    expect(bench.read("signature").length).toBeGreaterThan(60);
    expect(err).toContain("line 4: standard input is the shell's own");
    expect(err).toContain("line 5: the shell has one card: leave --reader and --manager out");
  });

  it("sends bytes with and without the word, and says what is wrong with others", async () => {
    const [bare, word, short, malformed, kept] = await results(
      "00A4040005A000000308",
      "apdu 00 A4 04 00 05 A0 00 00 03 08",
      "-apdu 00A4",
      "-apdu 00A40",
      "-00 20 00 80 [8 bytes withheld]",
    );
    expect(bare).toMatchObject({ command: "apdu", ok: true });
    expect(bare?.result?.answer?.sw).toBe("9000");
    expect(word?.result?.answer?.sw).toBe("9000");
    expect(short).toMatchObject({ ok: false, error: { message: "a command has 4 bytes at least" } });
    expect(malformed).toMatchObject({ ok: false, error: { code: "usage-error" } });
    expect(kept).toMatchObject({ ok: false, error: { message: expect.stringContaining("was not kept") } });
  });

  it("explains its commands", async () => {
    const { out } = await script("help", "help read", "verify --help", "help access change-pin");
    expect(out).toContain("apdu ");
    expect(out).toContain("Usage: read [ACTION]");
    expect(out).toContain("Usage: verify [OPTION…] [REFERENCE]");
    expect(out).toContain("Usage: access change-pin");
    for (const line of out.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  });

  it("lists the lines of before without their data", async () => {
    const { out } = await script(
      "-00200080 08 313233343536FFFF",
      "-apdu 00 24 00 80 10 313233343536FFFF 323731383238FFFF",
      "-123456",
      "-verify 123456",
      "-sign 12345678",
      "select piv",
      "history",
    );
    const kept = out.slice(out.lastIndexOf("apdu 00 20 00 80 [8"));
    expect(kept).toBe(
      "apdu 00 20 00 80 [8 bytes withheld]\napdu 00 24 00 80 [16 bytes withheld]\nverify\nsign\nselect piv\n",
    );
  });
});

describe("scard shell, for a card with files", () => {
  const files = cardBench("filesystem");

  it("selects and reads files, and says what they are", async () => {
    const input = ["select mf", "status"].join("\n");
    const { code, err, out } = await files.run(["shell"], { input });
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain("directory");
  });

  it("explains what it cannot select or read", async () => {
    const input = [
      "-select 1",
      "-select 3F00/",
      "-select 3F00/x",
      "-select 0123",
      "-read records 300",
      "-read binary --offset 40000",
    ];
    const { err } = await files.run(["shell"], { input: input.join("\n") });
    expect(err.split("\n").map((line) => line.slice(0, 40))).toEqual(
      [
        "line 1: what is selected is a name (piv, ",
        "line 3: a file identifier has 4 hexadeci",
        "line 4: SCARD_E_FILE_NOT_FOUND: the card",
        "line 5: the number of a record is 1 to 2",
        "line 6: --offset is a number of bytes, 0",
        "",
      ].map((line) => line.slice(0, 40)),
    );
  });
});

describe("scard shell without what it needs", () => {
  it("says that there is no card", async () => {
    const environment = { SCARD_MANAGER: "embedded:virtual:Desk" };
    const { code, err } = await scard(["shell"], { input: "select piv", environment });
    expect([code, err]).toEqual([1, expect.stringMatching(/^scard: line 1: SCARD_E_NO_SMARTCARD/)]);
  });

  it("refuses arguments", async () => {
    expect((await scard(["shell", "x"])).code).toBe(2);
  });
});
