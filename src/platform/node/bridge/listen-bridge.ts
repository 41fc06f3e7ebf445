// SPDX-License-Identifier: MIT

import { MAX_BRIDGE_MESSAGE_BYTES } from "../../../wire/bridge/index.ts";
import { type ListenPagesOptions, listenPages, type PagesListener } from "../pages/index.ts";

/**
 * Listens for the pages of a bridge.
 *
 * @throws reader-unavailable (the port is taken), no-access (a port below 1024), comm-error
 */
export function listenBridge(options: Pick<ListenPagesOptions, "answer" | "port" | "service">): Promise<PagesListener> {
  return listenPages({
    ...options,
    name: "bridge",
    maxMessageBytes: MAX_BRIDGE_MESSAGE_BYTES,
    taken: "another bridge may run already; else choose another port with --port, and name it in the page",
  });
}
