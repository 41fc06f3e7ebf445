// SPDX-License-Identifier: MIT

import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { attestationRoot } from "../../src/cards/crypto/index.ts";
import { crypto } from "../cards/openpgp-bench.ts";
import { digitsOf, serveCard } from "../peers/card-service.ts";
import { describePeer, type PeerProgram } from "../peers/peers.ts";
import { GnuPg } from "./gnupg.ts";

const SET_UP = "scripts/setup-peers.sh installs it on Debian.";
const tool: PeerProgram = { name: "ykman", remedy: SET_UP, probe: () => undefined };

const ADMIN_PIN = "12345678";
const admin = ["-a", ADMIN_PIN];
const token = serveCard({ card: "yubikey", secrets: [ADMIN_PIN, "123456", "00000000"].map(digitsOf) });

describePeer(tool, (ykman) => {
  const openpgp = (...args: readonly string[]) => token.done(ykman, ["openpgp", ...args]);
  const fails = async (...args: readonly string[]): Promise<string> => {
    const { status, stderr } = await token.run(ykman, ["openpgp", ...args]);
    expect(status, args.join(" ")).toBe(1);
    return stderr.trim().split("\n").at(-1) ?? "";
  };
  const path = (name: string): string => join(token.folder, name);
  /** A key of its own, and a certificate for it. */
  const makeCertificate = async (name: string): Promise<string> => {
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path(`${name}.key`)];
    await token.done("openssl", ["req", "-x509", ...key, "-out", path(`${name}.pem`), "-subj", `/CN=${name}`]);
    return path(`${name}.pem`);
  };

  it("tells what the application is", async () => {
    const info = await openpgp("info");
    expect(info).toContain("OpenPGP version: 3.4");
    expect(info).toContain("Application version: 5.7.2");
    expect(info).toMatch(/PIN tries remaining: 3\nReset code tries remaining: 0\nAdmin PIN tries remaining: 3/);
    expect(info).toMatch(/Signature key {11}Off\nEncryption key {10}Off\nAuthentication key {6}Off\n/);
    expect(await token.done(ykman, ["info"])).toMatch(/^OpenPGP\s+Enabled\s+Enabled/m);
  });

  it("sets how many tries there are", async () => {
    await openpgp("access", "set-retries", "-f", ...admin, "5", "6", "7");
    expect(await openpgp("info")).toMatch(
      /PIN tries remaining: 5\nReset code tries remaining: 0\nAdmin PIN tries remaining: 7/,
    );
    const wrong = ["access", "set-retries", "-f", "-a", "00000000", "3", "3", "3"];
    expect(await fails(...wrong)).toContain("Invalid PIN, 6 tries remaining.");
    await openpgp("access", "set-retries", "-f", ...admin, "3", "3", "3");
  });

  it.each(["sig", "enc", "aut"])("keeps a certificate for the key %s", async (slot) => {
    expect(await fails("certificates", "export", slot, "-")).toContain("Failed to read certificate from");
    const file = await makeCertificate(slot);
    await openpgp("certificates", "import", ...admin, slot, file);
    const exported = await openpgp("certificates", "export", slot, "-");
    expect(new X509Certificate(exported).raw).toEqual(new X509Certificate(readFileSync(file)).raw);
    await openpgp("certificates", "delete", ...admin, slot);
    await fails("certificates", "export", slot, "-");
  });

  it.each([
    ["sig", "cached", /Signature key {11}Cached\n/],
    ["enc", "on", /Encryption key {10}On\n/],
    ["aut", "cached-fixed", /Authentication key {6}Cached \(fixed\)\n/],
  ])("sets when the key %s wants a touch: %s", async (slot, policy, shown) => {
    await openpgp("keys", "set-touch", "-f", ...admin, slot, policy);
    expect(await openpgp("info")).toMatch(shown);
  });

  it("does not change a touch policy that is fixed, and says so", async () => {
    expect(await fails("keys", "set-touch", "-f", ...admin, "aut", "off")).toContain("Failed to set touch policy.");
  });

  it("attests that the card has made a key, with its own attestation key and with one that was imported", async () => {
    const gnupg = new GnuPg(token.environment);
    try {
      await gnupg.setAlgorithm(1, "19 nistp256");
      await gnupg.makeKey(1);
    } finally {
      await gnupg.remove();
    }
    const root = new X509Certificate(await attestationRoot(crypto));
    const attestation = new X509Certificate(await openpgp("certificates", "export", "att", "-"));
    expect(attestation.verify(root.publicKey)).toBe(true);
    const pin = ["-P", "123456"];
    expect(await openpgp("keys", "attest", ...pin, "sig", path("sig.pem"))).toBe("");
    const first = new X509Certificate(readFileSync(path("sig.pem")));
    expect([first.subject, first.verify(attestation.publicKey)]).toEqual(["CN=YubiKey OPGP Attestation SIG", true]);
    const own = await makeCertificate("own");
    await openpgp("keys", "import", ...admin, "att", path("own.key"));
    await openpgp("certificates", "import", ...admin, "att", own);
    await token.done(ykman, ["openpgp", "keys", "attest", ...pin, "sig", path("again.pem")], "y\n");
    const again = new X509Certificate(readFileSync(path("again.pem")));
    expect(again.issuer).toBe("CN=own");
    expect(again.verify(new X509Certificate(readFileSync(own)).publicKey)).toBe(true);
    expect(again.publicKey.export({ format: "jwk" })).toEqual(first.publicKey.export({ format: "jwk" }));
    expect(await fails("keys", "attest", ...pin, "enc", path("enc.pem"))).toContain("Attestation failed");
  });

  it("blocks the admin PIN after three wrong ones; a reset ends all of it", async () => {
    const wrong = ["access", "set-retries", "-f", "-a", "00000000", "3", "3", "3"];
    for (const left of [2, 1, 0]) expect(await fails(...wrong)).toContain(`Invalid PIN, ${left} tries remaining.`);
    const right = ["access", "set-retries", "-f", ...admin, "3", "3", "3"];
    expect(await fails(...right)).toContain("Invalid PIN, 0 tries remaining.");
    expect(await openpgp("reset", "-f")).toContain("Success!");
    const info = await openpgp("info");
    expect(info).toMatch(/PIN tries remaining: 3\nReset code tries remaining: 0\nAdmin PIN tries remaining: 3/);
    expect(info).toMatch(/Authentication key {6}Off\n/);
    await openpgp(...right);
  });
});
