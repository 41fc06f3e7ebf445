// SPDX-License-Identifier: MIT

export { demoCard, demoCardImage } from "./demo-card.ts";
export { FileSystemCard } from "./file-system-card.ts";
export type {
  Access,
  AtrSource,
  BytesSource,
  CardImage,
  CardImageSource,
  DedicatedFileImage,
  DedicatedFileSource,
  FileImage,
  FileSource,
  PinImage,
  PinSource,
  RecordFileImage,
  RecordFileSource,
  RecordFileType,
  TransparentFileImage,
  TransparentFileSource,
} from "./file-system-image.ts";
export { JsonPlace, type JsonProblem } from "./json-place.ts";
export { parseCardImage } from "./parse-card-image.ts";
export type { SoftwareCard } from "./software-card.ts";
export { T0Adapter } from "./t0.ts";
export { VirtualReader, type VirtualReaderOptions } from "./virtual-reader.ts";
