// SPDX-License-Identifier: MIT

import { publicEncrypt, X509Certificate } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";
import { newCard, parseCard } from "../../src/cards/descriptions/index.ts";
import { surroundings } from "../../src/entry/software.ts";
import { type CardService, digitsOf, serveCard } from "../peers/card-service.ts";
import { pcscdPlace, pcscdProgram } from "../peers/pcscd.ts";
import { describePeer, type PeerProgram } from "../peers/peers.ts";
import { Program, run } from "../peers/program.ts";

const SET_UP = "scripts/setup-peers.sh installs it on Debian, with opensc.";
const gidsTool: PeerProgram = { name: "gids-tool", remedy: SET_UP, probe: () => undefined };
const openscTool: PeerProgram = { name: "pkcs15-tool", remedy: SET_UP, probe: () => undefined };

const PIN = "27182818";
const OTHER_PIN = "31415926";
const WRONG_PIN = "16180339";
const ADMINISTRATOR_KEY = "0102030405060708111213141516171821222324252627AA";
const OTHER_KEY = "A1A2A3A4A5A6A7A8B1B2B3B4B5B6B7B8C1C2C3C4C5C6C7C8";
const WRONG_KEY = "00".repeat(24);
const CARD_ID = "000102030405060708090A0B0C0D0E0F";
const secrets = [...[PIN, OTHER_PIN, WRONG_PIN].map(digitsOf), ADMINISTRATOR_KEY, OTHER_KEY];

const login = ["--login", "--pin", PIN];
/** pkcs15-init presents the PIN when it has found the card. */
const owner = ["--verify-pin", "--auth-id", "80", "--pin", PIN];
const keyUses = ["--key-usage", "sign,decrypt"];

/** Signs with a key of the card, and has OpenSSL check it. */
async function signs(card: CardService, id: string, publicKey: string): Promise<void> {
  const [text, signature] = [join(card.folder, "text"), join(card.folder, "signature")];
  writeFileSync(text, "what is signed");
  const files = ["-i", text, "-o", signature];
  await card.done("pkcs11-tool", [...login, "-s", "-m", "SHA256-RSA-PKCS", "--id", id, ...files]);
  const shown = await card.done("openssl", ["dgst", "-sha256", "-verify", publicKey, "-signature", signature, text]);
  expect(shown).toContain("Verified OK");
}

/** Deciphers with a key of the card what OpenSSL has enciphered. */
async function deciphers(card: CardService, id: string, publicKey: string): Promise<void> {
  const plain = Buffer.from("what only the card reads");
  const [cipher, found] = [join(card.folder, "cipher"), join(card.folder, "plain")];
  writeFileSync(cipher, publicEncrypt({ key: readFileSync(publicKey, "utf8"), padding: 1 }, plain));
  const files = ["-i", cipher, "-o", found];
  await card.done("pkcs11-tool", [...login, "--decrypt", "-m", "RSA-PKCS", "--id", id, ...files]);
  expect(readFileSync(found)).toEqual(plain);
}

