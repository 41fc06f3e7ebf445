// SPDX-License-Identifier: MIT

// CMS made with pkijs and a card, as mail and PDF have it, verified and decrypted against the program openssl.

import * as asn1js from "asn1js";
import * as pkijs from "pkijs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { concatBytes } from "../../src/base/binary/index.ts";
import type { OpenCard } from "../../src/entry/modules.ts";
import type { AlgorithmIdentifier } from "../../src/entry/web-crypto.ts";
import { putCertificate } from "../modules/piv-keys.ts";
import { describePeer, type PeerProgram } from "../peers/peers.ts";
import { run } from "../peers/program.ts";
import { OpenSsl, pem } from "./openssl.ts";
import { signatureIn, signedPdf } from "./pdf.ts";
import { openPivCard, type PivCard } from "./piv-card.ts";

const data = new TextEncoder().encode("what is signed");
const openssl = new OpenSsl();
let piv: PivCard;
let card: OpenCard;

beforeAll(async () => {
  const slots = ["9A", "9C", "9D"] as const;
  piv = await openPivCard(slots);
  card = piv.card;
  openssl.makeAuthority();
  for (const slot of slots) {
    const { publicKey } = await card.webcrypto.keyPair(slot);
    openssl.file("key.pem", pem("PUBLIC KEY", new Uint8Array(await card.webcrypto.exportKey("spki", publicKey))));
    const certified = ["-subj", `/CN=Holder ${slot}`, "-days", "90", "-force_pubkey", "key.pem", "-outform", "DER"];
    openssl.run("x509", "-new", ...certified, "-CA", "ca.pem", "-CAkey", "ca.key", "-out", `${slot}.der`);
    await putCertificate(card, slot, openssl.read(`${slot}.der`));
  }
});
afterAll(async () => {
  await piv?.close();
  openssl[Symbol.dispose]();
});

/** A CMS with one signer. @param attached what it carries; what is signed beside it otherwise */
async function sign(
  slot: string,
  algorithm: AlgorithmIdentifier | undefined,
  hash: string,
  attached: boolean,
  content: Uint8Array = data,
): Promise<Uint8Array> {
  const { privateKey } = await card.webcrypto.keyPair(slot, algorithm);
  const engine = new pkijs.CryptoEngine({ name: "card", crypto: card.webcrypto });
  const certificate = pkijs.Certificate.fromBER(await card.certificate(slot));
  const digest = await card.webcrypto.digest(hash, content);
  const attribute = (type: string, value: unknown): pkijs.Attribute => new pkijs.Attribute({ type, values: [value] });
  const signed = new pkijs.SignedData({
    version: 1,
    encapContentInfo: new pkijs.EncapsulatedContentInfo({
      eContentType: pkijs.ContentInfo.DATA,
      ...(attached && { eContent: new asn1js.OctetString({ valueHex: content }) }),
    }),
    signerInfos: [
      new pkijs.SignerInfo({
        version: 1,
        sid: new pkijs.IssuerAndSerialNumber({ issuer: certificate.issuer, serialNumber: certificate.serialNumber }),
        signedAttrs: new pkijs.SignedAndUnsignedAttributes({
          type: 0,
          attributes: [
            attribute("1.2.840.113549.1.9.3", new asn1js.ObjectIdentifier({ value: pkijs.ContentInfo.DATA })),
            attribute("1.2.840.113549.1.9.4", new asn1js.OctetString({ valueHex: digest })),
          ],
        }),
      }),
    ],
    certificates: [certificate],
  });
  await signed.sign(privateKey, 0, hash, content, engine);
  const info = new pkijs.ContentInfo({ contentType: pkijs.ContentInfo.SIGNED_DATA, content: signed.toSchema(true) });
  return new Uint8Array(info.toSchema().toBER());
}

const verifying = ["cms", "-verify", "-binary", "-inform", "DER", "-CAfile", "ca.pem", "-purpose", "any"];

describe.each([
  ["9A", "RSASSA-PKCS1-v1_5, SHA-256", undefined, "SHA-256"],
  ["9A", "RSASSA-PKCS1-v1_5, SHA-512", { name: "RSASSA-PKCS1-v1_5", hash: "SHA-512" }, "SHA-512"],
  ["9A", "RSA-PSS", { name: "RSA-PSS", hash: "SHA-256" }, "SHA-256"],
  ["9C", "ECDSA P-256", undefined, "SHA-256"],
  ["9D", "ECDSA P-384", undefined, "SHA-384"],
] as const)("the key %s, %s", (slot, _what, algorithm, hash) => {
  test("attached", async () => {
    openssl.file("signed.cms", await sign(slot, algorithm, hash, true));
    const { status, text } = openssl.tried(...verifying, "-in", "signed.cms", "-out", "content");
    expect({ status, text }).toEqual({ status: 0, text: expect.stringContaining("Verification successful") });
    expect(openssl.read("content")).toEqual(data);
  });

  test("detached, as PDF has it", async () => {
    openssl.file("signed.cms", await sign(slot, algorithm, hash, false));
    openssl.file("data", data);
    const right = openssl.tried(...verifying, "-in", "signed.cms", "-content", "data");
    expect(right.text).toContain("Verification successful");
    openssl.file("data", concatBytes(data, Uint8Array.of(0)));
    expect(openssl.tried(...verifying, "-in", "signed.cms", "-content", "data").text).toContain("Verification failure");
  });
});

