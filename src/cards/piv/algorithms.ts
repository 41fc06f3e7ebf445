// SPDX-License-Identifier: MIT

/** Algorithms of the asymmetric keys. */
export type KeyAlgorithm = "rsa1024" | "rsa2048" | "rsa3072" | "rsa4096" | "p256" | "p384" | "ed25519" | "x25519";

/** Algorithms of the management key 9B. */
export type ManagementAlgorithm = "3des" | "aes128" | "aes192" | "aes256";

/** What an asymmetric algorithm can do, and how long its numbers are. */
export interface KeyAlgorithmInfo {
  readonly algorithm: KeyAlgorithm;
  /** The algorithm identifier, P1 of GENERAL AUTHENTICATE. */
  readonly id: number;
  readonly family: "rsa" | "weierstrass" | "ed25519" | "x25519";
  /** Bytes of a modulus, or of one coordinate. */
  readonly bytes: number;
  /** Whether only tokens with firmware 5.7 and later have it. */
  readonly since57: boolean;
}

/**
 * The asymmetric algorithms. NIST SP 800-78-5, table 9; 05 for RSA 3072 is of that edition. 16, E0 and E1 are Yubico's.
 */
const keyAlgorithms: readonly KeyAlgorithmInfo[] = [
  { algorithm: "rsa1024", id: 0x06, family: "rsa", bytes: 128, since57: false },
  { algorithm: "rsa2048", id: 0x07, family: "rsa", bytes: 256, since57: false },
  { algorithm: "rsa3072", id: 0x05, family: "rsa", bytes: 384, since57: true },
  { algorithm: "rsa4096", id: 0x16, family: "rsa", bytes: 512, since57: true },
  { algorithm: "p256", id: 0x11, family: "weierstrass", bytes: 32, since57: false },
  { algorithm: "p384", id: 0x14, family: "weierstrass", bytes: 48, since57: false },
  { algorithm: "ed25519", id: 0xe0, family: "ed25519", bytes: 32, since57: true },
  { algorithm: "x25519", id: 0xe1, family: "x25519", bytes: 32, since57: true },
];

/** A cipher of the management key. */
export interface ManagementAlgorithmInfo {
  readonly algorithm: ManagementAlgorithm;
  readonly id: number;
  readonly cipher: "3des" | "aes";
  readonly keyBytes: number;
  readonly blockBytes: number;
}

/** The ciphers of the management key. NIST SP 800-78-4, table 9. */
const managementAlgorithms: readonly ManagementAlgorithmInfo[] = [
  { algorithm: "3des", id: 0x03, cipher: "3des", keyBytes: 24, blockBytes: 8 },
  { algorithm: "aes128", id: 0x08, cipher: "aes", keyBytes: 16, blockBytes: 16 },
  { algorithm: "aes192", id: 0x0a, cipher: "aes", keyBytes: 24, blockBytes: 16 },
  { algorithm: "aes256", id: 0x0c, cipher: "aes", keyBytes: 32, blockBytes: 16 },
];

/** 00 stands for triple DES as well. NIST SP 800-78-4, table 9. */
const ID_DEFAULT = 0x00;
const ID_TRIPLE_DES = 0x03;

/** The asymmetric algorithm with this identifier. */
export function keyAlgorithmById(id: number): KeyAlgorithmInfo | undefined {
  return keyAlgorithms.find((one) => one.id === id);
}

/** The asymmetric algorithm with this name. */
export function keyAlgorithm(name: KeyAlgorithm): KeyAlgorithmInfo {
  return known(keyAlgorithms, name);
}

/** The cipher with this identifier. */
export function managementAlgorithmById(id: number): ManagementAlgorithmInfo | undefined {
  return managementAlgorithms.find((one) => one.id === (id === ID_DEFAULT ? ID_TRIPLE_DES : id));
}

/** The cipher with this name. */
export function managementAlgorithm(name: ManagementAlgorithm): ManagementAlgorithmInfo {
  return known(managementAlgorithms, name);
}

function known<T extends { readonly algorithm: string }>(all: readonly T[], name: T["algorithm"]): T {
  const found = all.find((one) => one.algorithm === name);
  if (found === undefined) throw new TypeError(`PIV: no algorithm ${name}`);
  return found;
}
