// SPDX-License-Identifier: MIT

// `scard openpgp` and the generic commands of `scard card`, with cards in files.

import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import { cardBench, scard } from "./card-file-run.ts";

const openssl = (...args: readonly string[]): string =>
  execFileSync("openssl", args, { encoding: "utf8", stdio: "pipe" });
const pin = ["--pin", "env:PIN"];
const admin = ["--admin-pin", "env:ADMIN"];

/** A certificate of a key of its own. */
function makeCertificate(folder: (name: string) => string): string {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", folder("own.key")];
  openssl("req", "-x509", ...key, "-out", folder("own.pem"), "-subj", "/CN=own");
  return folder("own.pem");
}

describe("scard openpgp", () => {
  const bench = cardBench("openpgp");
  const { done, fails, json, path, write } = bench;
  const provision = async (slot: string, algorithm: string): Promise<void> => {
    const args = ["card", "provision", path("card.json"), "--key", slot, "--algorithm", algorithm];
    expect((await scard(args)).code).toBe(0);
  };

  it("info tells what is on the card", async () => {
    await provision("signature", "ed25519");
    await provision("decryption", "rsa2048");
    await provision("authentication", "p256");
    const out = await done(["openpgp", "info"]);
    expect(out).toContain("OpenPGP version:            3.4\n");
    expect(out).toMatch(
      /^PIN tries remaining: {8}3\nReset code tries remaining: 0\nAdmin PIN tries remaining: {2}3\n/m,
    );
    expect(out).toMatch(/^Signature key:\n {2}Fingerprint: {2}[0-9A-F]{4}( [0-9A-F]{4}){4} {2}[0-9A-F]{4}/m);
    expect(await json(["openpgp", "info"])).toMatchObject({
      version: "3.4",
      triesLeft: { pin: 3, resetCode: 0, adminPin: 3 },
      hasKdf: false,
      keys: [{ key: "signature" }, { key: "decryption" }, { key: "authentication" }],
    });
  });

  it("signs, decrypts and tells its keys", async () => {
    const data = write("data", "what is signed");
    for (const key of ["sig", "enc", "aut"]) await done(["openpgp", "keys", "export", key, path(`${key}.pem`)]);
    await done(["openpgp", "sign", "aut", data, path("signature"), ...pin]);
    expect(openssl("dgst", "-sha256", "-verify", path("aut.pem"), "-signature", path("signature"), data)).toContain(
      "OK",
    );
    await done(["openpgp", "sign", "sig", data, path("signature"), "--scheme", "ed25519", ...pin]);
    const verify = ["pkeyutl", "-verify", "-pubin", "-inkey", path("sig.pem"), "-rawin", "-in", data];
    expect(openssl(...verify, "-sigfile", path("signature"))).toContain("Successfully");
    openssl("pkeyutl", "-encrypt", "-pubin", "-inkey", path("enc.pem"), "-in", data, "-out", path("cipher"));
    expect(await done(["openpgp", "decrypt", "dec", path("cipher"), ...pin])).toBe("what is signed");
    const refused = await fails(1, ["openpgp", "sign", "aut", data, "--scheme", "pss", ...pin]);
    expect(refused).toContain("the key authentication is ECCP256: --scheme is ecdsa, not pss");
    expect(await fails(1, ["openpgp", "sign", "enc", data, ...pin])).toContain("cannot sign; it can decrypt");
  });

  it("keeps certificates, with a key and without", async () => {
    const file = makeCertificate(path);
    for (const key of ["sig", "dec", "aut"]) {
      await done(["openpgp", "certificates", "import", key, file, ...admin]);
      const exported = await done(["openpgp", "certificates", "export", key]);
      expect(new X509Certificate(exported).subject).toBe("CN=own");
    }
    expect(await json(["openpgp", "certificates"])).toMatchObject({
      certificates: [{ key: "signature", subject: "CN=own" }, { key: "decryption" }, { key: "authentication" }],
    });
    await done(["openpgp", "certificates", "delete", "sig", ...admin]);
    expect(await fails(1, ["openpgp", "certificates", "export", "sig"])).toContain(
      "there is no certificate in signature",
    );
  });

  it("changes and unblocks PINs", async () => {
    const access = (...args: readonly string[]): Promise<string> => done(["openpgp", "access", ...args]);
    expect(await access("change-pin", "-P", "env:PIN", "-n", "env:NEXT")).toBe("User PIN has been changed.\n");
    expect(await access("change-admin-pin", "-a", "env:ADMIN", "-n", "env:NEXT8")).toBe(
      "Admin PIN has been changed.\n",
    );
    expect(await access("change-admin-pin", "-a", "env:NEXT8", "-n", "env:ADMIN")).toContain("changed");
    expect(await access("change-reset-code", "-r", "env:NEXT8", ...admin)).toBe("Reset Code has been changed.\n");
    for (let tries = 0; tries < 3; tries++)
      await fails(1, ["openpgp", "access", "verify-pin", "-P", "env:WRONG", "--force"]);
    expect(await fails(1, ["openpgp", "access", "verify-pin", "-P", "env:PIN"])).toContain(
      '"scard openpgp access unblock-pin" sets a new one',
    );
    expect(await access("unblock-pin", "-r", "env:NEXT8", "-n", "env:PIN")).toBe("User PIN has been changed.\n");
    expect(await access("verify-pin", ...pin)).toBe("The PIN (PW1) is right, 3 tries left.\n");
    expect(await access("unblock-pin", ...admin, "-n", "env:NEXT")).toContain("changed");
    expect(await access("unblock-pin", ...admin, "-n", "env:PIN")).toContain("changed");
    expect(await access("set-signature-policy", "once", ...admin)).toBe("Signature PIN policy has been set.\n");
    expect(await done(["openpgp", "info"])).toContain("Require PIN for signature:  Once\n");
    expect(
      await fails(1, ["openpgp", "access", "set-signature-policy", "once", "-a", "env:WRONG8"], {
        environment: { WRONG8: "99999999" },
      }),
    ).toContain("is wrong; 2 tries are left");
  });

  it("sets when a key wants a touch, and resets", async () => {
    await done(["openpgp", "keys", "set-touch", "sig", "on", ...admin]);
    expect(await done(["openpgp", "info"])).toContain("  Touch policy: On\n");
    expect(await fails(2, ["openpgp", "keys", "set-touch", "sig", "fixed", ...admin])).toContain("--force");
    expect(await fails(2, ["openpgp", "reset"])).toContain("--force");
    expect(await done(["openpgp", "reset", "--force"])).toMatch(/^Reset complete\. OpenPGP data has been cleared/);
    expect(await json(["openpgp", "info"])).toMatchObject({
      triesLeft: { pin: 3, resetCode: 0, adminPin: 3 },
      keys: [],
    });
  });

  it.each([
    [["sign", "9a", "x"], "keys: sig, dec, aut"],
    [["access", "set-retries", "3", "3"], "three numbers are needed"],
    [["access", "set-signature-policy", "never"], "once or always"],
    [["keys", "set-touch", "sig"], "the policy is missing"],
    [["keys", "set-touch", "sig", "sometimes"], "the policy is one of off, on"],
    [["access", "unblock-pin", "-a", "env:ADMIN", "-r", "env:PIN"], "one of --reset-code and --admin-pin is enough"],
  ])("%j is a usage error", async (args, message) => {
    expect(await fails(2, ["openpgp", ...args])).toContain(message);
  });
});