const pdfsig: PeerProgram = {
  name: "pdfsig",
  remedy: "scripts/setup-peers.sh installs it on Debian.",
  probe: () => undefined,
};
describePeer(pdfsig, (program) => {
  test.each(["9A", "9C"])("a PDF file, signed with the key %s", async (slot) => {
    const file = await signedPdf((bytes) => sign(slot, undefined, "SHA-256", false, bytes));
    const { stdout } = await run(program, ["-nocert", openssl.file("signed.pdf", file)]);
    expect(stdout).toContain(`Signer Certificate Common Name: Holder ${slot}`);
    expect(stdout).toContain("Total document signed");
    expect(stdout).toContain("Signature Validation: Signature is Valid.");
    file.set(Buffer.from("100"), Buffer.from(file).indexOf("200 200"));
    const forged = await run(program, ["-nocert", openssl.file("signed.pdf", file)]);
    expect(forged.stdout).toContain("Signature Validation: Digest Mismatch.");
  });
});

test.each(["9A", "9C"])("the signature in a PDF file, signed with the key %s", async (slot) => {
  const file = await signedPdf((bytes) => sign(slot, undefined, "SHA-256", false, bytes));
  openssl.file("signed.pdf", file);
  const found = signatureIn(openssl.read("signed.pdf"));
  openssl.file("signed.cms", found.cms);
  openssl.file("data", found.data);
  const right = openssl.tried(...verifying, "-in", "signed.cms", "-content", "data");
  expect(right.text).toContain("Verification successful");
  // All of the file is signed but for the signature.
  expect(found.data.length).toBe(file.length - 2 * 8192 - 2);
});

const oaep = ["-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha256"];
test.each([
  ["9A", "RSA-OAEP", { name: "RSA-OAEP", hash: "SHA-256" }, oaep],
  ["9A", "RSAES-PKCS1-v1_5", "RSAES-PKCS1-v1_5", []],
] as const)("what openssl has encrypted for the certificate of %s with %s", async (slot, _name, algorithm, options) => {
  openssl.file("data", data);
  openssl.run("x509", "-inform", "DER", "-in", `${slot}.der`, "-out", "recipient.pem");
  const encrypting = ["cms", "-encrypt", "-binary", "-aes-256-cbc", "-in", "data", "-outform", "DER"];
  openssl.run(...encrypting, "-out", "encrypted.cms", "-recip", "recipient.pem", ...options);
  const { privateKey: recipientPrivateKey } = await card.webcrypto.keyPair(slot, algorithm);
  const recipientCertificate = pkijs.Certificate.fromBER(await card.certificate(slot));
  const content = pkijs.ContentInfo.fromBER(openssl.read("encrypted.cms"));
  const enveloped = new pkijs.EnvelopedData({ schema: content.content });
  const engine = new pkijs.CryptoEngine({ name: "card", crypto: card.webcrypto });
  const plain = await enveloped.decrypt(0, { recipientCertificate, recipientPrivateKey }, engine);
  expect(new Uint8Array(plain)).toEqual(data);
});

test.each(["9C", "9D"])("what pkijs has encrypted for the certificate of %s with ECDH", async (slot) => {
  const recipientCertificate = pkijs.Certificate.fromBER(await card.certificate(slot));
  const engine = new pkijs.CryptoEngine({ name: "card", crypto: card.webcrypto });
  const made = new pkijs.EnvelopedData();
  made.addRecipientByCertificate(recipientCertificate, {}, 2, engine);
  await made.encrypt({ name: "AES-GCM", length: 256 }, data.slice().buffer, engine);
  const enveloped = new pkijs.EnvelopedData({ schema: asn1js.fromBER(made.toSchema().toBER()).result });
  const { privateKey: recipientPrivateKey } = await card.webcrypto.keyPair(slot, "ECDH");
  const plain = await enveloped.decrypt(0, { recipientCertificate, recipientPrivateKey }, engine);
  expect(new Uint8Array(plain)).toEqual(data);
});
