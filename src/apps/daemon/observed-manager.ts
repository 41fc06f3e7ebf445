// SPDX-License-Identifier: MIT

import type { ServerManager } from "../../faces/pcsclite-server/index.ts";
import type { Observer } from "../../observe/calls/index.ts";

/** The manager of the daemon with an observer in front of each client of it. */
export function observedManager(manager: ServerManager, observer: Observer): ServerManager {
  return {
    readers: () => manager.readers(),
    get readerEvents() {
      return manager.readerEvents;
    },
    watchReaders: (changed) => manager.watchReaders(changed),
    holderOf: (reader) => manager.holderOf(reader),
    client: (identity) => observer.observe(manager.client(identity), identity),
  };
}
