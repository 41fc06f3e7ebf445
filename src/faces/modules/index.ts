// SPDX-License-Identifier: MIT

export type {
  AdminChallenge,
  CardModule,
  CertifiedKey,
  DecryptRequest,
  FreeSpace,
  KeyContainer,
  KeyType,
  KeyUse,
  ModuleCard,
  ModuleHost,
  PinCachePolicy,
  PinDescription,
  PinPadCommand,
  PinRole,
  SignRequest,
} from "./card-module.ts";
export { gidsModule } from "./gids-module.ts";
export { waitOf } from "./key-card-options.ts";
export { ConnectionHost } from "./module-host.ts";
export type {
  CardCertificate,
  CardProperties,
  ChallengeAnswer,
  ChangePinRequest,
  OpenCard,
  PinState,
  UnblockRequest,
  VerifyPinOptions,
} from "./open-card.ts";
export {
  cardModules,
  checkOpenOptions,
  type OpenCardOptions,
  openCardOn,
} from "./open-card-on.ts";
export {
  OpenPgpAdmin,
  type OpenPgpKeyFacts,
  type OpenPgpStatus,
  type OpenPgpTouchPolicy,
} from "./openpgp-admin.ts";
export { openPgpModule } from "./openpgp-module.ts";
export { type PinCachePolicies, PinCaches } from "./pin-cache.ts";
export type { PinAnswer, PinPrompt, PinRequest, PinValue } from "./pin-entry.ts";
export { ReaderPinPad } from "./pin-pad.ts";
export { PivAdmin } from "./piv-admin.ts";
export {
  type ManagementAlgorithm,
  managementAlgorithms,
  type PivAlgorithm,
  type PivPinFacts,
  type PivPinPolicy,
  type PivSlot,
  type PivStatus,
  type PivTouchPolicy,
  pivSlots,
} from "./piv-facts.ts";
export { pivModule } from "./piv-module.ts";
export { pkcs15Module } from "./pkcs15-module.ts";
export type { DecryptOptions, SignatureHash, SignOptions } from "./schemes.ts";
