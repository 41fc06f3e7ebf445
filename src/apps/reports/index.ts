// SPDX-License-Identifier: MIT

export { atrForPrograms, describeAtr, summarizeAtr } from "./atr-report.ts";
export { clientName } from "./clients.ts";
export { asciiText, bytesForPeople, clockTime, count, duration, jsonText, visible, visibleLines } from "./text.ts";
