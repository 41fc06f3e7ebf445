// SPDX-License-Identifier: MIT

export { atrFacts } from "./atr-facts.ts";
export { browser, type PageElement, type PageEvent, type PageSocket } from "./dom.ts";
