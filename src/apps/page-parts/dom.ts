// SPDX-License-Identifier: MIT

import type { webcrypto } from "node:crypto";

/** An element of a page, as far as it is used here. */
interface PageElement {
  value: string;
  readonly checked: boolean;
  focus(): void;
  querySelector(selector: string): PageElement | null;
}

/** An event of a form, a field or a button. */
export interface PageEvent {
  readonly currentTarget: PageElement;
  preventDefault(): void;
}

/** A WebSocket of a page, as far as it is used here. */
export interface PageSocket {
  binaryType: string;
  onopen: (() => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null;
  send(data: Uint8Array): void;
  close(): void;
}

/** What the pages of one origin keep in a tab. */
interface PageStorage {
  getItem(name: string): string | null;
  setItem(name: string, value: string): void;
  removeItem(name: string): void;
}

interface PageGlobals {
  readonly document: {
    querySelector(selector: string): PageElement | null;
  };
  readonly location: {
    readonly hash: string;
    readonly host: string;
    readonly origin: string;
    readonly pathname: string;
  };
  readonly history: { replaceState(state: unknown, unused: string, url: string): void };
  readonly sessionStorage: PageStorage;
  readonly crypto: Pick<typeof webcrypto, "getRandomValues" | "subtle">;
  readonly DecompressionStream: new (format: "gzip" | "deflate") => unknown;
  readonly WebSocket: new (url: string) => PageSocket;
  readonly Date: { now(): number };
  setTimeout(callback: () => void, ms: number): number;
  clearTimeout(timer: number | undefined): void;
  addEventListener(type: "hashchange", listener: () => void): void;
}

/** What a browser gives a page. */
export const browser: PageGlobals = globalThis as unknown as PageGlobals;
