// SPDX-License-Identifier: MIT

// `scard piv` with a PIV card in a file; what comes out is checked by openssl and Node.

import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { cardBench, secrets } from "./card-file-run.ts";

const pin = ["--pin", "env:PIN"];
const key = ["-m", "default"];
const FACTORY_KEY = "010203040506070801020304050607080102030405060708";
const openssl = (...args: readonly string[]): string =>
  execFileSync("openssl", args, { encoding: "utf8", stdio: "pipe" });

describe("scard piv", () => {
  const bench = cardBench("piv");
  const { done, fails, json, path, write } = bench;
  const generate = (slot: string, algorithm: string): Promise<string> =>
    done(["piv", "keys", "generate", "-a", algorithm, ...key, slot, path(`${slot}.pem`), "--force"]);

  it("info tells what a new card is", async () => {
    const out = await done(["piv", "info"]);
    expect(out).toMatch(/^PIV version: {14}5\.7\.2\nPIN tries remaining: {6}3\/3\nPUK tries remaining: {6}3\/3\n/);
    expect(out).toContain("Management key algorithm: AES192\n");
    for (const what of ["PIN", "PUK", "Management key"]) expect(out).toContain(`WARNING: Using default ${what}!\n`);
    expect(out).toMatch(/^CHUID: 3019d4e7/m);
    expect(await json(["piv", "info"])).toMatchObject({
      version: "5.7.2",
      pin: { triesLeft: 3, tries: 3, isDefault: true },
      managementKey: { algorithm: "AES192", isDefault: true, isDerived: false, isStored: false },
      slots: [],
    });
  });

  it("generates keys, with their public keys in PEM and DER", async () => {
    await generate("9a", "rsa2048");
    await generate("9c", "eccp256");
    await generate("9d", "p384");
    expect(openssl("pkey", "-pubin", "-in", path("9a.pem"), "-noout", "-text")).toContain("2048 bit");
    const { out, bytes } = await bench.run(["piv", "keys", "generate", "-a", "ed25519", ...key, "9e", "-F", "der"]);
    expect(out.length).toBeGreaterThan(0);
    expect(openssl("pkey", "-pubin", "-inform", "DER", "-in", write("9e.der", bytes), "-noout", "-text")).toContain(
      "ED25519",
    );
    await done(["piv", "keys", "export", "9e", path("9e.pem")]);
    expect(await json(["piv", "keys"])).toMatchObject({
      keys: [
        { key: "9A", label: "PIV Authentication", algorithm: "RSA2048", uses: ["sign", "decrypt"], pinPolicy: "once" },
        { key: "9C", algorithm: "ECCP256", pinPolicy: "always" },
        { key: "9D", algorithm: "ECCP384" },
        { key: "9E", algorithm: "ED25519", pinPolicy: "never" },
      ],
    });
    expect(await done(["piv", "keys", "info", "signature"])).toBe(
      "Key slot:               9C (SIGNATURE)\nAlgorithm:              ECCP256\nOrigin:                 GENERATED\n" +
        "PIN required for use:   ALWAYS\nTouch required for use: NEVER\n",
    );
  });

  it("replaces a key only where that is confirmed", async () => {
    const before = await json(["piv", "keys"]);
    const message = await fails(2, ["piv", "keys", "generate", ...key, "9c"]);
    expect(message).toContain("The key that is in slot 9C (SIGNATURE) will be gone: --force does it without asking");
    expect(await json(["piv", "keys"])).toEqual(before);
  });

  it.each(["sha1", "sha256", "sha384", "sha512"])("signs with RSA and ECDSA, %s", async (hash) => {
    const data = write("data", "what is signed");
    const dgst = (slot: string, ...options: readonly string[]): string =>
      openssl("dgst", `-${hash}`, "-verify", path(`${slot}.pem`), ...options, "-signature", path("signature"), data);
    await done(["piv", "sign", "9a", data, path("signature"), "--hash", hash, ...pin]);
    expect(dgst("9a")).toContain("Verified OK");
    await done(["piv", "sign", "9a", data, path("signature"), "--hash", hash, "--scheme", "pss", ...pin]);
    expect(dgst("9a", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest")).toContain("Verified OK");
    await done(["piv", "sign", "9a", data, path("signature"), "-a", hash, "-s", "pss", "--salt", "7", ...pin]);
    expect(dgst("9a", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:7")).toContain("Verified OK");
    for (const slot of ["9c", "9d"]) {
      await done(["piv", "sign", slot, data, path("signature"), "--hash", hash, "--scheme", "ecdsa", ...pin]);
      expect(dgst(slot)).toContain("Verified OK");
    }
  });

  it("signs standard input, a digest, raw, with Ed25519 and without a PIN", async () => {
    const { bytes } = await bench.run(["piv", "sign", "9e"], { input: "what is signed" });
    const [signature, data] = [write("signature", bytes), write("data", "what is signed")];
    const verify = ["pkeyutl", "-verify", "-pubin", "-inkey", path("9e.pem"), "-rawin", "-in", data];
    expect(openssl(...verify, "-sigfile", signature)).toContain("Successfully");
    execFileSync("openssl", ["dgst", "-sha256", "-binary", "-out", path("digest"), data]);
    await done(["piv", "sign", "9c", path("digest"), path("signature"), "--digest", ...pin]);
    expect(openssl("dgst", "-sha256", "-verify", path("9c.pem"), "-signature", signature, data)).toContain("OK");
    const raw = await bench.run(["piv", "sign", "9d", data, "--format", "raw", ...pin]);
    expect(raw.bytes).toHaveLength(96);
    expect(await json(["piv", "sign", "9c", data, ...pin])).toEqual({
      key: "9C",
      scheme: "ecdsa",
      hash: "sha256",
      signature: expect.stringMatching(/^30[0-9A-F]+$/),
    });
  });

  it("decrypts and derives", async () => {
    const plain = write("plain", "a secret");
    const encrypt = ["pkeyutl", "-encrypt", "-pubin", "-inkey", path("9a.pem"), "-in", plain, "-out", path("cipher")];
    openssl(...encrypt);
    await done(["piv", "decrypt", "9a", path("cipher"), path("decrypted"), ...pin]);
    expect(bench.read("decrypted").toString()).toBe("a secret");
    expect(statSync(path("decrypted")).mode & 0o777).toBe(0o600);
    openssl(...encrypt, "-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha256");
    const decrypt = ["piv", "decrypt", "9a", path("cipher"), ...pin];
    expect(await done([...decrypt, "--scheme", "oaep"])).toBe("a secret");
    expect(await fails(1, decrypt)).toContain("cannot be decrypted");
    openssl("ecparam", "-name", "secp384r1", "-genkey", "-noout", "-out", path("other.pem"));
    openssl("pkey", "-in", path("other.pem"), "-pubout", "-out", path("other.pub"));
    await done(["piv", "derive", "9d", path("other.pub"), path("shared"), ...pin]);
    openssl("pkeyutl", "-derive", "-inkey", path("other.pem"), "-peerkey", path("9d.pem"), "-out", path("expected"));
    expect(bench.read("shared")).toEqual(bench.read("expected"));
    expect(await fails(1, ["piv", "derive", "9c", path("other.pub"), ...pin])).toContain("on the curve P-256");
  });

  it.each([
    ["9a", "RSA"],
    ["9c", "P-256"],
    ["9d", "P-384"],
    ["9e", "Ed25519"],
  ])("makes a request and a self-signed certificate with %s, %s", async (slot) => {
    const subject = ["--subject", "CN=Alice\\, B.,OU=Test+L=Wien,O=Example,C=AT"];
    await done(["piv", "certificates", "request", ...subject, slot, path("request"), ...pin]);
    expect(openssl("req", "-in", path("request"), "-noout", "-verify", "-subject")).toContain(
      'subject=C = AT, O = Example, L = Wien + OU = Test, CN = "Alice, B."',
    );
    const made = await done(["piv", "certificates", "generate", ...subject, "-d", "30", slot, ...pin, ...key]);
    expect(made).toMatch(/^Certificate generated in slot 9[ACDE] \([A-Z_]+\)\.\n$/);
    await done(["piv", "certificates", "export", slot, path("certificate")]);
    const certificate = new X509Certificate(readFileSync(path("certificate")));
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(openssl("verify", "-CAfile", path("certificate"), path("certificate"))).toContain("OK");
    expect(await done(["piv", "info"])).toContain("  Subject DN:       CN=Alice\\, B.,L=Wien+OU=Test,O=Example,C=AT\n");
  });

  it("lists, exports, imports and deletes certificates", async () => {
    const list = ["piv", "certificates"];
    expect(await json(list)).toMatchObject({
      certificates: [{ key: "9A" }, { key: "9C" }, { key: "9D" }, { key: "9E" }],
    });
    const der = await bench.run([...list, "export", "9c", "-F", "der"]);
    const own = new X509Certificate(Buffer.from(der.bytes));
    expect(await done(list)).toContain(`Fingerprint:     ${own.fingerprint256.replaceAll(":", "").toLowerCase()}`);
    const pem = await done([...list, "export", "signature"]);
    expect(new X509Certificate(pem).raw).toEqual(own.raw);
    await done([...list, "delete", "9c", ...key]);
    expect(await fails(1, [...list, "export", "9c"])).toContain("there is no certificate in slot 9C");
    expect(await done([...list, "import", "9c", ...key], { input: pem })).toBe(
      "Certificate imported into slot 9C (SIGNATURE).\n",
    );
    const other = await done([...list, "export", "9d"]);
    expect(await fails(1, [...list, "import", "9c", ...key], { input: other })).toContain("of another key");
    await done([...list, "import", "9c", "--force", ...key], { input: other });
    expect(await done([...list, "export", "9c"])).toBe(other);
    expect(await fails(1, [...list, "import", "9c", ...key], { input: "no certificate" })).toContain(
      "no certificate in",
    );
  });

  it("imports, attests, moves and deletes keys", async () => {
    openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", path("own.pem"));
    await done(["piv", "keys", "import", "82", path("own.pem"), ...key, "--pin-policy", "never"]);
    expect(await done(["piv", "keys", "export", "82"])).toBe(openssl("pkey", "-in", path("own.pem"), "-pubout"));
    await done(["piv", "sign", "82", write("data", "x"), path("signature")]);
    openssl("pkey", "-in", path("own.pem"), "-pubout", "-out", path("own.pub"));
    expect(
      openssl("dgst", "-sha256", "-verify", path("own.pub"), "-signature", path("signature"), path("data")),
    ).toContain("OK");
    expect(await fails(1, ["piv", "keys", "attest", "82"])).toContain("only a key that it has made itself");
    const attestation = new X509Certificate(await done(["piv", "keys", "attest", "9a"]));
    expect(attestation.subject).toBe("CN=YubiKey PIV Attestation 9a");
    await done(["piv", "keys", "move", "82", "83", ...key]);
    expect(await fails(1, ["piv", "keys", "info", "82"])).toContain("no key in slot 82 (RETIRED1)");
    await done(["piv", "keys", "delete", "83", "--force", ...key]);
    expect(await fails(1, ["piv", "keys", "export", "83"])).toContain("the card has no key in 83; its keys: 9A, 9C");
  });

  it("changes PIN and PUK, and unblocks", async () => {
    const change = ["piv", "access", "change-pin"];
    expect(await done([...change, "-P", "env:PIN", "-n", "env:NEXT"])).toBe("New PIN set.\n");
    expect(await fails(1, [...change, "-P", "env:WRONG", "-n", "env:PIN"])).toContain(
      "the PIN is wrong; 2 tries are left",
    );
    expect(await fails(1, ["piv", "access", "verify-pin", "-P", "env:WRONG"])).toContain("1 try is left");
    const last = "one try of the PIN is left, and a wrong one blocks it: --force sends it all the same";
    expect(await fails(1, ["piv", "access", "verify-pin", "-P", "env:WRONG"])).toContain(last);
    expect(await fails(1, [...change, "-P", "env:WRONG", "-n", "env:PIN"])).toContain(last);
    expect(await fails(1, ["piv", "sign", "9a", path("data"), "-P", "env:WRONG"])).toContain(last);
    const blocked = 'no try is left; "scard piv access unblock-pin" sets a new one';
    expect(await fails(1, ["piv", "access", "verify-pin", "-P", "env:WRONG", "--force"])).toContain(blocked);
    expect(await fails(1, ["piv", "access", "verify-pin", "-P", "env:NEXT"])).toContain(blocked);
    const stdin = { input: `${secrets.PUK}\n${secrets.PIN}\n` };
    expect(await done(["piv", "access", "unblock-pin", "-p", "stdin", "-n", "stdin"], stdin)).toBe("New PIN set.\n");
    expect(await done(["piv", "access", "verify-pin", ...pin])).toBe("The PIN is right, 3 tries left.\n");
    expect(await done(["piv", "access", "change-puk", "-p", "env:PUK", "-n", "env:NEXT8"])).toBe("New PUK set.\n");
    await done(["piv", "access", "change-puk", "-p", "env:NEXT8", "-n", "env:PUK"]);
    expect(
      await fails(1, [...change, "-P", "env:PIN", "-n", "env:SHORT"], { environment: { SHORT: "1234" } }),
    ).toContain("the PIN given has 4 bytes, and it has 6 to 8; nothing was sent");
  });

  it("changes the management key, and sets the tries", async () => {
    const change = ["piv", "access", "change-management-key"];
    await done([...change, ...key, "--generate", path("management.key"), "-a", "aes256"]);
    expect(bench.read("management.key").toString()).toMatch(/^[0-9A-F]{64}\n$/);
    expect(statSync(path("management.key")).mode & 0o777).toBe(0o600);
    expect(await done(["piv", "info"])).toContain("Management key algorithm: AES256\n");
    expect(await fails(2, ["piv", "keys", "delete", "9e", "-f", ...key])).toContain(
      "of AES256 has 64 digits, and this one has 48",
    );
    const own = ["-m", `file:${path("management.key")}`];
    expect(
      await fails(1, ["piv", "keys", "delete", "9e", "-f", "-m", "env:OTHER"], {
        environment: { OTHER: "00".repeat(32) },
      }),
    ).toContain("does not take this management key");
    await done(["piv", "access", "set-retries", "5", "6", "--force", ...pin, ...own]);
    expect(await json(["piv", "info"])).toMatchObject({ pin: { tries: 5 }, puk: { tries: 6 } });
    await done([...change, ...own, "-n", "env:KEY", "-a", "aes192"], { environment: { KEY: FACTORY_KEY } });
    await done(["piv", "keys", "delete", "9e", "-f", ...key]);
  });

  it("resets", async () => {
    expect(await fails(2, ["piv", "reset"])).toContain("--force does it without asking");
    expect(await done(["piv", "reset", "-f"])).toMatch(/^Reset complete\. All PIV data has been cleared/);
    expect(await json(["piv", "info"])).toMatchObject({ pin: { triesLeft: 3, isDefault: true }, slots: [] });
  });

  it.each([
    ["a PIV card of the standard", { extensions: "none" }],
    ["a YubiKey 5.2", { firmware: "5.2.7" }],
  ])("%s tells its keys in certificates: a key of it signs its first one", async (_name, change) => {
    await bench.fresh("piv");
    const description = JSON.parse(bench.read("card.json").toString());
    description.applications.piv = { ...description.applications.piv, ...change };
    write("card.json", JSON.stringify(description));
    expect(await done(["piv", "info"])).toMatch(/^PIN tries remaining: +3$/m);
    for (const [slot, algorithm] of [
      ["9a", "rsa2048"],
      ["9c", "p256"],
    ] as const) {
      await done(["piv", "keys", "generate", "-a", algorithm, ...key, slot, path("key.pem")]);
      const request = ["piv", "certificates", "request", "-s", "CN=x", slot, path("request"), ...pin];
      expect(await fails(1, request)).toContain("give --public-key FILE, which keys generate has written");
      await done([...request, "--public-key", path("key.pem")]);
      expect(openssl("req", "-in", path("request"), "-noout", "-verify")).toBe("");
      const own = ["--public-key", path("key.pem"), ...pin, ...key];
      await done(["piv", "certificates", "generate", "-s", "CN=first", slot, ...own]);
      const certificate = new X509Certificate(await done(["piv", "certificates", "export", slot]));
      expect(certificate.verify(certificate.publicKey)).toBe(true);
      await done(request);
    }
    expect(await json(["piv", "keys"])).toMatchObject({ keys: [{ key: "9A", algorithm: "RSA2048" }, { key: "9C" }] });
    expect(await fails(1, ["piv", "keys", "info", "9a"])).toContain("does not tell of its keys");
    await bench.fresh("piv");
  });

  it("takes no PIN on the command line, and repeats none", async () => {
    expect(await fails(1, ["piv", "access", "verify-pin", "--pin", "pad"])).toContain(
      "has no PIN pad; use --pin prompt",
    );
    for (const args of [
      ["sign", "9a", "-P", "123456"],
      ["keys", "generate", "9a", "-m", FACTORY_KEY],
      ["access", "change-pin", "--new-pin=123456"],
    ]) {
      const message = await fails(2, ["piv", ...args]);
      expect(message).toMatch(/says where the (PIN|management key) comes from: env:NAME, file:PATH, stdin/);
      expect(message).not.toMatch(/123456|0102/);
    }
  });

  it.each([
    [2, "no text", Uint8Array.of(0x31, 0x32, 0x33, 0x34, 0xff, 0x36), "not text in UTF-8"],
    [2, "a NUL", "123456\0\n", "has a character NUL"],
    [2, "UTF-16", "1\x002\x003\x004\x00", "has a character NUL"],
    [1, "without end", new Uint8Array(100_000).fill(0x31), "standard input has more than 65536 bytes"],
  ] as const)("%i: a PIN on standard input that is %s costs no try", async (code, _, input, message) => {
    const { pin: before } = (await json(["piv", "info"])) as { pin: { triesLeft: number } };
    expect(await fails(code, ["piv", "access", "verify-pin", "--pin", "stdin"], { input })).toContain(message);
    if (code === 2 && typeof input === "string") {
      const file = `file:${write("pin", input)}`;
      expect(await fails(code, ["piv", "access", "verify-pin", "--pin", file])).toContain(message);
    }
    expect(await json(["piv", "info"])).toMatchObject({ pin: { triesLeft: before.triesLeft } });
  });

  it.each([
    [["sign"], "the slot is missing"],
    [["sign", "9f", "x"], "slots: 9a, 9c, 9d, 9e, 82 to 95, or authentication"],
    [["sign", "authentification", "x"], 'unknown slot "authentification"; did you mean "authentication"?'],
    [["sign", "9a", "x", "y", "z"], "too many arguments"],
    [["sign", "9a", "--salt", "8", "x"], "--salt is for --scheme pss"],
    [["sign", "9a", "--scheme", "rsa", "x"], "--scheme is one of pkcs1, pss, ecdsa, ed25519"],
    [["sign", "9a", "--hash", "md5", "x"], "--hash is one of sha1"],
    [["sign", "9a", "--pin", "stdin"], "standard input cannot bring the data and a PIN"],
    [["decrypt", "9a", "--hash", "sha1", "x"], "--hash is for --scheme oaep"],
    [["keys", "generate", "-a", "p521", "9a"], "--algorithm is one of rsa1024"],
    [["keys", "generate", "9a"], "the management key is needed: give --management-key SOURCE"],
    [["keys", "import", "9a"], "the file of the private key is missing"],
    [["keys", "move", "82"], "two slots are needed"],
    [["certificates", "request", "9a"], "--subject NAME is needed"],
    [
      ["certificates", "request", "9a", "-s", "X=1"],
      "--subject is a name such as CN=Alice,O=Example: the type X is not known",
    ],
    [["certificates", "generate", "9a", "-s", "a", "-d", "0"], "--valid-days is 1 to 36500"],
    [["access", "set-retries", "3"], "two numbers are needed"],
    [["access", "set-retries", "0", "3"], "the tries are 1 to 255"],
    [["access", "verify-pin"], "the PIN is needed: give --pin SOURCE"],
    [["access"], '"scard piv access" needs an action: verify-pin, change-pin'],
    [["certificates", "exprot"], 'unknown action "exprot"; did you mean "export"?'],
  ])("%j is a usage error", async (args, message) => {
    expect(await fails(2, ["piv", ...args])).toContain(message);
  });

  it("tells of a card that is not there, is no PIV card, and of files", async () => {
    const empty = { environment: { SCARD_MANAGER: "embedded:virtual:Desk" } };
    expect(await fails(1, ["piv", "info"], empty)).toContain('there is no card in "Desk": put it in');
    const demo = { environment: { SCARD_MANAGER: "embedded:virtual:Desk+demo" } };
    expect(await fails(1, ["piv", "info"], demo)).toContain(
      'the card in "Desk" has no PIV application; "scard card info" says what it has',
    );
    const several = { environment: { SCARD_MANAGER: "embedded:virtual:Desk,virtual:Door" } };
    expect(await fails(1, ["piv", "info"], several)).toContain(
      'SCARD_E_NO_SMARTCARD: no reader has a card: put one in, or choose one with --reader: 0 "Desk", 1 "Door"',
    );
    const none = { environment: { SCARD_MANAGER: "embedded" } };
    expect(await fails(1, ["piv", "info"], none)).toContain("there is no reader");
    expect(await fails(1, ["piv", "info", "--reader", "Nope"])).toContain("--reader fits none of the readers");
    expect(await fails(1, ["piv", "sign", "9a", path("missing")])).toContain("cannot be read (ENOENT)");
    expect(await fails(1, ["piv", "sign", "9a", path("data"), ...pin])).toContain("no key in 9A; its keys: none");
  });
});
