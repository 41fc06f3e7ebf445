// SPDX-License-Identifier: MIT

import type { ListenPagesOptions, PageEvents, PagePipe } from "../../platform/node/pages/index.ts";
import type { Clock, Random } from "../../port/index.ts";
import { type AskDaemon, DaemonFeed } from "./daemon-feed.ts";
import { ConsoleKeys } from "./keys.ts";
import { type Admission, ConsoleSession, type Hello } from "./session.ts";

/** Pages at once, and connections that have not said yet who they are. */
const MAX_PAGES = 16;
const MAX_STRANGERS = 32;

/** What a console works with. */
export interface ConsoleDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly ask: AskDaemon;
  /** The origin that pages of the console have: no other may connect. Undefined while it does not listen yet. */
  origin(): string | undefined;
  /** The token was used: there is a new one, for another page. */
  tokenUsed(): void;
}

/** The console of a daemon, for the pages that it serves itself. */
export class ConsoleService {
  readonly #deps: ConsoleDeps;
  readonly #keys: ConsoleKeys;
  readonly #feed: DaemonFeed;
  readonly #strangers = new Set<ConsoleSession>();
  readonly #pages = new Set<ConsoleSession>();

  constructor(deps: ConsoleDeps) {
    this.#deps = deps;
    this.#keys = new ConsoleKeys(deps.random);
    this.#feed = new DaemonFeed(deps);
  }

  /** A token that lets one page in, once. The one before is worth nothing any more. */
  newToken(): string {
    return this.#keys.newToken();
  }

  /** Why a page of this origin may not connect; undefined where it may. */
  refusal: ListenPagesOptions["service"]["refusal"] = (origin) => {
    if (origin === undefined || origin !== this.#deps.origin())
      return { status: 403, reason: "only its own page may connect" };
    return this.#strangers.size >= MAX_STRANGERS ? { status: 503, reason: "too many connections" } : undefined;
  };

  /** A page has connected. It has to show a token or a session before it gets anything. */
  accept(_origin: string, pipe: PagePipe): PageEvents {
    const session = new ConsoleSession(pipe, {
      clock: this.#deps.clock,
      ask: this.#deps.ask,
      feed: this.#feed,
      admit: (hello) => this.#admit(session, hello),
      ended: () => {
        this.#strangers.delete(session);
        this.#pages.delete(session);
      },
    });
    this.#strangers.add(session);
    return session;
  }

  /** Ends all pages. */
  close(): void {
    for (const session of [...this.#strangers, ...this.#pages]) session.end();
  }

  #admit(session: ConsoleSession, { session: known, token }: Hello): Admission {
    const isKnown = known !== undefined && this.#keys.knows(known);
    if (this.#pages.size >= MAX_PAGES && (isKnown || token !== undefined)) return { refused: "too-many" };
    const secret = isKnown ? known : this.#keys.redeem(token ?? "");
    if (secret === undefined) return { refused: "wrong-token" };
    this.#strangers.delete(session);
    this.#pages.add(session);
    if (!isKnown) this.#deps.tokenUsed();
    return { session: secret };
  }
}
