// SPDX-License-Identifier: MIT

import { closeCodes } from "../../wire/bridge/index.ts";
import type { ConsoleAction, ConsoleMessage, PageMessage } from "../console/index.ts";
import { browser, type PageSocket } from "../page-parts/index.ts";

/** What a link tells. */
export interface LinkEvents {
  opened(): void;
  received(message: Exclude<ConsoleMessage, { readonly type: "done" | "welcome" }>): void;
  /** The console has gone, or could not be reached; it is tried again. */
  lost(): void;
  /** The console does not let the page in: the address is of no use any more. */
  refused(reason: string): void;
}

/** Where the secret of the session is kept: in this tab alone. It is worth nothing when the console has ended. */
const SESSION = "scard-console";
/** How soon a lost connection is tried again, in milliseconds: at first, and at most. */
const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 8000;

type Answer = (problem: string | undefined) => void;

/** The connection to the console, made again when it is lost. */
export class ConsoleLink {
  readonly #events: LinkEvents;
  #socket: PageSocket | undefined;
  #token: string | undefined;
  #retryMs = FIRST_RETRY_MS;
  #retry: number | undefined;
  #number = 0;
  readonly #answers = new Map<number, Answer>();

  constructor(events: LinkEvents) {
    this.#events = events;
  }

  /** Connects with the token of the page's address, or as the tab that was let in before. */
  start(): void {
    const token = browser.location.hash.slice(1);
    if (token !== "") {
      this.#token = token;
      // The token is used: it stays neither in the address nor in the history.
      browser.history.replaceState(null, "", browser.location.pathname);
      browser.sessionStorage.removeItem(SESSION);
    }
    this.#connect();
  }

  /** Has the daemon do something. @returns why it did not; undefined where it did */
  do(action: ConsoleAction): Promise<string | undefined> {
    const socket = this.#socket;
    if (socket === undefined) return Promise.resolve("the console is not connected");
    const id = this.#number++;
    return new Promise((resolve) => {
      this.#answers.set(id, resolve);
      send(socket, { type: "do", id, action });
    });
  }

  #connect(): void {
    browser.clearTimeout(this.#retry);
    this.#socket?.close();
    const session = browser.sessionStorage.getItem(SESSION) ?? undefined;
    if (this.#token === undefined && session === undefined) {
      this.#events.refused("the address has no token");
      return;
    }
    const socket = new browser.WebSocket(`ws://${browser.location.host}`);
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      const token = this.#token;
      send(socket, { type: "hello", ...(token === undefined ? session !== undefined && { session } : { token }) });
    };
    socket.onmessage = ({ data }) => {
      if (socket === this.#socket) this.#received(JSON.parse(new TextDecoder().decode(data as ArrayBuffer)));
    };
    socket.onclose = ({ code, reason }) => {
      if (socket === this.#socket) this.#closed(code, reason);
    };
  }

  #received(message: ConsoleMessage): void {
    if (message.type === "welcome") {
      this.#token = undefined;
      this.#retryMs = FIRST_RETRY_MS;
      browser.sessionStorage.setItem(SESSION, message.session);
      this.#events.opened();
    } else if (message.type === "done") {
      this.#answers.get(message.id)?.(message.problem);
      this.#answers.delete(message.id);
    } else this.#events.received(message);
  }

  #closed(code: number, reason: string): void {
    this.#socket = undefined;
    for (const answer of this.#answers.values()) answer("the console is not connected any more");
    this.#answers.clear();
    if (code === closeCodes.notPaired) {
      this.#token = undefined;
      browser.sessionStorage.removeItem(SESSION);
      this.#events.refused(reason);
      return;
    }
    this.#events.lost();
    this.#retry = browser.setTimeout(() => this.#connect(), this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS);
  }
}

function send(socket: PageSocket, message: PageMessage): void {
  socket.send(new TextEncoder().encode(JSON.stringify(message)));
}
