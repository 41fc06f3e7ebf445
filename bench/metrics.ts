// SPDX-License-Identifier: MIT

// What a scrape of the metrics costs with 1,000 readers, and what an event costs.
// `npm run bench -- metrics` prints it; nothing is asserted.

import { performance } from "node:perf_hooks";
import { Metrics } from "../src/observe/metrics/index.ts";
import { observedCall, observedExchange } from "../test/observe/events.ts";

const READERS = 1000;
const SCRAPES = 200;
const EVENTS_EACH = 50;

const metrics = new Metrics();
const exchange = observedExchange({ name: "READ BINARY" });
const calls = Array.from({ length: READERS }, (_, number) =>
  observedCall({
    operation: "transmit",
    reader: `Reader number ${number} 00 00`,
    connection: number,
    exchange,
    waitedMs: 0.5,
  }),
);

const begun = performance.now();
for (let round = 0; round < EVENTS_EACH; round++) for (const call of calls) metrics.observed(call);
const eventNs = ((performance.now() - begun) / (READERS * EVENTS_EACH)) * 1e6;

const times: number[] = [];
let bytes = 0;
for (let scrape = 0; scrape < SCRAPES; scrape++) {
  const at = performance.now();
  bytes = Buffer.byteLength(metrics.text({ clients: 50, readers: READERS }));
  times.push(performance.now() - at);
  for (const call of calls) metrics.observed(call);
}
times.sort((one, other) => one - other);
const median = times[SCRAPES / 2] ?? 0;
const slowest = times.at(-1) ?? 0;
console.log(`an event: ${eventNs.toFixed(0)} ns`);
console.log(
  `a scrape of ${READERS} readers, ${(bytes / 1e6).toFixed(2)} MB: median ${median.toFixed(2)} ms, slowest ${slowest.toFixed(2)} ms`,
);
