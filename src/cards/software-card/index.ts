// SPDX-License-Identifier: MIT

export type { BlockCipher, BlockCipherFactory, CipherAlgorithm } from "../../base/keys/index.ts";
export { checkOnce } from "./check-once.ts";
export { cmac, decryptCbc, encryptCbc, padded80, retailMac } from "./cipher-modes.ts";
export { CommandChain, notRepeated } from "./command-chain.ts";
export { byteObject, onlyObject, readDataObjects, valueIn } from "./data-objects.ts";
export { documentMembers, FORMAT_VERSION } from "./document-members.ts";
export { type CardFault, FaultyCard, type FaultyCardOptions } from "./faulty-card.ts";
export { type FirmwareVersion, firmwareShape } from "./firmware-version.ts";
export { decodeManageChannel, MAX_CHANNELS } from "./logical-channels.ts";
export { type Attempt, matchesSecret, RetryCounter } from "./retry-counter.ts";
export type { SoftwareCard } from "./software-card.ts";
export { type Answer, encodeAnswer, status, sw } from "./status.ts";
export { T0Adapter } from "./t0-adapter.ts";
