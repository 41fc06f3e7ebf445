// SPDX-License-Identifier: MIT

import { X509Certificate } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { attestationRoot } from "../../../src/cards/crypto/index.ts";
import { describePeer } from "../../peers/peers.ts";
import { crypto } from "../piv-session.ts";
import { PIN, PUK, peer, useToken, YKCS11_MODULE } from "./token.ts";

const token = useToken();
const path = (name: string) => join(token.folder, name);
const openssl = (...args: readonly string[]) => token.done("openssl", args);

describePeer(peer("yubico-piv-tool"), (tool) => {
  const done = (...args: readonly string[]) => token.done(tool, args);
  const said = async (...args: readonly string[]) => (await token.run(tool, args)).stderr.trim();

  it("tells what the token is", async () => {
    const status = await done("-a", "status");
    expect(status).toMatch(/^Version:\s+5\.7\.2$/m);
    expect(status).toMatch(/^Serial Number:\s+\d{8}$/m);
    expect(status).toMatch(/^PIN tries left:\s+3$/m);
    expect(await done("-a", "version")).toContain("5.7.2");
  });

  it.each([
    ["9a", "ECCP256"],
    ["9c", "RSA2048"],
    ["82", "ECCP384"],
    ["95", "RSA1024"],
  ])("generates a key in slot %s (%s), and signs with it", async (slot, algorithm) => {
    await done("-a", "generate", "-s", slot, "-A", algorithm, "-o", path(`${slot}.pem`));
    writeFileSync(path("text"), "what is signed");
    const sign = ["--sign", "-s", slot, "-A", algorithm, "-H", "SHA256", "-i", path("text"), "-o", path("signature")];
    await done("-a", "verify-pin", "-P", PIN, ...sign);
    const verify = ["dgst", "-sha256", "-verify", path(`${slot}.pem`), "-signature", path("signature"), path("text")];
    expect(await openssl(...verify)).toContain("Verified OK");
  });

  it("attests what it has generated, up to the root", async () => {
    await done("-a", "attest", "-s", "9a", "-o", path("leaf.pem"));
    await done("-a", "read-certificate", "-s", "f9", "-o", path("middle.pem"));
    const root = new X509Certificate(await attestationRoot(crypto));
    writeFileSync(path("root.pem"), root.toString());
    const verify = ["verify", "-CAfile", path("root.pem"), "-untrusted", path("middle.pem"), path("leaf.pem")];
    expect(await openssl(...verify)).toContain("leaf.pem: OK");
    // The attested key is the one that was generated.
    expect(await openssl("x509", "-in", path("leaf.pem"), "-noout", "-pubkey")).toBe(
      readFileSync(path("9a.pem"), "utf8"),
    );
  });

  it("imports keys and certificates, and deciphers", async () => {
    await openssl("genrsa", "-out", path("rsa.pem"), "2048");
    await openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path("ec.pem"));
    for (const [slot, key] of [
      ["9d", "rsa"],
      ["9e", "ec"],
    ] as const) {
      const make = [
        "req",
        "-x509",
        "-new",
        "-key",
        path(`${key}.pem`),
        "-subj",
        `/CN=${key}`,
        "-out",
        path(`${key}.crt`),
      ];
      await openssl(...make);
      await done("-a", "import-key", "-s", slot, "-i", path(`${key}.pem`));
      await done("-a", "import-certificate", "-s", slot, "-i", path(`${key}.crt`));
    }
    const decipher = await done(
      "-a",
      "verify-pin",
      "-P",
      PIN,
      "-a",
      "test-decipher",
      "-s",
      "9d",
      "-i",
      path("rsa.crt"),
    );
    expect(decipher).toContain("Successfully performed RSA decryption!");
    const agree = await done("-a", "test-decipher", "-s", "9e", "-i", path("ec.crt"));
    expect(agree).toContain("Successfully performed ECDH exchange with card.");
    const sign = await done("-a", "test-signature", "-s", "9e", "-i", path("ec.crt"));
    expect(sign).toContain("Successful ECDSA verification.");
    await done("-a", "delete-certificate", "-s", "9e");
    expect(await said("-a", "read-certificate", "-s", "9e")).toContain("Failed fetching certificate.");
    const attested = await token.run(tool, ["-a", "attest", "-s", "9d"]);
    expect([attested.status, attested.stderr.trim()], "an imported key").toEqual([1, "Failed to attest data."]);
  });

  it("writes the objects that a card is known by", async () => {
    const before = await done("-a", "status");
    await done("-a", "set-chuid");
    await done("-a", "set-ccc");
    const after = await done("-a", "status");
    expect(after).not.toBe(before);
  });

  it("changes PIN and PUK, is blocked after three wrong ones, and unblocks", async () => {
    await done("-a", "change-pin", "-P", PIN, "-N", "654321");
    const verify = () => said("-a", "verify-pin", "-P", PIN);
    expect(await verify()).toBe("Pin verification failed, 2 tries left before pin is blocked.");
    expect(await verify()).toBe("Pin verification failed, 1 tries left before pin is blocked.");
    expect(await verify()).toBe("Pin code blocked, use unblock-pin action to unblock.");
    expect(await said("-a", "verify-pin", "-P", "654321")).toBe("Pin code blocked, use unblock-pin action to unblock.");
    expect(await done("-a", "status")).toMatch(/^PIN tries left:\s+0$/m);
    await done("-a", "unblock-pin", "-P", PUK, "-N", PIN);
    await done("-a", "verify-pin", "-P", PIN);
    await done("-a", "change-puk", "-P", PUK, "-N", "87654321");
    await done("-a", "change-puk", "-P", "87654321", "-N", PUK);
  });

  it("sets another management key, and tries", async () => {
    const key = "0a".repeat(24);
    await done("-a", "set-mgm-key", "-n", key);
    expect(await said("-a", "set-chuid")).toContain("Failed authentication with the application");
    await done(`-k${key}`, "-a", "set-chuid");
    await done(
      `-k${key}`,
      "-a",
      "verify-pin",
      "-P",
      PIN,
      "-a",
      "pin-retries",
      "--pin-retries",
      "5",
      "--puk-retries",
      "6",
    );
    expect(await done("-a", "status")).toMatch(/^PIN tries left:\s+5$/m);
  });

  it("resets the application, and only where it is blocked", async () => {
    expect(await said("-a", "reset")).toContain("Reset failed, are pincodes blocked?");
    for (let tries = 0; tries < 5; tries++) await said("-a", "verify-pin", "-P", "000000");
    for (let tries = 0; tries < 6; tries++) await said("-a", "unblock-pin", "-P", "00000000", "-N", "000000");
    await done("-a", "reset");
    const status = await done("-a", "status");
    expect(status).toMatch(/^PIN tries left:\s+3$/m);
    expect(status).not.toMatch(/^Slot/m);
    await done("-a", "set-chuid");
  });
});

describePeer(peer(YKCS11_MODULE), () => {
  describePeer(peer("pkcs11-tool"), (pkcs11) => {
    it("ykcs11's tests by pkcs11-tool find no error", async () => {
      for (const [slot, algorithm] of [
        ["9a", "RSA2048"],
        ["9c", "ECCP256"],
        ["9d", "RSA1024"],
      ] as const) {
        await token.done("yubico-piv-tool", ["-a", "generate", "-s", slot, "-A", algorithm, "-o", path(`${slot}.pem`)]);
      }
      const module = ["--module", YKCS11_MODULE];
      expect(await token.done(pkcs11, [...module, "-L"])).toMatch(/token label +: YubiKey PIV #\d{8}/);
      const tested = await token.done(pkcs11, [...module, "--login", "--pin", PIN, "--test"]);
      expect(tested).toMatch(/^No errors$/m);
      expect(tested).toContain("all 4 signature functions seem to work");
    });
  });
});
