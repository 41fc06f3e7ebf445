// SPDX-License-Identifier: MIT

export type { BytePipe, BytePipeEvents } from "./byte-pipe.ts";
export {
  admitsAnybody,
  CardDoor,
  type CardDoorOptions,
  type CardPeer,
  type VpcdLog,
  type VpcdLogEntry,
} from "./card-door.ts";
export { type ControlCommand, encodeControl, encodeFrame, FrameDecoder } from "./frame.ts";
export { DEFAULT_VPCD_PORT, defaultVpcdLimits, MAX_FRAME_BYTES, MAX_SLOTS, type VpcdLimits } from "./limits.ts";
export { VpcdReader, type VpcdReaderOptions } from "./reader.ts";
export { VpcdCard } from "./vpcd-card.ts";
