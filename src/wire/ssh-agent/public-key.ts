// SPDX-License-Identifier: MIT

import { concatBytes } from "../../base/binary/index.ts";
import type { CurveName, PublicKey } from "../../base/keys/index.ts";
import { sshInteger, sshString } from "./ssh-data.ts";

/** How a signature is made: the name that SSH has for it, and the hash of the message. Ed25519 signs the message itself. */
export interface SshSignatureAlgorithm {
  readonly name: string;
  readonly hash: "sha1" | "sha256" | "sha384" | "sha512" | undefined;
}

/** A public key that SSH has a format for. */
export interface SshPublicKey {
  readonly key: PublicKey;
  /** The name of the format, as it begins a line of authorized_keys: "ssh-ed25519". */
  readonly name: string;
  /** The key as SSH writes it, which follows there in base64. */
  readonly blob: Uint8Array;
}

/** Flags of a request to sign. RFC 8332, 3; the agent protocol, 3.6.1. */
const signFlags = { rsaSha256: 0x02, rsaSha512: 0x04 } as const;

/** Curves of SSH: the name, and the hash of a message. RFC 5656, 6.2.1 and 10.1. */
const curves = {
  "P-256": { name: "nistp256", hash: "sha256" },
  "P-384": { name: "nistp384", hash: "sha384" },
  "P-521": { name: "nistp521", hash: "sha512" },
} as const satisfies Partial<
  Record<CurveName, { readonly name: string; readonly hash: SshSignatureAlgorithm["hash"] }>
>;

/**
 * A public key as SSH has it. Undefined for a key of a kind that SSH has no format for: X25519, and curves other than P-256,
 * P-384 and P-521. RFC 4253, 6.6; RFC 5656, 3.1; RFC 8709, 4.
 */
export function sshPublicKey(key: PublicKey): SshPublicKey | undefined {
  switch (key.kind) {
    case "rsa":
      return made(key, "ssh-rsa", sshInteger(key.exponent), sshInteger(key.modulus));
    case "ec": {
      const curve = curveOf(key.curve)?.name;
      return curve && made(key, `ecdsa-sha2-${curve}`, sshString(curve), sshString(key.point));
    }
    case "ed25519":
      return made(key, "ssh-ed25519", sshString(key.point));
    case "x25519":
      return undefined;
  }
}

function made(key: PublicKey, name: string, ...parts: readonly Uint8Array[]): SshPublicKey {
  return { key, name, blob: concatBytes(sshString(name), ...parts) };
}

function curveOf(name: CurveName): (typeof curves)[keyof typeof curves] | undefined {
  return name in curves ? curves[name as keyof typeof curves] : undefined;
}

/**
 * The algorithm that a request asks for: an RSA key signs with SHA-1 unless a flag asks for SHA-512 or SHA-256, and all
 * other keys have one algorithm. RFC 8332, 3; RFC 5656, 6.2.1.
 */
export function sshSignatureAlgorithm({ key, name }: SshPublicKey, flags: number): SshSignatureAlgorithm {
  if (key.kind === "ec") return { name, hash: curveOf(key.curve)?.hash };
  if (key.kind !== "rsa") return { name, hash: undefined };
  if ((flags & signFlags.rsaSha512) !== 0) return { name: "rsa-sha2-512", hash: "sha512" };
  if ((flags & signFlags.rsaSha256) !== 0) return { name: "rsa-sha2-256", hash: "sha256" };
  return { name, hash: "sha1" };
}

/**
 * A signature as SSH writes it. RFC 4253, 6.6; RFC 5656, 3.1.2; RFC 8709, 6.
 *
 * @param name of the algorithm, as {@link sshSignatureAlgorithm} gives it
 * @param signature the bytes of RSA and Ed25519; of ECDSA, r and s after one another, of the same length
 */
export function encodeSshSignature({ key }: SshPublicKey, name: string, signature: Uint8Array): Uint8Array {
  if (key.kind !== "ec") return concatBytes(sshString(name), sshString(signature));
  const half = signature.length / 2;
  const integers = concatBytes(sshInteger(signature.subarray(0, half)), sshInteger(signature.subarray(half)));
  return concatBytes(sshString(name), sshString(integers));
}
