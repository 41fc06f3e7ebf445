// SPDX-License-Identifier: MIT

export { asciiText, bytesForPeople, count, duration, jsonText, visible, visibleLines } from "../reports/index.ts";
