// SPDX-License-Identifier: MIT

import type { ClientIdentity, Holder, ReaderSnapshot } from "../../port/index.ts";
import type { ServerClient, ServerManager } from "../pcsclite-server/index.ts";

const MAX_COUNT = 0xffff;

/** A host's manager as one client sees it: readers that it may not use are not in the table, and wake no client. */
export class GrantedTable implements ServerManager {
  readonly #manager: ServerManager;
  readonly #sees: (reader: string) => boolean;
  #names = "";
  #count = 0;

  constructor(manager: ServerManager, sees: (reader: string) => boolean) {
    this.#manager = manager;
    this.#sees = sees;
  }

  readers(): readonly ReaderSnapshot[] {
    return this.#manager.readers().filter(({ name }) => this.#sees(name));
  }

  get readerEvents(): number {
    const names = this.readers()
      .map(({ name }) => name)
      .join("\n");
    if (this.#count === 0 || names !== this.#names) this.#count = (this.#count % MAX_COUNT) + 1;
    this.#names = names;
    return this.#count;
  }

  watchReaders(changed: () => void): () => void {
    let shown = this.#text();
    return this.#manager.watchReaders(() => {
      const text = this.#text();
      if (text === shown) return;
      shown = text;
      changed();
    });
  }

  holderOf(reader: string): Holder | undefined {
    return this.#sees(reader) ? this.#manager.holderOf(reader) : undefined;
  }

  client(identity: ClientIdentity): ServerClient {
    return this.#manager.client(identity);
  }

  /** What the client can see of the table. */
  #text(): string {
    return JSON.stringify(this.readers(), (_, value) => (value instanceof Uint8Array ? [...value] : value));
  }
}
