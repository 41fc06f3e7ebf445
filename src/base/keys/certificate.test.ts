// SPDX-License-Identifier: MIT

import { generateKeyPairSync, sign, X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import { encodeHex } from "../binary/index.ts";
import { readCertificate } from "./certificate.ts";
import { commonName, sequence, time } from "./der-values.ts";
import { keyIdentifiers, signatureAlgorithm, signedCertificate } from "./signed-certificate.ts";

const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-384" });
const spki = new Uint8Array(publicKey.export({ type: "spki", format: "der" }));

function made(notBefore: string, notAfter: string): Promise<Uint8Array> {
  const name = commonName("alice");
  return signedCertificate(
    {
      serialNumber: Uint8Array.of(0, 0xff, 1),
      issuer: commonName("issuer"),
      subject: name,
      validity: sequence(time(notBefore), time(notAfter)),
      publicKey: spki,
      extensions: keyIdentifiers((data) => data.slice(0, 20), spki, spki),
    },
    {
      algorithm: signatureAlgorithm("ec", "sha512") ?? new Uint8Array(0),
      publicKey: spki,
      sign: async (data) => new Uint8Array(sign("sha512", data, privateKey)),
    },
  );
}

describe("certificates", () => {
  it("are read as Node reads them", async () => {
    const certificate = await made("20261130150500", "20491231235959");
    const other = new X509Certificate(certificate);
    expect(other.verify(publicKey)).toBe(true);
    const fields = readCertificate(certificate);
    expect(fields).toMatchObject({
      subject: other.subject,
      issuer: other.issuer,
      notBefore: "2026-11-30T15:05:00+00:00",
      notAfter: "2049-12-31T23:59:59+00:00",
      publicKey: { kind: "ec", curve: "P-384" },
    });
    expect(encodeHex(fields?.serialNumber ?? new Uint8Array(0))).toBe(other.serialNumber);
  });

  it("have times of the last century, and far away", async () => {
    const certificate = await made("19500101000000", "20500101000000");
    expect(readCertificate(certificate)).toMatchObject({
      notBefore: "1950-01-01T00:00:00+00:00",
      notAfter: "2050-01-01T00:00:00+00:00",
    });
  });

  it("anything else is none", async () => {
    const certificate = await made("20261130150500", "20491231235959");
    for (let length = 0; length < certificate.length; length++)
      expect(readCertificate(certificate.subarray(0, length))).toBeUndefined();
    expect(readCertificate(spki)).toBeUndefined();
    expect(readCertificate(Uint8Array.of(...certificate, 0x30, 0))).toBeUndefined();
  });
});
