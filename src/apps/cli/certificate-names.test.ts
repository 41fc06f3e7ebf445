// SPDX-License-Identifier: MIT

import { X509Certificate } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import vectors from "../../../test/vectors/certificates.json" with { type: "json" };
import type { CardCertificate } from "../../entry/modules.ts";
import { certificateNames, MAX_CERTIFICATES } from "./certificate-names.ts";

const certificate = new Uint8Array(Buffer.from(vectors.holder, "base64"));

function listed(name: string, bytes: Uint8Array = certificate): CardCertificate {
  const key = { kind: "ec", curve: "P-256" } as const;
  const container = {
    name,
    label: name,
    key,
    publicKey: undefined,
    uses: [],
    pin: undefined,
    pinPolicy: "never",
  } as const;
  return { container, certificate: bytes };
}

test("a certificate of a card: its name, what it is, and its PEM", () => {
  const [file, ...others] = certificateNames([listed("9A")], { label: "YubiKey 5.7.2" });
  expect(others).toEqual([]);
  const fingerprint = new X509Certificate(certificate).fingerprint256.replaceAll(":", "").toLowerCase();
  expect(file).toMatchObject({
    name: `YubiKey_5_7_2-9A-${fingerprint.slice(0, 16)}`,
    container: "9A",
    subject: "CN=Holder, O=Card",
    fingerprint,
  });
  expect(file?.pem).toBe(new X509Certificate(certificate).toString());
});

test.each([
  ["../../etc/passwd", "etc_passwd"],
  ["..", "key"],
  ["", "key"],
  ["C:\\Windows\\a.pem", "C_Windows_a_pem"],
  ["-n", "n"],
  ["token:name", "token_name"],
  ["a\0b\nc", "a_b_c"],
  ["x".repeat(10_000), "x".repeat(24)],
])("a container that calls itself %j", (given, safe) => {
  const [file] = certificateNames([listed(given)], { label: given });
  expect(file?.name.split("-")[1]).toBe(safe);
});

test("any name is safe, and the same one each time", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (name, label) => {
      const [file] = certificateNames([listed(name)], { label });
      expect(file?.name).toMatch(/^\w{1,24}-\w{1,24}-[0-9a-f]{16}$/);
      expect(certificateNames([listed(name)], { label })[0]?.name).toBe(file?.name);
    }),
    { numRuns: 40 },
  );
});

test("damaged certificates, large ones and too many are left out", () => {
  const label = { label: "card" };
  expect(
    certificateNames([listed("1", Uint8Array.of(0x30, 0x00)), listed("2")], label).map(({ name }) => name[5]),
  ).toEqual(["2"]);
  expect(certificateNames([listed("1", new Uint8Array(70_000).fill(0x30))], label)).toEqual([]);
  const many = Array.from({ length: 1000 }, (_, at) => listed(`${at}`));
  expect(certificateNames(many, label).length).toBe(MAX_CERTIFICATES);
  // Twice the same key with the same certificate is one file.
  expect(certificateNames([listed("1"), listed("1")], label).length).toBe(1);
});
