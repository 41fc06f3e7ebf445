// SPDX-License-Identifier: MIT

import { bigEndianBytes } from "../../base/binary/index.ts";
import {
  pivAlgorithms as ids,
  PIV_CERTIFICATE_IS_COMPRESSED,
  pivCertificateTags,
} from "../../base/card-applications/index.ts";
import { type CommandInit, type ResponseApdu, statusWords as sw } from "../../base/iso7816/index.ts";
import type { PublicKey } from "../../base/keys/index.ts";
import type { HostCrypto } from "../../port/index.ts";
import type { KeyType } from "./card-module.ts";
import { plainValue, publicKeyFrom } from "./tlv-values.ts";

const MAX_CERTIFICATE_BYTES = 65_536;
/** P1 and P2 of GET DATA and PUT DATA: the objects are the application's. NIST SP 800-73-4 part 2, 3.1.2. */
export const wholeApplication = { p1: 0x3f, p2: 0xff } as const;

/** The certificate in the value of its object; undefined where there is none. NIST SP 800-73-4 part 1, table 10. */
export function certificateInObject(value: Uint8Array, library: HostCrypto): Uint8Array | undefined {
  const certificate = plainValue(value, pivCertificateTags.certificate);
  if (certificate === undefined || certificate.length === 0) return undefined;
  const [information = 0] = plainValue(value, pivCertificateTags.information) ?? [];
  if ((information & PIV_CERTIFICATE_IS_COMPRESSED) === 0) return certificate;
  return library.unpack("gzip", certificate, MAX_CERTIFICATE_BYTES);
}

/** GET DATA: what is in the tag 53; undefined where the card has no such object, or does not let it be read. */
export async function readObject(
  host: { send(command: CommandInit): Promise<ResponseApdu> },
  tag: number,
): Promise<Uint8Array | undefined> {
  const command = { cla: 0, ins: 0xcb, ...wholeApplication, data: tagList(tag), le: 256 };
  const answer = await host.send(command);
  return answer.sw === sw.success ? plainValue(answer.data, 0x53) : undefined;
}

/** The tag list of a data object, which GET DATA and PUT DATA begin with. NIST SP 800-73-4 part 2, 3.1.2 and 3.3.2. */
export function tagList(tag: number): Uint8Array {
  const bytes = bigEndianBytes(tag, 1, 3, "a tag");
  return Uint8Array.of(0x5c, bytes.length, ...bytes);
}

/** The algorithm identifier of a key. */
export function algorithmOf(key: KeyType): number {
  switch (key.kind) {
    case "rsa":
      return { 1024: ids.rsa1024, 2048: ids.rsa2048, 3072: ids.rsa3072, 4096: ids.rsa4096 }[key.bits] ?? ids.rsa2048;
    case "ec":
      return key.curve === "P-384" ? ids.p384 : ids.p256;
    case "ed25519":
      return ids.ed25519;
    case "x25519":
      return ids.x25519;
  }
}

/** The public key of an algorithm, from its objects. NIST SP 800-73-4 part 2, 3.3.1. */
export function publicKeyOf(algorithm: number | undefined, value: Uint8Array): PublicKey | undefined {
  return publicKeyFrom(value, (point) => {
    if (algorithm === ids.ed25519) return { kind: "ed25519", point };
    if (algorithm === ids.x25519) return { kind: "x25519", point };
    return { kind: "ec", curve: algorithm === ids.p384 ? "P-384" : "P-256", point };
  });
}
