// SPDX-License-Identifier: MIT

export { cardLimits } from "./card-limits.ts";
export { demoCard, demoCardImage } from "./demo-card.ts";
export { FileSystemCard } from "./file-system-card.ts";
export type {
  Access,
  AccessMode,
  AccessReferenceSource,
  AccessRules,
  AnyFileSource,
  AtrSource,
  BytesSource,
  CardImage,
  CardImageSource,
  Conditions,
  DataObjectImage,
  DataObjectSource,
  DedicatedFileAccessSource,
  DedicatedFileImage,
  DedicatedFileSource,
  ElementaryFileSource,
  FileAccessSource,
  FileImage,
  FileSource,
  KeyImage,
  KeySource,
  KeyUse,
  LifeCycle,
  PinImage,
  PinSource,
  RecordFileAccessSource,
  RecordFileImage,
  RecordFileSource,
  RecordFileType,
  ResettingCodeSource,
  RetriesImage,
  RetriesSource,
  TransparentFileAccessSource,
  TransparentFileImage,
  TransparentFileSource,
} from "./file-system-image.ts";
export { parseCardImage } from "./parse-card-image.ts";
