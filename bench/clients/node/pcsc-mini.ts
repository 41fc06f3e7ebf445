// SPDX-License-Identifier: MIT

import type { EventEmitter } from "node:events";
import { requireAddon } from "./addons.ts";
import type { Open } from "./card.ts";

interface Reader extends EventEmitter {
  name(): string;
  connect(mode: number, protocol: number): Promise<{ transmit(command: Uint8Array): Promise<Uint8Array> }>;
}

interface Package {
  readonly Client: new () => EventEmitter & { start(): void };
  readonly CardMode: { readonly SHARED: number };
  readonly Protocol: { readonly T1: number };
  readonly ReaderStatus: { readonly PRESENT: number };
}

interface Status {
  has(...flags: readonly number[]): boolean;
}

/** Unreferenced objects are garbage-collected, and released. */
const held: EventEmitter[] = [];

/** It has no other way to a reader than its events. */
function findCard({ Client, ReaderStatus }: Package, name: string): Promise<Reader> {
  return new Promise((resolve, reject) => {
    const client = new Client();
    held.push(client);
    client.on("error", reject).on("reader", (reader: Reader) => {
      if (reader.name() !== name) return;
      reader.on("change", (status: Status) => {
        if (status.has(ReaderStatus.PRESENT)) resolve(reader);
      });
    });
    client.start();
  });
}

export const open: Open = async (name) => {
  const pcsc: Package = requireAddon("pcsc-mini");
  const reader = await findCard(pcsc, name);
  const card = await reader.connect(pcsc.CardMode.SHARED, pcsc.Protocol.T1);
  return {
    transmit: (command) => card.transmit(command),
    async wait(count) {
      for (let at = 0; at < count; at++) await findCard(pcsc, name);
    },
  };
};
