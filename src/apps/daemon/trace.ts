// SPDX-License-Identifier: MIT

import { filterEvents, type Observer } from "../../observe/calls/index.ts";
import type { PeerCredentials } from "../../platform/node/unix/index.ts";
import { SmartCardError } from "../../port/index.ts";
import type { ControlCommand } from "./control-messages.ts";
import { ControlStream } from "./control-server.ts";
import { EventLines } from "./event-lines.ts";

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
    const stop = observer.listenLater(
      (event) => {
        if (isWanted(event)) lines.add(event);
      },
      { raw, dropped: () => lines.dropped(), done: () => lines.send() },
    );
    return {
      drained: () => lines.send(),
      end: () => {
        stop();
        lines.clear();
      },
    };
  });
}

function maySeeRaw(credentials: PeerCredentials | undefined, ownUid: number | undefined): boolean {
  return credentials !== undefined && (credentials.uid === ROOT || credentials.uid === ownUid);
}
