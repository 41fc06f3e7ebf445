// SPDX-License-Identifier: MIT

export { JsonPlace, type JsonProblem } from "../base/json/index.ts";
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
} from "../cards/file-system/index.ts";
export { cardLimits, demoCard, demoCardImage, FileSystemCard, parseCardImage } from "../cards/file-system/index.ts";
export type { BlockCipher, BlockCipherFactory, CipherAlgorithm, SoftwareCard } from "../cards/software-card/index.ts";
export { T0Adapter } from "../cards/software-card/index.ts";
export { Type2Tag, type Type2TagOptions } from "../cards/type2/index.ts";
export { VirtualReader, type VirtualReaderOptions } from "../readers/virtual/index.ts";
