// SPDX-License-Identifier: MIT

import type { ResourceManager } from "../../../src/port/index.ts";
import type { BenchCard } from "./card.ts";

/** Either of our managers: they have one interface. */
export async function openPort(manager: ResourceManager, reader: string): Promise<BenchCard> {
  const context = await manager.establishContext();
  const connection = await context.connect(reader, { shareMode: "shared", preferredProtocols: ["t1"] });
  return {
    transmit: (command) => connection.transmit(command, { protocol: "t1" }),
    async wait(count) {
      for (let at = 0; at < count; at++) {
        const other = await manager.establishContext();
        const now = await other.getStatusChange([{ reader }]);
        // The end of the process is the end of the wait.
        other.getStatusChange(now).catch(() => {});
      }
    },
  };
}
