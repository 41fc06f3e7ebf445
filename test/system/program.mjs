// SPDX-License-Identifier: MIT

// A program that uses the system's library, for tests of how one ends: it is told what to do by its argument, says when
// it has done that, and exits when its input ends.

import { once } from "node:events";
import { nodeRuntime } from "../../dist/platform/node/runtime/index.js";
import { openSystemManager } from "../../dist/platform/node/system/index.js";

const shared = { shareMode: "shared", preferredProtocols: ["t0", "t1"] };
const manager = await openSystemManager({ runtime: nodeRuntime() });
const context = await manager.establishContext();
const [reader] = await context.listReaders();

const tasks = {
  /** Waits for a change that does not come. */
  async watch() {
    const [{ eventCount, flags }] = await context.getStatusChange([{ reader }]);
    context.getStatusChange([{ reader, flags, eventCount }]).catch(() => {});
  },
  /** Has a transaction, for which a connect of its own waits in the library. */
  async hold() {
    const connection = await context.connect(reader, shared);
    await connection.beginTransaction();
    context.connect(reader, shared).catch(() => {});
  },
  /** Has a connection, and a transaction that it forgets. */
  async forget() {
    const connection = await context.connect(reader, shared);
    await connection.beginTransaction();
  },
  /** Puts everything away, and ends by itself. */
  async end() {
    const connection = await context.connect(reader, shared);
    await connection.beginTransaction();
    await context.getStatusChange([{ reader }]);
    const waiting = context.getStatusChange([{ reader, flags: { present: true } }]);
    waiting.catch(() => {});
    await context.release();
  },
};

const task = process.argv[2];
await tasks[task]();
console.log("done");
if (task !== "end") {
  await once(process.stdin.resume(), "end");
  process.exit(0);
}
