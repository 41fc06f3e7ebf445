// SPDX-License-Identifier: MIT

export { InputBuffer } from "./input-buffer.ts";