describePeer(gidsTool, () => {
  const card = serveCard({ card: "gids", reader: "GIDS", secrets });
  const path = (name: string): string => join(card.folder, name);
  const openssl = (...args: readonly string[]): Promise<string> => card.done("openssl", args);
  const pkcs15Init = (...args: readonly string[]): Promise<string> => card.done("pkcs15-init", [...owner, ...args]);

  it("OpenSC knows the card", async () => {
    expect(await card.done("opensc-tool", ["-n"])).toContain("GIDS Smart Card");
    const blank = await card.run("gids-tool", []);
    expect(blank.stdout + blank.stderr).toContain("Is that a new card ?");
  });

  it("gids-tool sets it up, once", async () => {
    const args = ["--initialize", "--pin", PIN, "--admin-key", ADMINISTRATOR_KEY, "--serial-number", CARD_ID];
    await card.done("gids-tool", args);
    const shown = await card.done("gids-tool", []);
    expect(shown).toContain("Found 5 entries in the masterfile");
    expect(shown).toContain("no container found");
    expect((await card.run("gids-tool", args)).stderr).toContain("SC_CARDCTL_GIDS_INITIALIZE, *) failed");
    expect((await card.done("pkcs15-tool", ["-D"])).toUpperCase()).toContain(`SERIAL NUMBER  : ${CARD_ID}`);
  });

  it("pkcs15-init generates a key, imports one, and stores a certificate", async () => {
    await pkcs15Init("--generate-key", "rsa/2048", "--label", "generated", ...keyUses);
    await openssl("genrsa", "-out", path("key.pem"), "2048");
    await openssl("req", "-x509", "-new", "-key", path("key.pem"), "-subj", "/CN=imported", "-out", path("key.crt"));
    await openssl("pkey", "-in", path("key.pem"), "-pubout", "-out", path("key.pub"));
    const id = ["--id", "01"];
    await pkcs15Init("--store-private-key", path("key.pem"), "--label", "imported", ...id, ...keyUses);
    await pkcs15Init("--store-certificate", path("key.crt"), ...id);
    const dump = await card.done("pkcs15-tool", ["-D"]);
    for (const text of ["Private RSA Key [generated]", "Private RSA Key [imported]", "Public RSA Key [generated]"])
      expect(dump).toContain(text);
    expect(dump).toMatch(/Tries left +: 3/);
    expect(await card.done("pkcs15-tool", ["-c"])).toContain("X.509 Certificate [imported]");
    const certificate = await card.done("pkcs15-tool", ["--read-certificate", "01"]);
    expect(certificate).toContain(readFileSync(path("key.crt"), "utf8").trim());
    expect(await card.done("gids-tool", [])).toContain("mscp\\kxc01");
  });

  it("pkcs11-tool's tests find no error but one of OpenSC's own", async () => {
    const tested = await card.done("pkcs11-tool", [...login, "--test"]);
    expect(tested).toContain("all 4 signature functions seem to work");
    expect(tested).toMatch(/SHA256-RSA-PKCS: OK/);
    // Its driver asks no GIDS card for random numbers.
    expect(tested.match(/^.*ERR.*$/gm)).toEqual([expect.stringContaining("C_GenerateRandom failed")]);
    expect(tested).toMatch(/^1 errors$/m);
  });

  it("pkcs11-tool generates keys; they sign and decipher", async () => {
    for (const [bits, id] of [
      ["1024", "02"],
      ["4096", "03"],
    ] as const) {
      await card.done("pkcs11-tool", [
        ...login,
        "--keypairgen",
        "--key-type",
        `rsa:${bits}`,
        "--id",
        id,
        "--label",
        `rsa${bits}`,
      ]);
      await card.done("pkcs11-tool", ["--read-object", "--type", "pubkey", "--id", id, "-o", path("public.der")]);
      await openssl("pkey", "-pubin", "-inform", "DER", "-in", path("public.der"), "-out", path("public.pem"));
      await signs(card, id, path("public.pem"));
      await deciphers(card, id, path("public.pem"));
    }
    await signs(card, "01", path("key.pub"));
    await deciphers(card, "01", path("key.pub"));
  });

  it("a wrong PIN three times blocks, and the administrator's key unblocks", async () => {
    for (let tries = 0; tries < 3; tries++) {
      const { stderr } = await card.run("pkcs15-tool", ["--verify-pin", "--pin", WRONG_PIN]);
      expect(stderr).toContain("PIN code or key incorrect");
    }
    expect((await card.run("pkcs15-tool", ["--verify-pin", "--pin", PIN])).stderr).toContain(
      "Authentication method blocked",
    );
    expect((await card.run("pkcs11-tool", [...login, "-O"])).stderr).toContain("CKR_PIN_LOCKED");
    expect(await card.done("pkcs15-tool", ["-D"])).toMatch(/Tries left +: 0/);
    const unblock = (key: string, pin: string) =>
      card.run("gids-tool", ["--unblock", "--admin-key", key, "--pin", pin]);
    expect((await unblock(WRONG_KEY, OTHER_PIN)).stderr).toContain("Security status not satisfied");
    expect((await unblock(ADMINISTRATOR_KEY, OTHER_PIN)).stdout).toContain("Unblock PIN done successfully");
    await card.done("pkcs15-tool", ["--verify-pin", "--pin", OTHER_PIN]);
    await card.done("pkcs15-tool", ["--change-pin", "--pin", OTHER_PIN, "--new-pin", PIN]);
    await card.done("pkcs15-tool", ["--verify-pin", "--pin", PIN]);
  });

  it("gids-tool changes the administrator's key", async () => {
    const change = ["--change-admin-key", "--admin-key", ADMINISTRATOR_KEY, "--new-admin-key", OTHER_KEY];
    await card.done("gids-tool", change);
    expect((await card.run("gids-tool", change)).stderr).toContain("Security status not satisfied");
    await card.done("gids-tool", ["--unblock", "--admin-key", OTHER_KEY, "--pin", PIN]);
  });

  it("pkcs15-init removes a certificate and a key, and another takes their place", async () => {
    await pkcs15Init("--delete-objects", "cert", "--id", "01");
    expect(await card.done("pkcs15-tool", ["-c"])).not.toContain("X.509");
    await pkcs15Init("--delete-objects", "privkey,pubkey", "--id", "00");
    expect(await card.done("pkcs15-tool", ["-k"])).not.toContain("[generated]");
    await pkcs15Init("--generate-key", "rsa/1024", "--label", "again", "--key-usage", "sign");
    const keys = await card.done("pkcs15-tool", ["-k"]);
    expect(keys).toMatch(/\[again\]\s+Object Flags.*\s+Usage +: \[0x04\], sign\s[\s\S]*?Key ref +: 129 \(0x81\)/);
  });
});

