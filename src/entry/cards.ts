// SPDX-License-Identifier: MIT

export type * from "../base/json/index.ts";
export * from "../cards/file-system/index.ts";
export type { BlockCipher, BlockCipherFactory, CipherAlgorithm, SoftwareCard } from "../cards/software-card/index.ts";
export { T0Adapter } from "../cards/software-card/index.ts";
export { Type2Tag, type Type2TagOptions } from "../cards/type2/index.ts";
export { VirtualReader, type VirtualReaderOptions } from "../readers/virtual/index.ts";
