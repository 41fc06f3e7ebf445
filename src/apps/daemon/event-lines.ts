// SPDX-License-Identifier: MIT

import { eventForPrograms, type ObservedEvent } from "../../observe/calls/index.ts";
import { CONTROL_VERSION, encodeLine } from "./control-messages.ts";
import type { StreamConnection } from "./control-server.ts";

/** So many bytes of lines are kept for a client that does not read; of more, the oldest are dropped and counted. */
export const MAX_KEPT_BYTES = 1_048_576;

/** So many bytes are handed over at once. */
const MAX_WRITE_BYTES = 262_144;

/**
 * Events as lines to one client, who may read them slowly, or not at all. Lines are written together, so that the client wakes once for
 * many; and nothing is written before the client's system has taken what was written before.
 */
export class EventLines {
  readonly #connection: StreamConnection;
  readonly #head: { readonly version: number; readonly id?: string | number };
  readonly #raw: boolean;
  /** The oldest is at `#start`. */
  #lines: Uint8Array[] = [];
  #start = 0;
  #bytes = 0;
  #dropped = 0;

  constructor(connection: StreamConnection, id: string | number | undefined, raw: boolean) {
    this.#connection = connection;
    this.#head = { version: CONTROL_VERSION, ...(id !== undefined && { id }) };
    this.#raw = raw;
  }

  add(event: ObservedEvent): void {
    const raw = this.#raw && ({ raw: true } as const);
    const line = encodeLine({ ...this.#head, event: eventForPrograms(event), ...raw });
    this.#lines.push(line);
    this.#bytes += line.length;
    while (this.#bytes > MAX_KEPT_BYTES) {
      this.#take()?.fill(0);
      this.#dropped++;
    }
    if (this.#bytes >= MAX_WRITE_BYTES) this.send();
  }

  /** An event was dropped before it came here. */
  dropped(): void {
    this.#dropped++;
  }

  /** Sends what there is, as far as the client has read what was sent before. */
  send(): void {
    while (this.#connection.unsentBytes === 0 && (this.#dropped > 0 || this.#bytes > 0)) {
      const lines: Uint8Array[] = [];
      if (this.#dropped > 0) lines.push(encodeLine({ ...this.#head, dropped: this.#dropped }));
      this.#dropped = 0;
      for (let bytes = 0; bytes < MAX_WRITE_BYTES; ) {
        const line = this.#take();
        if (line === undefined) break;
        lines.push(line);
        bytes += line.length;
      }
      const together = Buffer.concat(lines);
      for (const line of lines) line.fill(0);
      this.#connection.send(together, () => together.fill(0));
    }
  }

  /** The client has gone. */
  clear(): void {
    for (let line = this.#take(); line !== undefined; line = this.#take()) line.fill(0);
  }

  #take(): Uint8Array | undefined {
    const line = this.#lines[this.#start];
    if (line === undefined) return undefined;
    this.#start++;
    this.#bytes -= line.length;
    if (this.#start === this.#lines.length) {
      this.#lines = [];
      this.#start = 0;
    } else if (this.#start > 1024) {
      this.#lines = this.#lines.slice(this.#start);
      this.#start = 0;
    }
    return line;
  }
}
