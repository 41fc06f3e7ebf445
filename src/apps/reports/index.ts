// SPDX-License-Identifier: MIT

export { atrForPrograms, describeAtr, summarizeAtr } from "./atr-report.ts";
export { asciiText, bytesForPeople, count, duration, jsonText, visible, visibleLines } from "./text.ts";
