// SPDX-License-Identifier: MIT

export type { AccessReferenceSource } from "./access-shape.ts";
export { cardLimits } from "./card-limits.ts";
export { demoCard, demoCardImage } from "./demo-card.ts";
export type {
  DataObjectSource,
  DedicatedFileSource,
  DedicatedFileValue,
  FileSource,
  RecordFileSource,
  TransparentFileSource,
} from "./file-shapes.ts";
export { FileSystemCard } from "./file-system-card.ts";
export type {
  Access,
  AccessMode,
  AccessRules,
  CardImage,
  Conditions,
  DataObjectImage,
  DedicatedFileImage,
  FileImage,
  KeyImage,
  KeyUse,
  LifeCycle,
  PinImage,
  RecordFileImage,
  RecordFileType,
  RetriesImage,
  TransparentFileImage,
} from "./file-system-image.ts";
export {
  type AtrSource,
  type CardDocument,
  type CardImageSource,
  cardDocument,
  parseCardImage,
} from "./parse-card-image.ts";
export type { KeySource, PinSource, ResettingCodeSource } from "./secret-shapes.ts";
