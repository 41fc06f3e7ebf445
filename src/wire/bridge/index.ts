// SPDX-License-Identifier: MIT

export { generatorFrom } from "./generator.ts";
export {
  BRIDGE_VERSION,
  closeCodes,
  MAX_BRIDGE_MESSAGE_BYTES,
  MAX_DATA_BYTES,
  NOT_PAIRED_CODE,
  PAIRING_ID_BYTES,
  PROOF_BYTES,
  TOO_MANY_CODE,
} from "./limits.ts";
export {
  type DraftMessage,
  decodePageMessage,
  decodeServiceMessage,
  encodeDraftMessage,
  encodePageMessage,
  encodeServiceMessage,
  type PageMessage,
  type ServiceMessage,
  versionOfPage,
} from "./messages.ts";
export { type BridgeMeeting, labelBytes, meetingBytes } from "./proofs.ts";
