// SPDX-License-Identifier: MIT

export { atrFacts } from "./atr-facts.ts";
export { browser, type PageEvent, type PageSocket } from "./dom.ts";
