// SPDX-License-Identifier: MIT

export type { FarmAnswer, FarmBus, FarmMessage } from "./bus.ts";
export {
  defaultFarmTimes,
  FARM_SESSION_BYTES,
  FARM_VERSION,
  type FarmTimes,
} from "./limits.ts";
export {
  decodeFrame,
  decodeHello,
  decodeHelloAnswer,
  decodeIntroduction,
  decodeWelcome,
  encodeFrame,
  encodeHello,
  encodeHelloAnswer,
  encodeIntroduction,
  encodeWelcome,
  type FarmFrame,
  type FarmHello,
  type FarmRefusal,
} from "./messages.ts";
export { farmPrologue } from "./prologue.ts";
export { FarmSession } from "./session.ts";
export { helloSubject, inSubject, isFarmName, outSubject } from "./subjects.ts";