/** A card that was set up with a key and a certificate, as `scard card provision` does it. */
async function provisioned(
  puk?: string,
): Promise<{ readonly description: object; readonly certificate: X509Certificate }> {
  const plan = parseCard(await newCard("gids", surroundings()));
  const [content] = plan.ok ? plan.value.contents : [];
  if (content?.provision === undefined) throw new Error("no card");
  const key = { slot: "81", subject: "Alice", notBefore: "20260101000000", notAfter: "20551231235959" };
  const { certificate, source } = await content.provision(await surroundings().crypto(), key);
  const pins = { pin: { value: digitsOf(PIN) }, ...(puk !== undefined && { puk: { value: digitsOf(puk) } }) };
  const description = { kind: "gids", applications: { gids: { ...source, ...pins } } };
  return { description, certificate: new X509Certificate(certificate ?? new Uint8Array(0)) };
}

const { certificate: first, description: withPuk } = await provisioned(OTHER_PIN);

describePeer(openscTool, () => {
  const card = serveCard({ card: withPuk, reader: "GIDS", secrets });

  it("OpenSC finds what scard has provisioned, and adds a key of its own", async () => {
    const dump = await card.done("pkcs15-tool", ["-D"]);
    for (const text of ["UserPIN", "PUK", "X.509 Certificate"]) expect(dump).toContain(text);
    const publicKey = join(card.folder, "public.pem");
    writeFileSync(publicKey, first.publicKey.export({ type: "spki", format: "pem" }));
    await signs(card, "00", publicKey);
    await deciphers(card, "00", publicKey);
    await card.done("pkcs15-init", [...owner, "--generate-key", "rsa/1024", "--label", "added", ...keyUses]);
    expect(await card.done("pkcs15-tool", ["-k"])).toMatch(/\[added\][\s\S]*Key ref +: 130 \(0x82\)/);
  });

  it("the PUK unblocks the PIN", async () => {
    for (let tries = 0; tries < 3; tries++) await card.run("pkcs15-tool", ["--verify-pin", "--pin", WRONG_PIN]);
    expect((await card.run("pkcs15-tool", ["--verify-pin", "--pin", PIN])).stderr).toContain(
      "Authentication method blocked",
    );
    await card.done("pkcs15-tool", ["--unblock-pin", "--puk", OTHER_PIN, "--new-pin", PIN]);
    await card.done("pkcs15-tool", ["--verify-pin", "--pin", PIN]);
  });

  describePeer(pcscdProgram, () => {
    it("a card that scard has set up plays to Debian's vpcd, and OpenSC uses it", async () => {
      const { certificate, description } = await provisioned();
      const place = await pcscdPlace();
      const folder = place.socket.replace(/[^/]+$/, "");
      const path = join(folder, "card.json");
      writeFileSync(path, JSON.stringify(description));
      const main = resolve("dist/bundle/entry/main.js");
      const vpcd = ["--vpcd", `127.0.0.1:${place.ports[0]}`, "--json"];
      const service = await place.start();
      const player = new Program(process.execPath, [main, "card", "run", path, ...vpcd]);
      try {
        await player.line((line) => line.includes('"state": "inserted"'));
        const environment = { ...process.env, PCSCLITE_CSOCK_NAME: place.socket };
        const named = async (): Promise<string> => (await run("opensc-tool", ["-n"], { environment })).stdout;
        await expect.poll(named, { message: "pcscd has seen the card" }).toContain("GIDS Smart Card");
        const read = await run("pkcs15-tool", ["--read-certificate", "00"], { environment });
        expect(read.stdout).toContain(certificate.toString().trim());
        writeFileSync(join(folder, "text"), "what is signed");
        writeFileSync(join(folder, "public.pem"), certificate.publicKey.export({ type: "spki", format: "pem" }));
        const files = ["-i", join(folder, "text"), "-o", join(folder, "signature")];
        const signed = await run("pkcs11-tool", [...login, "-s", "-m", "SHA256-RSA-PKCS", "--id", "00", ...files], {
          environment,
        });
        expect(signed.status, signed.stderr).toBe(0);
        const check = [
          "-verify",
          join(folder, "public.pem"),
          "-signature",
          join(folder, "signature"),
          join(folder, "text"),
        ];
        expect((await run("openssl", ["dgst", "-sha256", ...check])).stdout).toContain("Verified OK");
      } finally {
        await player.end("SIGTERM");
        await service.end("SIGTERM");
        place.remove();
      }
    });
  });
});
