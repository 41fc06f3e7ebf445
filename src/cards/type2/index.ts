// SPDX-License-Identifier: MIT

export { Type2Tag, type Type2TagOptions } from "./type2-tag.ts";
