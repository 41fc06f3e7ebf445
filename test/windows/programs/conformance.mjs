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
// A release does not wait long for calls that do not return.
const options = { runtime, library: env.SCARD_TEST_LIBRARY, limits: { partingMs: 200 } };
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
const idle = "transaction-idle";
const chosen = behaviours.filter(({ id }) => (id === idle) === (env.SCARD_TEST_BEHAVIOURS === idle));
const results = await runConformance(stage, { manager: key, behaviours: chosen });
// A busy machine can make an answer seem a wait, and a wait seem one without end: what is off is looked at again, with
// more time.
const patient = { ...stage, watchMs: 3_000, endsMs: 20_000 };
for (const [index, { behaviour, judgement, kind }] of results.entries()) {
  if (kind === "played" && judgement.problems.length === 0) continue;
  [results[index]] = await runConformance(patient, { manager: key, behaviours: [behaviour] });
}
console.log(JSON.stringify(results));
