// SPDX-License-Identifier: MIT

import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runProgram } from "../../src/apps/cli/program.ts";
import { encodeHex, hexBytes } from "../../src/base/binary/index.ts";
import type { SoftwareCard } from "../../src/cards/software-card/index.ts";
import { softwareCard } from "../../src/entry/software.ts";
import { RecordedTerminal } from "./recorded-terminal.ts";

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "scard-card-"));
  path = join(folder, "card.json");
});
afterEach(() => rmSync(folder, { recursive: true }));

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function scard(
  args: readonly string[],
  setting: ConstructorParameters<typeof RecordedTerminal>[0] = {},
): Promise<Run> {
  const terminal = new RecordedTerminal(setting);
  const code = await runProgram(["card", ...args], terminal);
  return { code, out: terminal.printed, err: terminal.said };
}

/** What the card in the file answers to some commands. */
async function answers(...commands: readonly string[]): Promise<string[]> {
  const card: SoftwareCard = await softwareCard(path);
  card.reset("cold");
  const all: string[] = [];
  for (const command of commands) {
    const answer: Uint8Array | Promise<Uint8Array> = card.process(hexBytes(command));
    all.push(encodeHex(await answer));
  }
  card.powerOff();
  return all;
}

const SELECT_PIV = "00A4040005A00000030800";
const verifyPin = (digits: string): string => {
  const pin = encodeHex(new TextEncoder().encode(digits)).padEnd(16, "F");
  return `0020008008${pin}`;
};

describe("scard card new", () => {
  test.each(["piv", "openpgp", "gids", "yubikey", "filesystem"])("%s", async (kind) => {
    const made = await scard(["new", kind, path, "--json"]);
    expect([made.code, made.err]).toEqual([0, ""]);
    expect(JSON.parse(made.out)).toMatchObject({ file: path, kind, keep: "file" });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const shown = await scard(["show", path, "--json"]);
    expect(shown.out).toBe(made.out);
    await softwareCard(path);
  });

  test("a file that is there already is left alone", async () => {
    writeFileSync(path, "mine");
    const { code, err } = await scard(["new", "piv", path]);
    expect(code).toBe(1);
    expect(err).toContain("there is a file already");
    expect(readFileSync(path, "utf8")).toBe("mine");
  });

  test("a file of another program is told in one line", async () => {
    writeFileSync(path, '{"name2": "x", "scripts": {}, "dependencies": {}}');
    const { code, err } = await scard(["show", path]);
    expect([code, err]).toEqual([
      1,
      expect.stringContaining("none of its members is a card's; scard card new makes a card\n"),
    ]);
    expect(err.trimEnd()).not.toContain("\n");
  });

  test("--memory: changes are forgotten", async () => {
    expect((await scard(["new", "openpgp", path, "--memory"])).out).toContain("changes are forgotten");
    expect(JSON.parse(readFileSync(path, "utf8")).keep).toBe("memory");
  });

  test.each([
    [["new"], "a kind of card and a file are needed"],
    [["new", "pvi", "x"], "no such kind of card; known: piv, openpgp"],
    [["new", "piv", "x", "y"], "y"],
    [["show"], "the file of the card is missing"],
    [["provision"], "the file of the card is missing"],
    [["provision", "x"], "there is nothing to do"],
    [["provision", "x", "--pin", "123456"], "--pin says where the PIN comes from"],
    [["provision", "x", "--days", "3"], "--days is for a new key"],
    [["provision", "x", "--key", "9A", "--ca", "y"], "--ca and --ca-key belong together"],
    [["provision", "x", "--key", "9A", "--days", "0"], "--days is 1 to 36500"],
    [["run"], "the card is missing"],
    [["run", "piv", "--vpcd", "here:0"], "--vpcd is HOST:PORT"],
  ])("%j is a usage error", async (args, message) => {
    const { code, err, out } = await scard(args);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain(message);
    expect(err).not.toContain("123456");
  });
});