describe("scard openpgp with a YubiKey", () => {
  const { done, json } = cardBench("yubikey");

  it("sets the tries", async () => {
    await done(["openpgp", "access", "set-retries", "5", "6", "7", "--force", ...admin]);
    expect(await json(["openpgp", "info"])).toMatchObject({ firmware: "5.7.2", triesLeft: { pin: 5, adminPin: 7 } });
    expect(await done(["card", "info"])).toMatch(
      /^Card: +YubiKey 5\.7\.2\nSerial number: +\d+\nModule: +piv\n(?:.+\n)*PIN tries remaining: 3, unblocked with the PUK$/m,
    );
  });
});

describe.each([
  ["piv", "9A", "p256", "PIN"],
  ["gids", "81", "rsa2048", "PIN"],
  ["openpgp", "authentication", "p256", "PIN (PW1)"],
])("scard card with a card of the kind %s", (kind, slot, algorithm, name) => {
  const bench = cardBench(kind);
  const { done, fails, json, path, write } = bench;

  it("info, keys, certificates, sign, PINs", async () => {
    const provision = ["card", "provision", path("card.json"), "--key", slot, "--algorithm", algorithm];
    await done([...provision, "--pin", "env:PIN", ...(kind === "gids" ? [] : ["--puk", "env:PUK"])]);
    expect(await json(["card", "info"])).toMatchObject({
      module: kind,
      pins: expect.arrayContaining([expect.objectContaining({ role: "user", triesLeft: 3 })]),
      keys: [{}],
    });
    const { keys } = (await json(["card", "keys"])) as { readonly keys: readonly { readonly key: string }[] };
    const key = keys[0]?.key ?? "";
    const data = write("data", "what is signed");
    await done(["card", "sign", key, data, path("signature"), ...pin]);
    await done(["card", "keys", "export", key, path("key.pem")]);
    expect(openssl("dgst", "-sha256", "-verify", path("key.pem"), "-signature", path("signature"), data)).toContain(
      "OK",
    );
    expect(new X509Certificate(await done(["card", "certificates", "export", key])).subject).toBe("CN=Test");
    expect(await json(["card", "certificates"])).toMatchObject({ certificates: [{ subject: "CN=Test" }] });
    expect(await fails(1, ["card", "sign", "nothing", data, ...pin])).toContain(
      "the card has no key in nothing; its keys:",
    );
    expect(await done(["card", "access", "change-pin", "-P", "env:PIN", "-n", "env:NEXT"])).toBe(`New ${name} set.\n`);
    expect(await done(["card", "access", "verify-pin", "-P", "env:NEXT"])).toContain("is right");
  });

  it("unblocks with the secret of another role", async () => {
    const unblock = ["card", "access", "unblock-pin", "-s", "env:PUK", "-n", "env:PIN"];
    if (kind === "gids") {
      expect(await fails(2, unblock)).toContain("is 16, 24 or 32 bytes in hexadecimal");
      return;
    }
    expect(await done([...unblock, ...(kind === "openpgp" ? ["--by", "admin"] : [])])).toBe(`New ${name} set.\n`);
    await done(["card", "access", "verify-pin", ...pin]);
  });
});
