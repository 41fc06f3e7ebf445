// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import { concatBytes, encodeHex, hexBytes } from "../../base/binary/index.ts";
import type { PublicKey } from "../../base/keys/index.ts";
import { encodeSshSignature, type SshPublicKey, sshPublicKey, sshSignatureAlgorithm } from "./public-key.ts";
import { sshInteger, sshString } from "./ssh-data.ts";

const modulus = hexBytes("C0FFEE");
const exponent = hexBytes("010001");
const point = hexBytes("04AABB");

function known(key: PublicKey): SshPublicKey {
  const made = sshPublicKey(key);
  if (made === undefined) throw new Error(`SSH has no format for ${key.kind}`);
  return made;
}

const rsa = known({ kind: "rsa", modulus, exponent });
const p256 = known({ kind: "ec", curve: "P-256", point });
const ed25519 = known({ kind: "ed25519", point: new Uint8Array(32).fill(9) });

describe("integers of SSH", () => {
  // The examples of RFC 4251, 5.
  it.each([
    ["0", "", "00000000"],
    ["0 in two bytes", "0000", "00000000"],
    ["9A378F9B2E332A7", "09A378F9B2E332A7", "0000000809A378F9B2E332A7"],
    ["80", "80", "000000020080"],
  ])("are written as RFC 4251 writes %s", (_, number, written) => {
    expect(encodeHex(sshInteger(hexBytes(number)))).toBe(written);
  });
});

describe("public keys of SSH", () => {
  it("have the name of their format first", () => {
    expect(rsa.blob).toEqual(concatBytes(sshString("ssh-rsa"), sshInteger(exponent), sshInteger(modulus)));
    const curve = [sshString("ecdsa-sha2-nistp256"), sshString("nistp256"), sshString(point)];
    expect(p256.blob).toEqual(concatBytes(...curve));
    expect(ed25519.blob).toEqual(concatBytes(sshString("ssh-ed25519"), sshString(new Uint8Array(32).fill(9))));
  });

  it.each([
    { kind: "x25519", point: new Uint8Array(32) },
    { kind: "ec", curve: "secp256k1", point },
    { kind: "ec", curve: "brainpoolP256r1", point },
  ] as const)("are not made of %o", (key) => {
    expect(sshPublicKey(key)).toBeUndefined();
  });
});

describe("signatures of SSH", () => {
  it.each([
    [rsa, 0, "ssh-rsa", "sha1"],
    [rsa, 2, "rsa-sha2-256", "sha256"],
    [rsa, 4, "rsa-sha2-512", "sha512"],
    [rsa, 6, "rsa-sha2-512", "sha512"],
    [p256, 0, "ecdsa-sha2-nistp256", "sha256"],
    [known({ kind: "ec", curve: "P-384", point }), 4, "ecdsa-sha2-nistp384", "sha384"],
    [known({ kind: "ec", curve: "P-521", point }), 0, "ecdsa-sha2-nistp521", "sha512"],
    [ed25519, 2, "ssh-ed25519", undefined],
  ])("of %o with the flags %i are %s", (key, flags, name, hash) => {
    expect(sshSignatureAlgorithm(key, flags)).toEqual({ name, hash });
  });

  it("of ECDSA are two integers in one string", () => {
    const signature = hexBytes("80010002");
    const integers = concatBytes(sshInteger(hexBytes("8001")), sshInteger(hexBytes("02")));
    const expected = concatBytes(sshString("ecdsa-sha2-nistp256"), sshString(integers));
    expect(encodeSshSignature(p256, "ecdsa-sha2-nistp256", signature)).toEqual(expected);
  });

  it("of RSA are the bytes themselves", () => {
    const expected = concatBytes(sshString("rsa-sha2-256"), sshString(hexBytes("0001")));
    expect(encodeSshSignature(rsa, "rsa-sha2-256", hexBytes("0001"))).toEqual(expected);
  });
});
