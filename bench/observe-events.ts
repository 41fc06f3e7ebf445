// SPDX-License-Identifier: MIT

// What the events of a trace cost in the daemon, behind the answers: a command redacted and named, and its line written.
// Each figure has the call and what is done behind it. `npm run bench -- observe-events` prints it; nothing is asserted.

import { performance } from "node:perf_hooks";
import { EventLines } from "../src/apps/daemon/event-lines.ts";
import { hexBytes } from "../src/base/binary/index.ts";
import { VirtualReader } from "../src/entry/cards.ts";
import { EmbeddedManager } from "../src/managers/embedded/index.ts";
import { type ObservedEvent, Observer } from "../src/observe/calls/index.ts";
import { nodeRuntime } from "../src/platform/node/runtime/index.ts";

const CALLS = 20_480;
/** With so many events an observer begins to tell them. */
const BATCH = 1024;
const runtime = nodeRuntime();
const observer = new Observer({ runtime });
const manager = new EmbeddedManager({ runtime });
const reader = new VirtualReader({ name: "Reader", clock: runtime.clock });
await manager.addReader(reader);
reader.insert({
  reset: () => hexBytes("3B80018101"),
  powerOff: () => {},
  process: () => hexBytes("00112233445566778899AABBCCDDEEFF9000"),
});
const identity = { name: "bench", pid: 1, uid: 0 };
const context = await observer.observe(manager.client(identity), identity).establishContext();
await new Promise((resolve) => setTimeout(resolve, 100));
const connection = await context.connect("Reader", { shareMode: "shared", preferredProtocols: ["t1"] });
const command = hexBytes("00A4040005A00000030800");

let told = (): void => {};

/** So many calls at once, with a wait for what is done behind them. */
async function batch(isTraced: boolean): Promise<void> {
  const done = new Promise<void>((resolve) => {
    told = resolve;
  });
  for (let call = 0; call < BATCH; call++) await connection.transmit(command);
  if (isTraced) await done;
}

async function measure(what: string, isTraced: boolean): Promise<void> {
  for (let round = 0; round < 3; round++) {
    const begun = performance.now();
    for (let call = 0; call < CALLS; call += BATCH) await batch(isTraced);
    const us = ((performance.now() - begun) / CALLS) * 1000;
    if (round === 2) console.log(`${what}: ${us.toFixed(1)} µs a call`);
  }
}

await measure("no listener", false);
const outcomes = observer.listenToOutcomes(() => {});
await measure("who counts", false);
outcomes();
const stopEmpty = observer.listenLater(() => {}, { done: () => told() });
await measure("a trace, without its lines", true);
stopEmpty();
const lines = new EventLines({ unsentBytes: 0, send: (_, done) => done?.() }, undefined, false);
const stop = observer.listenLater((event: ObservedEvent) => lines.add(event), {
  done: () => {
    lines.send();
    told();
  },
});
await measure("a trace", true);
stop();
process.exit(0);
