// SPDX-License-Identifier: MIT

export { nodeBlockCipher } from "./block-cipher.ts";
export { BusyPoll, DEFAULT_AWAKE_US, defaultAwakeUs } from "./busy-poll.ts";
export { FileHold, fileStamp } from "./file-hold.ts";
export { makeFolders } from "./make-folders.ts";
export { BrokenPackage, packageFailure } from "./package-failure.ts";
export { readRegularFile, readTextFile } from "./read-regular-file.ts";
export { replaceFile } from "./replace-file.ts";
export { nodeClock, nodeRuntime } from "./runtime.ts";
export { type UserSurroundings, userDataFolder } from "./user-data-folder.ts";
