// SPDX-License-Identifier: MIT

export type * from "../base/json/index.ts";
export type {
  ApplicationCardOptions,
  ApplicationCommand,
  CardApplication,
  CardInterface,
  SelectRequest,
} from "../cards/applications/index.ts";
export { ApplicationCard, applicationCardLimits } from "../cards/applications/index.ts";
export { ContactlessCard, type ContactlessCardOptions } from "../cards/contactless/index.ts";
export type {
  CardCrypto,
  CurveName,
  Ed25519,
  EllipticCurve,
  HashName,
  RsaKey,
  X25519,
} from "../cards/crypto/index.ts";
export * from "../cards/file-system/index.ts";
export {
  MifareClassicCard,
  type MifareClassicOptions,
  type MifareClassicSize,
} from "../cards/mifare-classic/index.ts";
export type {
  Answer,
  BlockCipher,
  BlockCipherFactory,
  CardFault,
  CipherAlgorithm,
  FaultyCardOptions,
  SoftwareCard,
} from "../cards/software-card/index.ts";
export { FaultyCard, T0Adapter } from "../cards/software-card/index.ts";
export { type NtagCounters, type NtagProduct, Type2Tag, type Type2TagOptions } from "../cards/type2/index.ts";
export { NdefApplication, type NdefApplicationOptions } from "../cards/type4/index.ts";
export { VirtualReader, type VirtualReaderOptions } from "../readers/virtual/index.ts";
