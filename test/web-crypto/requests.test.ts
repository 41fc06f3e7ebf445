// SPDX-License-Identifier: MIT

// Certificate requests made with @peculiar/x509 and a card, verified by the program openssl, and the certificates on the card.

import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import * as asn1js from "asn1js";
import * as pkijs from "pkijs";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { OpenCard } from "../../src/entry/modules.ts";
import type { AlgorithmIdentifier, AlgorithmParameters } from "../../src/entry/web-crypto.ts";
import { putCertificate } from "../modules/piv-keys.ts";
import { OpenSsl } from "./openssl.ts";
import { openPivCard, type PivCard } from "./piv-card.ts";

const openssl = new OpenSsl();
let piv: PivCard;
let card: OpenCard;
beforeAll(async () => {
  piv = await openPivCard(["9A", "9C", "9D", "9E"]);
  card = piv.card;
  openssl.makeAuthority();
});
afterAll(async () => {
  await piv?.close();
  openssl[Symbol.dispose]();
});

test.each([
  ["9A", "RSASSA-PKCS1-v1_5", undefined, { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }],
  ["9A", "RSA-PSS", { name: "RSA-PSS", hash: "SHA-256" }, { name: "RSA-PSS", hash: "SHA-256", saltLength: 32 }],
  ["9C", "ECDSA P-256", undefined, { name: "ECDSA", hash: "SHA-256" }],
  ["9D", "ECDSA P-384", undefined, { name: "ECDSA", hash: "SHA-384" }],
  ["9E", "Ed25519", undefined, { name: "Ed25519" }],
] as [string, string, AlgorithmIdentifier | undefined, AlgorithmParameters][])(
  "the key %s, %s: a request, a certificate for it, and the certificate on the card",
  async (slot, _what, algorithm, signingAlgorithm) => {
    const keys = await card.webcrypto.keyPair(slot, algorithm);
    const extensions = [new x509.SubjectAlternativeNameExtension([{ type: "email", value: "holder@example.org" }])];
    const asked = { name: `CN=Holder ${slot}, O=Example`, keys, signingAlgorithm, extensions };
    const request = await x509.Pkcs10CertificateRequestGenerator.create(asked, card.webcrypto);
    openssl.file("request.der", new Uint8Array(request.rawData));
    const { status, text } = openssl.tried(
      "req",
      "-verify",
      "-inform",
      "DER",
      "-in",
      "request.der",
      "-noout",
      "-subject",
      "-text",
    );
    expect(status, text).toBe(0);
    expect(text).toMatch(/verify OK/);
    expect(text).toMatch(/email:holder@example.org/);
    const issuing = [
      "-days",
      "90",
      "-CA",
      "ca.pem",
      "-CAkey",
      "ca.key",
      "-CAcreateserial",
      "-copy_extensions",
      "copyall",
    ];
    openssl.run(
      "x509",
      "-req",
      "-inform",
      "DER",
      "-in",
      "request.der",
      ...issuing,
      "-outform",
      "DER",
      "-out",
      "issued.der",
    );
    await putCertificate(card, slot, openssl.read("issued.der"));
    const certificate = await card.certificate(slot);
    expect((await card.webcrypto.keyPair(certificate)).privateKey.container).toBe(slot);
    expect(new x509.X509Certificate(certificate).subject).toContain(`CN=Holder ${slot}`);
  },
);

test("a request made with pkijs, whose engine is the card for the whole program", async () => {
  const before = pkijs.engine;
  pkijs.setEngine("card", new pkijs.CryptoEngine({ name: "card", crypto: card.webcrypto }));
  try {
    const { privateKey, publicKey } = await card.webcrypto.keyPair("9D");
    const request = new pkijs.CertificationRequest();
    const value = new asn1js.Utf8String({ value: "Holder" });
    request.subject.typesAndValues.push(new pkijs.AttributeTypeAndValue({ type: "2.5.4.3", value }));
    await request.subjectPublicKeyInfo.importKey(publicKey);
    await request.sign(privateKey, "SHA-384");
    openssl.file("request.der", new Uint8Array(request.toSchema(true).toBER()));
    expect(openssl.tried("req", "-verify", "-inform", "DER", "-in", "request.der", "-noout").text).toMatch(/verify OK/);
  } finally {
    pkijs.setEngine(before.name, before.crypto ?? undefined);
  }
});

test("a certificate that the card signs itself", async () => {
  const keys = await card.webcrypto.keyPair("9C");
  const notBefore = new Date("2026-01-01T00:00:00Z");
  const notAfter = new Date("2040-01-01T00:00:00Z");
  const signingAlgorithm = { name: "ECDSA", hash: "SHA-256" };
  const wanted = { serialNumber: "01", name: "CN=Own", keys, notBefore, notAfter, signingAlgorithm };
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(wanted, card.webcrypto);
  openssl.file("own.pem", certificate.toString("pem"));
  expect(openssl.tried("verify", "-CAfile", "own.pem", "own.pem").text).toContain("own.pem: OK");
});
