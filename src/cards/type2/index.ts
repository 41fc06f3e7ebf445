// SPDX-License-Identifier: MIT

export type { NtagCounters } from "./ntag-configuration.ts";
export type { NtagProduct } from "./ntag-layout.ts";
export { Type2Tag, type Type2TagOptions } from "./type2-tag.ts";
