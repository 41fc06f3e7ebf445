// SPDX-License-Identifier: MIT

import type { webcrypto } from "node:crypto";

/** An element of the page, as far as it is used here. */
interface PageElement {
  value: string;
  readonly checked: boolean;
  focus(): void;
  querySelector(selector: string): PageElement | null;
}

/** An event of a form or of a button. */
export interface PageEvent {
  readonly currentTarget: PageElement;
  preventDefault(): void;
}

interface PageGlobals {
  readonly document: {
    querySelector(selector: string): PageElement | null;
  };
  readonly location: { readonly host: string; readonly origin: string };
  readonly crypto: Pick<typeof webcrypto, "getRandomValues" | "subtle">;
  readonly DecompressionStream: new (format: "gzip" | "deflate") => unknown;
}

/** What a browser gives a page. */
export const browser: PageGlobals = globalThis as unknown as PageGlobals;
