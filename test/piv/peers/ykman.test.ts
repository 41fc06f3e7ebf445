// SPDX-License-Identifier: MIT

import { X509Certificate } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { describePeer } from "../../peers/peers.ts";
import { MANAGEMENT_KEY, PIN, PUK, peer, useToken } from "./token.ts";

const token = useToken();

describePeer(peer("ykman"), (ykman) => {
  const done = (...args: readonly string[]) => token.done(ykman, args);
  const path = (name: string) => join(token.folder, name);
  const read = (name: string) => readFileSync(path(name), "utf8");

  it("tells what the token is", async () => {
    const info = await done("info");
    expect(info).toContain("Device type: YubiKey 5 NFC");
    expect(info).toContain("Firmware version: 5.7.2");
    expect(info).toMatch(/^Serial number: \d{8}$/m);
    expect(info).toMatch(/^PIV\s+Enabled/m);
    const piv = await done("piv", "info");
    expect(piv).toContain("PIV version: 5.7.2");
    expect(piv).toContain("PIN tries remaining: 3/3");
    expect(piv).toContain("Using default PIN!");
    expect(piv).toContain("Management key algorithm: AES192");
    expect(piv).toMatch(/^CHUID:\s+3019d4e7/m);
  });

  it("generates a key, and makes certificates and requests for it", async () => {
    await done("piv", "keys", "generate", "-m", MANAGEMENT_KEY, "-a", "ECCP256", "9a", path("9a.pem"));
    const issue = ["-P", PIN, "-m", MANAGEMENT_KEY, "-s", "CN=alice", "9a", path("9a.pem")];
    await done("piv", "certificates", "generate", ...issue);
    await done("piv", "certificates", "export", "9a", path("9a.crt"));
    const certificate = new X509Certificate(read("9a.crt"));
    expect([certificate.subject, certificate.verify(certificate.publicKey)]).toEqual(["CN=alice", true]);
    await done("piv", "certificates", "request", "-P", PIN, "-s", "CN=bob", "9a", path("9a.pem"), path("9a.csr"));
    expect(await token.done("openssl", ["req", "-in", path("9a.csr"), "-noout", "-verify"])).toContain("OK");
    expect(await done("piv", "info")).toMatch(/Slot 9a:\n\s+Algorithm:\s+ECCP256\n\s+Subject DN:\s+CN=alice/);
    await done("piv", "keys", "attest", "9a", path("attest.pem"));
    expect(new X509Certificate(read("attest.pem")).subject).toBe("CN=YubiKey PIV Attestation 9a");
    expect(await done("piv", "keys", "export", "-v", "-P", PIN, "9a", "-")).toContain(read("9a.pem").trim());
    await done("piv", "certificates", "delete", "-m", MANAGEMENT_KEY, "9a");
    const missing = await token.run(ykman, ["piv", "certificates", "export", "9a", "-"]);
    expect([missing.status, missing.stderr]).toEqual([1, expect.stringContaining("No certificate found")]);
  });

  it("signs each time with the PIN, in slot 9C", async () => {
    await done("piv", "keys", "generate", "-m", MANAGEMENT_KEY, "-a", "RSA2048", "9c", path("9c.pem"));
    const issue = ["-P", PIN, "-m", MANAGEMENT_KEY, "-s", "CN=carol", "9c", path("9c.pem")];
    await done("piv", "certificates", "generate", ...issue);
    await done("piv", "certificates", "export", "9c", path("9c.crt"));
    const certificate = new X509Certificate(read("9c.crt"));
    expect(certificate.verify(certificate.publicKey)).toBe(true);
  });

  it("imports a key and objects", async () => {
    await token.done("openssl", ["ecparam", "-name", "secp384r1", "-genkey", "-noout", "-out", path("own.pem")]);
    await done("piv", "keys", "import", "-m", MANAGEMENT_KEY, "--pin-policy", "ALWAYS", "9d", path("own.pem"));
    await done("piv", "keys", "export", "-v", "-P", PIN, "9d", path("9d.pem"));
    expect(await token.done("openssl", ["pkey", "-in", path("own.pem"), "-pubout"])).toContain(read("9d.pem").trim());
    writeFileSync(path("object"), "what a program keeps");
    await done("piv", "objects", "import", "-m", MANAGEMENT_KEY, "0x5fff42", path("object"));
    expect(await done("piv", "objects", "export", "0x5fff42", "-")).toContain("what a program keeps");
  });

  it("changes PIN, PUK and management key, blocks, and unblocks", async () => {
    await done("piv", "access", "change-pin", "-P", PIN, "-n", "654321");
    const wrong = await token.run(ykman, ["piv", "access", "change-pin", "-P", PIN, "-n", "111111"]);
    expect([wrong.status, wrong.stderr]).toEqual([1, "Error: PIN change failed - 2 tries left.\n"]);
    for (let tries = 0; tries < 2; tries++) {
      await token.run(ykman, ["piv", "access", "change-pin", "-P", PIN, "-n", "111111"]);
    }
    expect(await done("piv", "info")).toContain("PIN tries remaining: 0/3");
    const blocked = await token.run(ykman, ["piv", "access", "change-pin", "-P", "654321", "-n", "111111"]);
    expect([blocked.status, blocked.stderr]).toEqual([1, "Error: PIN is blocked.\n"]);
    await done("piv", "access", "unblock-pin", "-p", PUK, "-n", PIN);
    expect(await done("piv", "info")).toContain("PIN tries remaining: 3/3");
    await done("piv", "access", "change-puk", "-p", PUK, "-n", "87654321");
    const key = "0f".repeat(32);
    await done("piv", "access", "change-management-key", "-m", MANAGEMENT_KEY, "-a", "AES256", "-n", key);
    expect(await done("piv", "info")).toContain("Management key algorithm: AES256");
    await done("piv", "access", "set-retries", "-f", "-m", key, "-P", PIN, "5", "6");
    expect(await done("piv", "info")).toContain("PIN tries remaining: 5/5");
  });

  it("protects the management key with the PIN", async () => {
    const change = ["-m", "0f".repeat(32), "--protect", "-P", PIN];
    await done("piv", "access", "change-management-key", ...change);
    expect(await done("piv", "info")).toContain("Management key is stored on the YubiKey, protected by PIN.");
    await done("piv", "keys", "generate", "-P", PIN, "-a", "ECCP256", "9e", path("9e.pem"));
  });

  it("resets the application", async () => {
    await done("piv", "reset", "-f");
    const piv = await done("piv", "info");
    expect(piv).toContain("PIN tries remaining: 3/3");
    expect(piv).toContain("CHUID:\tNo data available.");
    expect(piv).not.toContain("Slot 9c");
  });
});