describe("scard card provision", () => {
  test("a PIN and a PUK from standard input, and no tries are used up", async () => {
    await scard(["new", "piv", path]);
    await answers(SELECT_PIV, verifyPin("999999"));
    const { code, err, out } = await scard(["provision", path, "--pin", "stdin", "--puk", "stdin"], {
      input: "271828\n31415926\n",
    });
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(/PIN +3 of 3 tries left/);
    expect(out).not.toMatch(/271828|31415926/);
    const [, wrong, right] = await answers(SELECT_PIV, verifyPin("123456"), verifyPin("271828"));
    expect([wrong, right]).toEqual(["63C2", "9000"]);
  });

  test("a PIN from the environment and from a file", async () => {
    await scard(["new", "piv", path]);
    expect((await scard(["provision", path, "--pin", "env:PIN"], { environment: { PIN: "271828" } })).code).toBe(0);
    expect((await answers(SELECT_PIV, verifyPin("271828")))[1]).toBe("9000");
    writeFileSync(join(folder, "pin"), "314159\n");
    expect((await scard(["provision", path, "--pin", `file:${join(folder, "pin")}`])).code).toBe(0);
    expect((await answers(SELECT_PIV, verifyPin("314159")))[1]).toBe("9000");
  });

  test.each([
    ["env:NONE", {}, "no NONE"],
    ["stdin", {}, "the next line of standard input"],
    ["prompt", {}, "no terminal to ask"],
  ])("no PIN at %s", async (source, setting, message) => {
    await scard(["new", "piv", path]);
    const before = readFileSync(path, "utf8");
    const { code, err } = await scard(["provision", path, "--pin", source], setting);
    expect(code).toBe(2);
    expect(err).toContain(message);
    expect(readFileSync(path, "utf8")).toBe(before);
  });

  test("a PIN that the card does not take changes nothing, and is not repeated", async () => {
    await scard(["new", "piv", path]);
    const before = readFileSync(path, "utf8");
    const { code, err } = await scard(["provision", path, "--pin", "stdin"], { input: "1234567890\n" });
    expect(code).toBe(1);
    expect(err).toContain("card.json does not take this PIN or PUK:\n  $.applications.piv.pin.value: has 10 bytes");
    expect(err).not.toContain("1234567890");
    expect(err).not.toContain("31323334");
    expect(readFileSync(path, "utf8")).toBe(before);
  });

  test.each(["ndef", "ntag215", "mifare-classic-1k", "filesystem"])("%s has nothing of that kind", async (kind) => {
    await scard(["new", kind, path]);
    for (const option of [
      ["--key", "9A"],
      ["--pin", "env:PIN"],
    ]) {
      const { code, err } = await scard(["provision", path, ...option], { environment: { PIN: "123456" } });
      expect(code).toBe(1);
      expect(err).toContain(`card.json is a card of the kind ${kind}, without an application that has PINs and keys`);
    }
  });

  test.each(["99", "F9", "9A9C", "x"])("PIV has no key %s for its holder", async (slot) => {
    await scard(["new", "piv", path]);
    const { code, err } = await scard(["provision", path, "--key", slot]);
    expect(code).toBe(1);
    expect(err).toContain("use 9A, 9C, 9D, 9E, or 82 to 95");
    expect(err).not.toContain("provisionPiv");
  });

  test("OpenPGP: PIN and admin PIN", async () => {
    await scard(["new", "openpgp", path]);
    expect(
      (await scard(["provision", path, "--pin", "stdin", "--puk", "stdin"], { input: "271828\n31415926\n" })).code,
    ).toBe(0);
    const [, user, admin] = await answers(
      "00A4040006D2760001240100",
      `0020008206${encodeHex(new TextEncoder().encode("271828"))}`,
      `0020008308${encodeHex(new TextEncoder().encode("31415926"))}`,
    );
    expect([user, admin]).toEqual(["9000", "9000"]);
  });

  test("OpenPGP: a key with its fingerprint and its time, and a certificate that a CA signs", async () => {
    await scard(["new", "openpgp", path]);
    const [ca, key] = [join(folder, "ca.pem"), join(folder, "ca.key")];
    const make = [
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-subj",
      "/CN=Test CA",
    ];
    execFileSync("openssl", [...make, "-keyout", key, "-out", ca], { stdio: "ignore" });
    const pem = join(folder, "certificate.pem");
    const args = [
      "--key",
      "Decryption",
      "--algorithm",
      "x25519",
      "--ca",
      ca,
      "--ca-key",
      key,
      "--certificate-out",
      pem,
    ];
    const { code, out, err } = await scard(["provision", path, "--json", ...args]);
    expect([code, err]).toEqual([0, ""]);
    expect(JSON.parse(out).applications[0]).toMatchObject({
      "decryption key": expect.stringMatching(/^x25519, generated, fingerprint [0-9A-F]{40}$/),
      "signature key": "none",
    });
    expect(new X509Certificate(readFileSync(pem)).issuer).toBe("CN=Test CA");
    expect((await answers("00A4040006D2760001240100", "00CA00C200"))[1]).toBe("122B0601040197550105019000");
  });

  test.each([
    [["--key", "9A"], '"9A", which is no key of an OpenPGP card; use signature, decryption or authentication'],
    [
      ["--key", "signature", "--algorithm", "x25519"],
      '"x25519", which is no algorithm of the signature key; use rsa2048,',
    ],
    [["--key", "decryption", "--algorithm", "ed25519"], '"ed25519", which is no algorithm of the decryption key'],
    [["--key", "authentication", "--algorithm", "dsa"], '"dsa", which is no algorithm of the authentication key'],
    [["--key", "signature", "--subject", "x".repeat(65)], "65 characters; use 1 to 64"],
  ])("OpenPGP: %j is refused, and nothing has changed", async (args, message) => {
    await scard(["new", "openpgp", path]);
    const before = readFileSync(path, "utf8");
    const { code, err } = await scard(["provision", path, ...args]);
    expect([code, err]).toEqual([1, expect.stringContaining(message)]);
    expect(readFileSync(path, "utf8")).toBe(before);
  });

  test("OpenPGP: an X25519 key has no certificate of its own", async () => {
    await scard(["new", "openpgp", path]);
    const args = ["provision", path, "--key", "decryption", "--algorithm", "x25519"];
    const { code, err } = await scard([...args, "--certificate-out", join(folder, "none.pem")]);
    expect([code, err]).toEqual([2, expect.stringContaining("give --ca and --ca-key")]);
    expect((await scard(args)).code).toBe(0);
    expect(JSON.parse(readFileSync(path, "utf8")).applications.openpgp.certificates.decryption).toBe("");
  });

  test("GIDS: a blank card is set up, with a PIN or a key", async () => {
    await scard(["new", "gids", path]);
    expect((await scard(["show", path])).out).toMatch(/life cycle +initialization\n.*PIN +none yet/);
    const pin = await scard(["provision", path, "--pin", "stdin"], { input: "271828\n" });
    expect([pin.code, pin.err]).toEqual([0, ""]);
    expect(pin.out).toMatch(/life cycle +operational\n.*PIN +3 of 3 tries left/);
    const pem = join(folder, "certificate.pem");
    const key = await scard(["provision", path, "--key", "81", "--subject", "Ann Example", "--certificate-out", pem]);
    expect([key.code, key.err]).toEqual([0, ""]);
    expect(key.out).toMatch(/key 81 +2048 bits, signatures and decryption, with a certificate/);
    const certificate = new X509Certificate(readFileSync(pem));
    expect(certificate.subject).toBe("CN=Ann Example");
    const verify = (digits: string): string => `0020008006${encodeHex(new TextEncoder().encode(digits))}`;
    const [, wrong, right] = await answers("00A4040009A0000003974254465900", verify("123456"), verify("271828"));
    expect([wrong, right]).toEqual(["63C2", "9000"]);
    const stored = readFileSync(path, "utf8");
    for (const secret of [JSON.parse(stored).applications.gids.pin.value, "010203040506070801020304"]) {
      expect(stored).toContain(secret);
      expect(pin.out + key.out).not.toContain(secret);
    }
    const puk = await scard(["provision", path, "--puk", "stdin"], { input: "31415926\n" });
    expect(puk.out).toMatch(/PUK +3 of 3 tries left/);
  });

  test.each([
    [["--key", "9A"], "use 81"],
    [["--key", "82"], "use 81"],
    [["--key", "81", "--algorithm", "p256"], "rsa2048"],
    [["--key", "81", "--subject", ""], "1 to 64"],
  ])("GIDS: %j cannot be done", async (args, message) => {
    await scard(["new", "gids", path]);
    const before = readFileSync(path, "utf8");
    const { code, err } = await scard(["provision", path, ...args]);
    expect(code).toBe(1);
    expect(err).toContain(message);
    expect(readFileSync(path, "utf8")).toBe(before);
  });

  test.each(["rsa2048", "p256", "p384", "ed25519"])(
    "a key of %s with a certificate that it signs itself",
    async (algorithm) => {
      await scard(["new", "piv", path]);
      const pem = join(folder, "certificate.pem");
      const args = [
        "--key",
        "9C",
        "--algorithm",
        algorithm,
        "--subject",
        "Ann Example",
        "--days",
        "7",
        "--certificate-out",
        pem,
      ];
      const { code, out } = await scard(["provision", path, ...args]);
      expect(code).toBe(0);
      expect(out).toMatch(new RegExp(`key 9C +${algorithm}, generated`));
      const certificate = new X509Certificate(readFileSync(pem));
      expect(certificate.subject).toBe("CN=Ann Example");
      expect(certificate.verify(certificate.publicKey)).toBe(true);
      const days = (Date.parse(certificate.validTo) - Date.parse(certificate.validFrom)) / 86_400_000;
      expect(days).toBeGreaterThanOrEqual(7);
      expect(days).toBeLessThan(8);
      // The card has it: GET DATA of the certificate for signatures.
      const [, object] = await answers(SELECT_PIV, "00CB3FFF0000055C035FC10A0000");
      expect(object).toContain(encodeHex(new Uint8Array(certificate.raw)).slice(0, 200));
    },
  );

  test.each([
    ["rsa", ["rsa:2048"]],
    ["ec", ["ec", "-pkeyopt", "ec_paramgen_curve:P-384"]],
    ["ed25519", ["ed25519"]],
  ])("a certificate that a CA with a key of %s signs", async (_, algorithm) => {
    const [ca, caKey, pem] = ["ca.pem", "ca.key", "certificate.pem"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    const request = ["req", "-x509", "-newkey", ...algorithm, "-nodes", "-subj", "/CN=Test CA", "-days", "2"];
    execFileSync("openssl", [...request, "-keyout", caKey, "-out", ca], { stdio: "pipe" });
    await scard(["new", "yubikey", path]);
    const args = ["--key", "9A", "--ca", ca, "--ca-key", caKey, "--certificate-out", pem];
    const { code, err } = await scard(["provision", path, "--application", "piv", ...args]);
    expect([code, err]).toEqual([0, ""]);
    expect(execFileSync("openssl", ["verify", "-CAfile", ca, pem], { encoding: "utf8" })).toContain("OK");
    const stranger = join(folder, "other.key");
    execFileSync("openssl", ["genpkey", "-algorithm", "ed25519", "-out", stranger], { stdio: "pipe" });
    const wrong = await scard(["provision", path, "--key", "9A", "--ca", ca, "--ca-key", stranger]);
    expect([wrong.code, wrong.err]).toEqual([1, expect.stringContaining("is not that of the certificate")]);
    const none = await scard(["provision", path, "--key", "9A", "--ca", caKey, "--ca-key", stranger]);
    expect([none.code, none.err]).toEqual([1, expect.stringContaining("is no certificate in PEM")]);
    const noKey = await scard(["provision", path, "--key", "9A", "--ca", ca, "--ca-key", ca]);
    expect([noKey.code, noKey.err]).toEqual([1, expect.stringContaining("is no private key in PEM")]);
  });

  test.each([
    [["--key", "99"], "9A, 9C, 9D, 9E"],
    [["--key", "ZZ"], "9A, 9C, 9D, 9E"],
    [["--key", "9A", "--algorithm", "rsa512"], "rsa2048"],
    [["--key", "9A", "--subject", ""], "1 to 64"],
    [["--key", "9A", "--application", "openpgp"], "has no application openpgp"],
  ])("%j cannot be done", async (args, message) => {
    await scard(["new", "piv", path]);
    const before = readFileSync(path, "utf8");
    const { code, err } = await scard(["provision", path, ...args]);
    expect(code).toBe(1);
    expect(err).toContain(message);
    expect(readFileSync(path, "utf8")).toBe(before);
  });
});

describe("scard card show", () => {
  test("no PIN and no key is shown", async () => {
    await scard(["new", "yubikey", path]);
    await scard(["provision", path, "--application", "piv", "--key", "9A"]);
    const stored = JSON.parse(readFileSync(path, "utf8")).applications.piv;
    for (const args of [
      ["show", path],
      ["show", path, "--json"],
    ]) {
      const { code, out } = await scard(args);
      expect(code).toBe(0);
      for (const secret of [stored.pin.value, stored.managementKey.value, stored.keys.at(-1).secret]) {
        expect(out).not.toContain(secret);
      }
      expect(out).toContain("OpenPGP");
    }
  });

  test("a file with another content", async () => {
    writeFileSync(path, '{ "kind": "piv" }');
    const { code, err } = await scard(["show", path]);
    expect(code).toBe(1);
    expect(err).toContain("is no description of a card");
  });
});
