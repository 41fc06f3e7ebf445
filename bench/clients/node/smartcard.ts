// SPDX-License-Identifier: MIT

import { requireAddon } from "./addons.ts";
import type { Open } from "./card.ts";

interface Card {
  transmit(command: Buffer): Promise<Buffer>;
}

interface Reader {
  readonly name: string;
  connect(shareMode: number, protocol: number): Promise<Card>;
}

interface Package {
  readonly Context: new () => { listReaders(): Reader[] };
  readonly ReaderMonitor: new () => { start(callback: (event: { readonly reader: string }) => void): void };
  readonly SCARD_SHARE_SHARED: number;
  readonly SCARD_PROTOCOL_T1: number;
}

const held: unknown[] = [];

export const open: Open = async (name) => {
  const smartcard: Package = requireAddon("smartcard");
  const context = new smartcard.Context();
  const reader = context.listReaders().find((found) => found.name === name);
  if (reader === undefined) throw new Error(`there is no reader ${name}`);
  const card = await reader.connect(smartcard.SCARD_SHARE_SHARED, smartcard.SCARD_PROTOCOL_T1);
  // Unreferenced objects are garbage-collected, and released with everything made from them.
  held.push(context);
  return {
    transmit: (command) => card.transmit(Buffer.from(command.buffer, command.byteOffset, command.length)),
    async wait(count) {
      // A monitor has a thread of its own. `Context.waitForChange` takes one of Node's four: the fifth would not begin.
      for (let at = 0; at < count; at++) {
        const monitor = new smartcard.ReaderMonitor();
        held.push(monitor);
        monitor.start(() => {});
      }
    },
  };
};
