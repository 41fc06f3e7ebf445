// SPDX-License-Identifier: MIT

export type { BlockCipher, BlockCipherFactory, CipherAlgorithm } from "./block-cipher.ts";
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
export { JsonPlace, type JsonProblem } from "./json-place.ts";
export { parseCardImage } from "./parse-card-image.ts";
export type { SoftwareCard } from "./software-card.ts";
export { T0Adapter } from "./t0.ts";
export { Type2Tag, type Type2TagOptions } from "./type2-tag.ts";
export { VirtualReader, type VirtualReaderOptions } from "./virtual-reader.ts";
