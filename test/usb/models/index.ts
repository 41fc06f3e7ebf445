// SPDX-License-Identifier: MIT

export { type AnswerFault, type AnswerFaults, type AnswerStep, answerFaults } from "./answer-faults.ts";
export { type BlockFault, type BlockStep, CardLine, type CardLineOptions, supplies } from "./card-line.ts";
export { CcidReaderModel, type CcidReaderOptions } from "./ccid-reader.ts";
export { BULK_IN, BULK_OUT, features, INTERRUPT_IN, type ReaderShape } from "./descriptors.ts";
export { IccdReaderModel, type IccdReaderOptions } from "./iccd-reader.ts";
export { memoryUsb } from "./memory-usb.ts";
export type { PinEntry, PinPadUser } from "./pin-pad.ts";
export { type Preset, presets, readerModel } from "./presets.ts";
export { contentByte, RigCard, type RigCardOptions } from "./rig-card.ts";
export type { TransferFaults, TransferStep } from "./usb-device.ts";
