// SPDX-License-Identifier: MIT

export { VirtualReader, type VirtualReaderOptions } from "./virtual-reader.ts";
