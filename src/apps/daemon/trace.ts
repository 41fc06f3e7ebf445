// SPDX-License-Identifier: MIT

import { eventForPrograms, filterEvents, type ObservedEvent, type Observer } from "../../observe/calls/index.ts";
import type { PeerCredentials } from "../../platform/node/unix/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { CONTROL_VERSION, type ControlCommand, encodeLine } from "./control-messages.ts";
import { ControlStream, type StreamConnection } from "./control-server.ts";

/** With so many bytes unsent, events are dropped and counted until the client has read. */
const MAX_UNSENT_BYTES = 1_048_576;

/** The root user, who may see the bytes as they are. */
const ROOT = 0;

/** The request for a trace. */
export type TraceCommand = Extract<ControlCommand, { command: "trace" }>;

/** What a trace works with. */
export interface TraceDeps {
  readonly observer: Observer;
  /** Who asks; undefined where the system does not tell. */
  readonly credentials: PeerCredentials | undefined;
  /** The user whose daemon it is. */
  readonly ownUid: number | undefined;
}

/**
 * The answer to `trace`: events follow it until the client hangs up.
 *
 * @throws invalid-parameter (a filter that is not one), no-access (raw bytes for another user), no-memory (too many traces)
 */
export function traceStream(
  { command: _, raw = false, ...filter }: TraceCommand,
  { credentials, observer, ownUid }: TraceDeps,
): ControlStream {
  const given = Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
  const isWanted = filterEvents(given);
  if (raw && !maySeeRaw(credentials, ownUid)) {
    const message = "raw bytes are for root and the daemon's own user alone: they hold PINs and keys";
    throw new SmartCardError("no-access", message, { operation: "trace" });
  }
  return new ControlStream({ raw }, (connection, id) => {
    const lines = new EventLines(connection, id, raw);
    return observer.listen(
      (event) => {
        if (isWanted(event)) lines.add(event);
      },
      { raw },
    );
  });
}

function maySeeRaw(credentials: PeerCredentials | undefined, ownUid: number | undefined): boolean {
  return credentials !== undefined && (credentials.uid === ROOT || credentials.uid === ownUid);
}

/** Events as lines to one client, who may read them slowly, or not at all. */
class EventLines {
  readonly #connection: StreamConnection;
  readonly #id: string | number | undefined;
  readonly #raw: boolean;
  #dropped = 0;

  constructor(connection: StreamConnection, id: string | number | undefined, raw: boolean) {
    this.#connection = connection;
    this.#id = id;
    this.#raw = raw;
  }

  add(event: ObservedEvent): void {
    if (this.#connection.unsentBytes > MAX_UNSENT_BYTES) {
      this.#dropped++;
      return;
    }
    const head = { version: CONTROL_VERSION, ...(this.#id !== undefined && { id: this.#id }) };
    if (this.#dropped > 0) {
      this.#connection.send(encodeLine({ ...head, dropped: this.#dropped }));
      this.#dropped = 0;
    }
    this.#connection.send(
      encodeLine({ ...head, event: eventForPrograms(event), ...(this.#raw && { raw: true as const }) }),
    );
  }
}
