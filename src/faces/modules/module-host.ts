// SPDX-License-Identifier: MIT

import { type CommandInit, type ResponseApdu, statusWords as sw } from "../../base/iso7816/index.ts";
import {
  type CurveName,
  certificatePublicKey,
  curveBytes,
  ecdsaFromDer,
  encodeDigestInfo,
  encodePublicKey,
  type HashFunction,
  type HashName,
  type PublicKey,
  padForSignature,
  padPss,
  unpadDeciphered,
  unpadOaep,
} from "../../base/keys/index.ts";
import { abortedError, type HostCrypto, type SendOptions, SmartCardError } from "../../port/index.ts";
import type { CertifiedKey, DecryptRequest, KeyType, ModuleHost, PinDescription, SignRequest } from "./card-module.ts";
import { type FailurePlace, pinFailure, statusFailure } from "./failures.ts";

/** A connection, as far as a module needs one. */
interface CommandSender {
  readonly reader: string;
  send(command: CommandInit, options: Pick<SendOptions, "longData">): Promise<ResponseApdu>;
}

/** What a module works with, over one connection. */
export class ConnectionHost implements ModuleHost {
  readonly crypto: HostCrypto;
  readonly #connection: CommandSender;
  /** What the user of the card is doing, for errors. */
  operation = "openCard";
  /** Ends the operation before its next command. */
  signal: AbortSignal | undefined;
  atr: Uint8Array = new Uint8Array(0);

  constructor(connection: CommandSender, crypto: HostCrypto) {
    this.#connection = connection;
    this.crypto = crypto;
  }

  get reader(): string {
    return this.#connection.reader;
  }

  get place(): FailurePlace {
    return { reader: this.reader, operation: this.operation };
  }

  async send(command: CommandInit, options: Pick<SendOptions, "longData"> = {}): Promise<ResponseApdu> {
    if (this.signal?.aborted) throw abortedError(this.operation, this.signal, { reader: this.reader });
    return this.#connection.send(command, options);
  }

  data({ data, sw: word }: ResponseApdu, what: string): Uint8Array {
    // 62XX and 63XX are warnings: there is data all the same.
    if (word !== sw.success && word >> 8 !== 0x62 && word >> 8 !== 0x63) throw this.failure(word, what);
    return data;
  }

  failure(statusWord: number, what: string): SmartCardError {
    return statusFailure(statusWord, what, this.place);
  }

  pinFailure(statusWord: number, pin: PinDescription, triesLeft?: number): SmartCardError {
    return pinFailure(statusWord, pin, this.place, triesLeft);
  }

  signatureBlock(request: SignRequest & { readonly hash: HashName }, bits: number): Uint8Array {
    const hash = this.#hash(request.hash);
    const salted = request.scheme === "rsa-pss" ? request.saltBytes : undefined;
    const block =
      salted === undefined
        ? padForSignature(encodeDigestInfo(request.hash, digestOf(request)), Math.ceil(bits / 8))
        : padPss(digestOf(request), this.crypto.randomBytes(salted), bits, hash);
    if (block !== undefined) return block;
    const salt = salted === undefined ? "" : ` with a salt of ${salted} bytes`;
    const message = `a signature with ${request.hash}${salt} does not fit a key of ${bits} bits; use a shorter hash or salt`;
    throw new SmartCardError("invalid-value", message, this.place);
  }

  digestInfo(request: SignRequest): Uint8Array {
    if (request.scheme === "rsa-pkcs1") return encodeDigestInfo(request.hash, request.digest);
    const message = `this card pads with PKCS #1 v1.5 itself and makes no ${request.scheme} signature with an RSA key; leave scheme out`;
    throw new SmartCardError("unsupported-feature", message, this.place);
  }

  plainOf(request: DecryptRequest, block: Uint8Array): Uint8Array {
    const plain =
      request.scheme === "rsa-oaep"
        ? unpadOaep(this.#hash(request.hash), block, request.label)
        : unpadDeciphered(block);
    if (plain !== undefined) return plain;
    // No more than that: an answer that tells wrong blocks apart deciphers other messages.
    const message = "the data cannot be decrypted: it was encrypted for another key, or with another padding";
    throw new SmartCardError("invalid-value", message, this.place);
  }

  rawSignature(der: Uint8Array, curve: CurveName): Uint8Array {
    const signature = ecdsaFromDer(der, curveBytes[curve]);
    if (signature !== undefined) return signature;
    throw new SmartCardError("comm-error", "the card's answer is not an ECDSA signature in DER", this.place);
  }

  keyOfCertificate(certificate: Uint8Array): CertifiedKey | undefined {
    const decoded = certificatePublicKey(certificate);
    return decoded.ok ? this.keyOf(decoded.value) : undefined;
  }

  keyOf(key: PublicKey): CertifiedKey {
    return { key: keyType(key), publicKey: encodePublicKey(key) };
  }

  #hash(name: HashName): HashFunction {
    return (data) => this.crypto.hash(name, data);
  }
}

function digestOf(request: SignRequest): Uint8Array {
  return request.scheme === "ed25519" ? request.message : request.digest;
}

/** What the private key of a public key is. */
function keyType(key: PublicKey): KeyType {
  switch (key.kind) {
    case "rsa":
      return { kind: "rsa", bits: 8 * key.modulus.length - Math.clz32(key.modulus[0] ?? 0) + 24 };
    case "ec":
      return { kind: "ec", curve: key.curve };
    case "ed25519":
    case "x25519":
      return { kind: key.kind };
  }
}
