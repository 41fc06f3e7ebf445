// SPDX-License-Identifier: MIT

// The conformance suite on the system's own manager, in a program for Windows. The test moves card and reader, which it
// asks for through the DLL. It prints what came of each behaviour, as JSON.

import { env } from "node:process";
import { pathToFileURL } from "node:url";

const from = (room) => import(pathToFileURL(`${env.SCARD_TEST_DIST}/${room}/index.js`).href);
const { loadKoffi } = await from("platform/node/koffi");
const { openSystemManager } = await from("platform/node/system");
const { nodeRuntime } = await from("platform/node/runtime");
const { abilities, behaviours, runConformance } = await from("testing/conformance");

const runtime = nodeRuntime();
const testMove = loadKoffi().load(env.SCARD_TEST_LIBRARY).func("TestMove", "int32_t", ["void *"]);
const move = (name) =>
  new Promise((resolve, reject) => {
    const text = Buffer.from(`${name}\0`, "utf16le");
    testMove.async(text, (error, code) => (error === null && code === 0 ? resolve(text) : reject(error ?? code)));
  });
// A release does not wait long for calls that do not return, and a wait in the library ends by a change, or by a cancel.
const options = { runtime, library: env.SCARD_TEST_LIBRARY, limits: { partingMs: 200, blockMs: 3_600_000 } };
const stage = {
  clock: runtime.clock,
  reader: env.SCARD_TEST_READER,
  manager: await openSystemManager(options),
  other: await openSystemManager(options),
  abilities: new Set(Object.keys(abilities)),
  watchMs: 100,
  removeCard: () => move("removeCard"),
  insertCard: () => move("insertCard"),
  insertSilentCard: () => move("insertSilentCard"),
  unplugReader: () => move("unplugReader"),
  plugReader: () => move("plugReader"),
};
const key = "system-windows";
const named = env.SCARD_TEST_BEHAVIOURS.split(" ");
const chosen = behaviours.filter(({ id }) => named.includes(id));
const results = await runConformance(stage, { manager: key, behaviours: chosen });
// A busy machine can make an answer seem a wait, and a wait seem one without end: what is off is looked at again, with
// more time.
const patient = { ...stage, watchMs: 3_000, endsMs: 20_000 };
for (const [index, { behaviour, judgement, kind }] of results.entries()) {
  if (kind === "played" && judgement.problems.length === 0) continue;
  [results[index]] = await runConformance(patient, { manager: key, behaviours: [behaviour] });
}
// A wait that is given up leaves no call in the library behind it: it would keep a thread, and the process.
const context = await stage.manager.establishContext();
const givenUp = new AbortController();
const [{ eventCount, flags }] = await context.getStatusChange([{ reader: stage.reader }]);
const waiting = context.getStatusChange([{ reader: stage.reader, eventCount, flags }], { signal: givenUp.signal });
waiting.catch(() => {});
await move("aWait");
givenUp.abort();
await move("noWait");
// More readers than one call of the library takes are asked for in parts.
await move("moreReaders");
const names = await context.listReaders();
const states = await context.getStatusChange(names.map((reader) => ({ reader })));
if (states.length !== 13 || states.some(({ flags }) => flags.unknown)) throw new Error(JSON.stringify(states));
await context.release();
// What was opened is closed, by all that was played.
await move("nothingOpen");
console.log(JSON.stringify(results));
