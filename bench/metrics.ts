// SPDX-License-Identifier: MIT

// What a scrape of the metrics costs with 1,000 readers, all of which or a tenth of which were used since the last one, and what an event costs.
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

for (const used of [READERS, READERS / 10]) {
  const times: number[] = [];
  let bytes = 0;
  for (let scrape = 0; scrape < SCRAPES; scrape++) {
    const at = performance.now();
    bytes = Buffer.byteLength(metrics.text({ clients: 50, readers: READERS }));
    times.push(performance.now() - at);
    for (const call of calls.slice(0, used)) metrics.observed(call);
  }
  times.sort((one, other) => one - other);
  const [best = 0, median = 0] = [times[0], times[SCRAPES / 2]];
  console.log(
    `a scrape of ${READERS} readers, ${used} of them used, ${(bytes / 1e6).toFixed(2)} MB: median ${median.toFixed(2)} ms, best ${best.toFixed(2)} ms`,
  );
}
console.log(`an event: ${eventNs.toFixed(0)} ns`);
