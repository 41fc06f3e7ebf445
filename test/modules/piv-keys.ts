// SPDX-License-Identifier: MIT

import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bigEndianBytes, concatBytes, hexBytes } from "../../src/base/binary/index.ts";
import { encodeBerTlv } from "../../src/base/iso7816/index.ts";
import type { OpenCard } from "../../src/entry/modules.ts";

const factoryKey: Uint8Array = hexBytes("010203040506070801020304050607080102030405060708");

/** Algorithm identifiers of PIV keys. */
export const algorithms = { rsa2048: 0x07, p256: 0x11, p384: 0x14, ed25519: 0xe0, x25519: 0xe1 } as const;

const certificateObjects: Readonly<Record<string, string>> = {
  "9A": "5FC105",
  "9C": "5FC10A",
  "9D": "5FC10B",
  "9E": "5FC101",
  "82": "5FC10D",
};

/** Makes a key in a slot, as an issuer does. */
export async function generate(card: OpenCard, slot: string, algorithm: number): Promise<void> {
  await card.transaction(async () => {
    await card.authenticate(factoryKey);
    const data = encodeBerTlv([{ tag: 0xac, children: [{ tag: 0x80, value: Uint8Array.of(algorithm) }] }]);
    const p2 = Number.parseInt(slot, 16);
    const { sw } = await card.send({ cla: 0, ins: 0x47, p1: 0, p2, data, le: 256 });
    if (sw !== 0x9000) throw new Error(`generate: ${sw.toString(16)}`);
  });
}

/** Puts a certificate into the object of a slot. */
export async function putCertificate(
  card: OpenCard,
  slot: string,
  certificate: Uint8Array,
  packed = false,
): Promise<void> {
  await card.transaction(async () => {
    await card.authenticate(factoryKey);
    const value = concatBytes(tlv(0x70, certificate), Uint8Array.of(0x71, 1, packed ? 1 : 0, 0xfe, 0));
    const data = concatBytes(hexBytes(`5C03${certificateObjects[slot]}`), tlv(0x53, value));
    const { sw } = await card.send({ cla: 0, ins: 0xdb, p1: 0x3f, p2: 0xff, data });
    if (sw !== 0x9000) throw new Error(`put: ${sw.toString(16)}`);
  });
}

function tlv(tag: number, value: Uint8Array): Uint8Array {
  const { length } = value;
  const bytes = length < 0x80 ? [length] : [length < 0x100 ? 0x81 : 0x82, ...bigEndianBytes(length, 1, 2, "a length")];
  return concatBytes(Uint8Array.of(tag, ...bytes), value);
}

/** A certificate of a public key, signed by another key with OpenSSL. */
export function certify(publicKey: Uint8Array, subject: string): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "scard-modules-"));
  try {
    const path = (name: string): string => join(folder, name);
    const issuer = generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey;
    writeFileSync(path("issuer.pem"), issuer.export({ type: "pkcs8", format: "pem" }));
    const body = Buffer.from(publicKey).toString("base64");
    writeFileSync(path("key.pem"), `-----BEGIN PUBLIC KEY-----\n${body}\n-----END PUBLIC KEY-----\n`);
    const args = ["x509", "-new", "-subj", `/CN=${subject}`, "-days", "100", "-outform", "DER"];
    execFileSync("openssl", [
      ...args,
      "-key",
      path("issuer.pem"),
      "-force_pubkey",
      path("key.pem"),
      "-out",
      path("out"),
    ]);
    return new Uint8Array(readFileSync(path("out")));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
