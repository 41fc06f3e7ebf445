// SPDX-License-Identifier: MIT

import { pivAlgorithms as ids, pivManagementCiphers } from "../../base/card-applications/index.ts";

/** Algorithms of the asymmetric keys. */
export type KeyAlgorithm = keyof typeof ids;

/** Algorithms of the management key 9B. */
export type ManagementAlgorithm = keyof typeof pivManagementCiphers;

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

/** The asymmetric algorithms. */
const keyAlgorithms: readonly KeyAlgorithmInfo[] = [
  { algorithm: "rsa1024", id: ids.rsa1024, family: "rsa", bytes: 128, since57: false },
  { algorithm: "rsa2048", id: ids.rsa2048, family: "rsa", bytes: 256, since57: false },
  { algorithm: "rsa3072", id: ids.rsa3072, family: "rsa", bytes: 384, since57: true },
  { algorithm: "rsa4096", id: ids.rsa4096, family: "rsa", bytes: 512, since57: true },
  { algorithm: "p256", id: ids.p256, family: "weierstrass", bytes: 32, since57: false },
  { algorithm: "p384", id: ids.p384, family: "weierstrass", bytes: 48, since57: false },
  { algorithm: "ed25519", id: ids.ed25519, family: "ed25519", bytes: 32, since57: true },
  { algorithm: "x25519", id: ids.x25519, family: "x25519", bytes: 32, since57: true },
];

/** A cipher of the management key. */
export interface ManagementAlgorithmInfo {
  readonly algorithm: ManagementAlgorithm;
  readonly id: number;
  readonly cipher: "3des" | "aes";
  readonly keyBytes: number;
  readonly blockBytes: number;
}

/** The ciphers of the management key. */
const managementAlgorithms: readonly ManagementAlgorithmInfo[] = [
  { algorithm: "3des", ...pivManagementCiphers["3des"], cipher: "3des", blockBytes: 8 },
  { algorithm: "aes128", ...pivManagementCiphers.aes128, cipher: "aes", blockBytes: 16 },
  { algorithm: "aes192", ...pivManagementCiphers.aes192, cipher: "aes", blockBytes: 16 },
  { algorithm: "aes256", ...pivManagementCiphers.aes256, cipher: "aes", blockBytes: 16 },
];

/** 00 stands for triple DES as well. NIST SP 800-78-4, table 9. */
const ID_DEFAULT = 0x00;

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
  return managementAlgorithms.find((one) => one.id === (id === ID_DEFAULT ? pivManagementCiphers["3des"].id : id));
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
