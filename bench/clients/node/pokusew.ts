// SPDX-License-Identifier: MIT

import type { EventEmitter } from "node:events";
import { requireAddon } from "./addons.ts";
import type { Open } from "./card.ts";

interface Reader extends EventEmitter {
  readonly name: string;
  readonly SCARD_SHARE_SHARED: number;
  readonly SCARD_PROTOCOL_T1: number;
  readonly SCARD_STATE_PRESENT: number;
  connect(
    options: { readonly share_mode: number; readonly protocol: number },
    done: (error: unknown, protocol: number) => void,
  ): void;
  transmit(
    command: Buffer,
    answerLength: number,
    protocol: number,
    done: (error: unknown, answer: Buffer) => void,
  ): void;
}

/** Unreferenced objects are garbage-collected, and released. */
const held: EventEmitter[] = [];

/** It has no other way to a reader than its events. A thread watches the list, and one each reader. */
export const open: Open = async (name) => {
  const pcsclite: () => EventEmitter = requireAddon("@pokusew/pcsclite");
  const openOne = (): EventEmitter => {
    const one = pcsclite();
    held.push(one);
    return one;
  };
  const reader = await new Promise<Reader>((resolve, reject) => {
    openOne()
      .on("error", reject)
      .on("reader", (found: Reader) => {
        found.on("error", reject);
        if (found.name !== name) return;
        found.on("status", ({ state }: { readonly state: number }) => {
          if (state & found.SCARD_STATE_PRESENT) resolve(found);
        });
      });
  });
  const protocol = await new Promise<number>((resolve, reject) => {
    const options = { share_mode: reader.SCARD_SHARE_SHARED, protocol: reader.SCARD_PROTOCOL_T1 };
    reader.connect(options, (error, agreed) => (error ? reject(error) : resolve(agreed)));
  });
  return {
    transmit: (command) =>
      new Promise((resolve, reject) => {
        const bytes = Buffer.from(command.buffer, command.byteOffset, command.length);
        reader.transmit(bytes, 258, protocol, (error, answer) => (error ? reject(error) : resolve(answer)));
      }),
    async wait(count) {
      for (let at = 0; at < count; at++) {
        await new Promise<void>((resolve, reject) => {
          openOne()
            .on("error", reject)
            .on("reader", (found: Reader) => {
              found.on("error", reject);
              if (found.name === name) found.on("status", () => resolve());
            });
        });
      }
    },
  };
};
