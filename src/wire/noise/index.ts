// SPDX-License-Identifier: MIT

export {
  type HandshakeOptions,
  type NoiseConnection,
  NoiseInitiator,
  type NoiseKeys,
  NoiseResponder,
} from "./handshake.ts";
export { NoiseCipher } from "./noise-cipher.ts";
export { NOISE_KEY_BYTES, NOISE_TAG_BYTES, type NoiseCrypto } from "./noise-crypto.ts";
