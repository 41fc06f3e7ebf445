// SPDX-License-Identifier: MIT

import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type KeyObject,
} from "node:crypto";
import { concatBytes, zeroBytes } from "../../../base/binary/index.ts";
import { NOISE_TAG_BYTES, type NoiseCrypto } from "../../../wire/noise/index.ts";

// RFC 8410: what stands before the 32 bytes of a key of X25519 in its PKCS#8 and SubjectPublicKeyInfo forms.
const PRIVATE_HEAD = Uint8Array.of(0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 4, 0x22, 4, 0x20);
const PUBLIC_HEAD = Uint8Array.of(0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 3, 0x21, 0);

const CIPHER = "aes-256-gcm";

/** The cryptography of Noise handshakes, from Node's own library. */
export const nodeNoiseCrypto: NoiseCrypto = {
  publicKey: (privateKey) => {
    const der = createPublicKey(privateObject(privateKey)).export({ format: "der", type: "spki" });
    return new Uint8Array(der.subarray(PUBLIC_HEAD.length));
  },
  agree(privateKey, publicKey) {
    const shown = createPublicKey({ key: asBuffer(concatBytes(PUBLIC_HEAD, publicKey)), format: "der", type: "spki" });
    try {
      return new Uint8Array(diffieHellman({ privateKey: privateObject(privateKey), publicKey: shown }));
    } catch {
      // OpenSSL refuses to agree on zeros (RFC 7748, 6.1).
      return undefined;
    }
  },
  hash: (data) => new Uint8Array(createHash("sha256").update(data).digest()),
  hmac: (key, data) => new Uint8Array(createHmac("sha256", key).update(data).digest()),
  seal(key, nonce, associated, plain) {
    const cipher = createCipheriv(CIPHER, key, nonce).setAAD(associated);
    return concatBytes(cipher.update(plain), cipher.final(), cipher.getAuthTag());
  },
  open(key, nonce, associated, sealed) {
    if (sealed.length < NOISE_TAG_BYTES) return undefined;
    const end = sealed.length - NOISE_TAG_BYTES;
    const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: NOISE_TAG_BYTES }).setAAD(associated);
    decipher.setAuthTag(sealed.subarray(end));
    const plain = decipher.update(sealed.subarray(0, end));
    try {
      decipher.final();
      return new Uint8Array(plain);
    } catch {
      return undefined;
    } finally {
      plain.fill(0);
    }
  },
};

function privateObject(privateKey: Uint8Array): KeyObject {
  const der = concatBytes(PRIVATE_HEAD, privateKey);
  try {
    return createPrivateKey({ key: asBuffer(der), format: "der", type: "pkcs8" });
  } finally {
    zeroBytes(der);
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
