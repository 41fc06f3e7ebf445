// SPDX-License-Identifier: MIT

import { createPublicKey, diffieHellman, generateKeyPairSync, publicEncrypt } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { describePeer } from "../../peers/peers.ts";
import { run } from "../../peers/program.ts";
import { MANAGEMENT_KEY, PIN, PUK, peer, READER, useToken } from "./token.ts";

const token = useToken();
const path = (name: string) => join(token.folder, name);
const openssl = (...args: readonly string[]) => token.done("openssl", args);
const ID_CARD = "Personal Identity Verification Card";

/** Puts a key with a certificate into a slot, made by OpenSSL. */
async function provision(slot: string, name: string, make: readonly string[]): Promise<void> {
  const [key, certificate] = [path(`${name}.pem`), path(`${name}.crt`)];
  await openssl(...make, "-out", key);
  await openssl("req", "-x509", "-new", "-key", key, "-subj", `/CN=${name}`, "-out", certificate);
  await openssl("pkey", "-in", key, "-pubout", "-out", path(`${name}.pub`));
  await token.done("yubico-piv-tool", ["-a", "import-key", "-s", slot, "-i", key]);
  await token.done("yubico-piv-tool", ["-a", "import-certificate", "-s", slot, "-i", certificate]);
}

describePeer(peer("opensc-tool"), () => {
  describePeer(peer("yubico-piv-tool"), () => {
    it("knows the card", async () => {
      expect(await token.done("opensc-tool", ["-n"])).toContain(ID_CARD);
      expect(await token.done("opensc-tool", ["-l"])).toContain(READER);
      expect(await token.done("piv-tool", ["-n"])).toContain(ID_CARD);
      // The GUID of the CHUID.
      expect(await token.done("piv-tool", ["--serial"])).toMatch(/(?:[0-9A-F]{2} ){16}/);
    });

    it("piv-tool authenticates with the management key, and generates a key", async () => {
      writeFileSync(path("management-key"), MANAGEMENT_KEY.replaceAll(/..(?!$)/g, "$&:"));
      const environment = { ...token.environment, PIV_EXT_AUTH_KEY: path("management-key") };
      const args = ["-A", "M:9B:03", "-G", "9E:06", "-o", path("generated")];
      // The key is made; but this release of piv-tool cannot write it down, as OpenSSL 3 does not take it that way.
      const { stderr } = await run("piv-tool", args, { environment });
      expect(stderr).not.toContain("admin_mode failed");
      expect(stderr).not.toContain("gen_key failed");
      await token.done("yubico-piv-tool", ["-a", "attest", "-s", "9e", "-o", path("attested.pem")]);
      expect(await openssl("x509", "-in", path("attested.pem"), "-noout", "-text")).toContain("Public-Key: (1024 bit)");
    });

    it("pkcs15-tool lists what there is", async () => {
      await provision("9a", "rsa", ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]);
      await provision("9c", "ec", ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]);
      await provision("9d", "agreement", ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"]);
      await provision("82", "retired", ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"]);
      const dump = await token.done("pkcs15-tool", ["-D"]);
      expect(dump).toContain("Private RSA Key [PIV AUTH key]");
      expect(dump).toContain("Private EC Key [SIGN key]");
      expect(dump).toContain("Private EC Key [KEY MAN key]");
      expect(dump).toMatch(/X\.509 Certificate \[Certificate for PIV Authentication\]/);
      expect(await token.done("pkcs15-tool", ["--read-certificate", "01"])).toContain(
        readFileSync(path("rsa.crt"), "utf8").trim(),
      );
    });

    it("pkcs11-tool's tests find no error", async () => {
      const tested = await token.done("pkcs11-tool", ["--login", "--pin", PIN, "--test"]);
      expect(tested).toMatch(/^No errors$/m);
      expect(tested).toContain("all 4 signature functions seem to work");
    });

    it("signs, and OpenSSL verifies", async () => {
      writeFileSync(path("text"), "what is signed");
      const sign = (...args: readonly string[]) => {
        const files = ["-i", path("text"), "-o", path("signature")];
        return token.done("pkcs11-tool", ["--login", "--pin", PIN, "-s", ...args, ...files]);
      };
      const verify = async (name: string, ...args: readonly string[]) => {
        const files = ["-verify", path(`${name}.pub`), "-signature", path("signature"), path("text")];
        return openssl("dgst", ...args, ...files);
      };
      await sign("--id", "01", "-m", "SHA256-RSA-PKCS");
      expect(await verify("rsa", "-sha256")).toContain("Verified OK");
      await sign("--id", "01", "-m", "SHA256-RSA-PKCS-PSS");
      expect(await verify("rsa", "-sha256", "-sigopt", "rsa_padding_mode:pss")).toContain("Verified OK");
      // Slot 9C takes the PIN each time: OpenSC asks for it again as the user of this object.
      await sign("--id", "02", "-m", "ECDSA-SHA256", "--signature-format", "openssl");
      expect(await verify("ec", "-sha256")).toContain("Verified OK");
    });

    it("deciphers what OpenSSL has enciphered", async () => {
      const plain = Buffer.from("what only the card reads");
      writeFileSync(path("cipher"), publicEncrypt({ key: readFileSync(path("rsa.pub"), "utf8"), padding: 1 }, plain));
      const files = ["-i", path("cipher"), "-o", path("plain")];
      await token.done("pkcs11-tool", ["--login", "--pin", PIN, "--decrypt", "-m", "RSA-PKCS", "--id", "01", ...files]);
      expect(readFileSync(path("plain"))).toEqual(plain);
    });

    it("derives the secret that OpenSSL derives", async () => {
      const other = generateKeyPairSync("ec", { namedCurve: "secp384r1" });
      writeFileSync(path("other.der"), other.publicKey.export({ type: "spki", format: "der" }));
      const files = ["-i", path("other.der"), "-o", path("secret")];
      await token.done("pkcs11-tool", [
        "--login",
        "--pin",
        PIN,
        "--derive",
        "-m",
        "ECDH1-DERIVE",
        "--id",
        "03",
        ...files,
      ]);
      const publicKey = createPublicKey(readFileSync(path("agreement.pub"), "utf8"));
      expect(readFileSync(path("secret"))).toEqual(diffieHellman({ privateKey: other.privateKey, publicKey }));
    });

    it("changes the PIN, is blocked after three wrong ones, and unblocks with the PUK", async () => {
      await token.done("pkcs15-tool", ["--change-pin", "--pin", PIN, "--new-pin", "654321"]);
      for (const word of ["PIN code or key incorrect", "PIN code or key incorrect", "Authentication method blocked"]) {
        const { stderr } = await token.run("pkcs15-tool", ["--verify-pin", "--pin", "999999"]);
        expect(stderr).toContain(word);
      }
      const blocked = await token.run("pkcs15-tool", ["--verify-pin", "--pin", "654321"]);
      expect(blocked.stderr).toContain("Authentication method blocked");
      await token.done("pkcs15-tool", ["--unblock-pin", "--puk", PUK, "--new-pin", PIN]);
      await token.done("pkcs15-tool", ["--verify-pin", "--pin", PIN]);
    });
  });
});
