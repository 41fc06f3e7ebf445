// SPDX-License-Identifier: MIT

// Every program loads this room: what only some of them need stands elsewhere.

export { nodeBlockCipher } from "./block-cipher.ts";
export { BusyPoll, DEFAULT_AWAKE_US, defaultAwakeUs } from "./busy-poll.ts";
export { FileHold, fileStamp } from "./file-hold.ts";
export { GrowingFile } from "./growing-file.ts";
export { makeFolders } from "./make-folders.ts";
export { BrokenPackage, packageFailure } from "./package-failure.ts";
export { readRegularFile, readTextFile } from "./read-regular-file.ts";
export { replaceFile } from "./replace-file.ts";
export { nodeClock, nodeRuntime } from "./runtime.ts";
