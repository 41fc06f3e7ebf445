// SPDX-License-Identifier: MIT

// Loaded before a program of another project (`node --import`): gives the compatibility faces a manager with one
// contactless reader and a Type 2 tag, or the card that CARD names. Lines of input are the hand: "insert", "remove", "unplug"; "memory" shows the tag's
// memory. Nothing here keeps the program alive.

import { register } from "node:module";
import { createInterface } from "node:readline";
import { MifareClassicCard, Type2Tag, VirtualReader } from "scard/cards";
import { provideManager } from "scard/compat/pcsclite";
import { EmbeddedManager, nodeRuntime } from "scard/embedded";

const runtime = nodeRuntime();
const manager = new EmbeddedManager({ runtime });
const uid = Uint8Array.of(0x04, 0xa2, 0x3b, 0x7a, 0x11, 0x22, 0x80);
const cards = {
  ultralight: () => new Type2Tag({ uid }),
  ntag215: () => new Type2Tag({ uid, product: "ntag215" }),
  "mifare-classic": () => new MifareClassicCard(),
};
const tag = cards[process.env.CARD ?? "ultralight"]();
const reader = new VirtualReader({ name: "ACS ACR122U PICC Interface", protocols: ["t1"], clock: runtime.clock });
if (process.env.TAG === "inserted") reader.insert(tag);
await manager.addReader(reader);
provideManager(manager);

const hand = {
  insert: () => reader.insert(tag),
  remove: () => reader.remove(),
  unplug: () => reader.unplug(),
  memory: () => console.log(`memory ${Buffer.from(tag.memory).toString("hex")}`),
};
createInterface({ input: process.stdin }).on("line", (line) => hand[line]());
process.stdin.unref();

register("./nfc-hooks.mjs", import.meta.url);
