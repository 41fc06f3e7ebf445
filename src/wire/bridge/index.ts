// SPDX-License-Identifier: MIT

export { BRIDGE_VERSION, closeCodes, MAX_BRIDGE_MESSAGE_BYTES, MAX_DATA_BYTES, TOKEN_BYTES } from "./limits.ts";
export {
  decodePageMessage,
  decodeServiceMessage,
  encodePageMessage,
  encodeServiceMessage,
  type PageMessage,
  type ServiceMessage,
} from "./messages.ts";
