// SPDX-License-Identifier: MIT

// What the bridge costs a page: a command from a page of headless Chromium through the bridge to a software card, beside a bare echo over a
// WebSocket of the same page and program, by turns in one run. Needs chromium-headless-shell (scripts/setup-peers.sh) and a build.
// `npm run bench -- bridge` prints it; `--json` also writes it to bench/results/bridge.json, and `--quick` only tries the bench.

import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { availableParallelism } from "node:os";
import { chromium } from "playwright-core";
import { WebSocketServer } from "ws";
import { type SoftwareCard, VirtualReader } from "../src/entry/cards.ts";
import { type BridgePairing, BridgeService } from "../src/faces/bridge-server/index.ts";
import { EmbeddedManager } from "../src/managers/embedded/index.ts";
import { bridgeCrypto, listenBridge } from "../src/platform/node/bridge/index.ts";
import { nodeRuntime } from "../src/platform/node/runtime/index.ts";

const isQuick = process.argv.includes("--quick");
const WARM_UPS = isQuick ? 50 : 2000;
const ROUNDS = isQuick ? 2 : 20;
const SAMPLES_PER_ROUND = isQuick ? 100 : 500;
/** Bytes of a message of the bridge that asks for 16 bytes of a card, and of the one that brings them. */
const ECHO_BYTES = 24;

/** Answers 16 bytes and 9000 to everything, at once. */
const card: SoftwareCard = {
  reset: () => Uint8Array.of(0x3b, 0x81, 0x80, 0x01, 0x80, 0x80),
  powerOff() {},
  process() {
    const answer = new Uint8Array(18);
    answer[16] = 0x90;
    return answer;
  },
};

const parts = new Map(
  ["bridge", "bridge-pairing"].map((name) => [`/${name}.js`, readFileSync(`dist/bundle/page/${name}.js`)]),
);
const site = createServer((request, response) => {
  const part = parts.get(request.url ?? "");
  response.setHeader("content-type", part === undefined ? "text/html" : "text/javascript");
  response.end(part ?? "<!doctype html><title>bench</title>");
});
site.listen(0, "127.0.0.1");
await once(site, "listening");
const ORIGIN = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;

const echo = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
await once(echo, "listening");
echo.on("connection", (socket) => socket.on("message", (data) => socket.send(data)));

const runtime = nodeRuntime();
const manager = new EmbeddedManager({ runtime });
const reader = new VirtualReader({ clock: runtime.clock });
reader.insert(card);
await manager.addReader(reader);
let code = "";
let pairings: readonly BridgePairing[] = [];
const service = new BridgeService({
  manager: manager.client({ name: "bridge" }),
  clock: runtime.clock,
  random: runtime.random,
  origins: {
    all: () => [{ origin: ORIGIN, pairings }],
    remember: async (_, pairing) => {
      pairings = [...pairings, pairing];
    },
  },
  crypto: bridgeCrypto,
  notice: (notice) => {
    if (notice.kind === "pairing-code") code = notice.code;
  },
});
const listener = await listenBridge({ port: 0, service });

/** Runs in the page. Times are in milliseconds, of calls one after the other. */
const script = `(async ({ bridge, echo, warmUps, rounds, samples, bytes }) => {
  const { bridgedSmartCard } = await import("/bridge.js");
  const context = await bridgedSmartCard({ url: bridge }).establishContext();
  const [reader] = await context.listReaders();
  const { connection } = await context.connect(reader, "shared", { preferredProtocols: ["t1"] });
  const command = Uint8Array.of(0x00, 0xb0, 0x00, 0x00, 0x10);
  const socket = new WebSocket(echo);
  socket.binaryType = "arraybuffer";
  await new Promise((resolve) => { socket.onopen = resolve; });
  const message = new Uint8Array(bytes);
  const echoed = () => new Promise((resolve) => { socket.onmessage = resolve; socket.send(message); });
  const calls = { echo: echoed, transmit: () => connection.transmit(command) };
  const times = { echo: [], transmit: [] };
  for (let done = 0; done < warmUps; done++) { await calls.echo(); await calls.transmit(); }
  for (let round = 0; round < rounds; round++) {
    for (const name of ["echo", "transmit"]) {
      const begin = performance.now();
      for (let done = 0; done < samples; done++) await calls[name]();
      times[name].push((performance.now() - begin) / samples);
    }
  }
  return times;
})`;

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium-headless-shell", chromiumSandbox: false });
let times: { readonly echo: readonly number[]; readonly transmit: readonly number[] };
try {
  const page = await browser.newPage();
  page.on("dialog", (dialog) => void dialog.accept(code));
  await page.goto(`${ORIGIN}/`);
  const terms = {
    bridge: `ws://127.0.0.1:${listener.port}`,
    echo: `ws://127.0.0.1:${(echo.address() as AddressInfo).port}`,
    ...{ warmUps: WARM_UPS, rounds: ROUNDS, samples: SAMPLES_PER_ROUND, bytes: ECHO_BYTES },
  };
  times = await page.evaluate(`${script}(${JSON.stringify(terms)})`);
} finally {
  await browser.close();
  await service.close();
  await listener.close();
  await manager.close();
  echo.close();
  site.close();
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

const ratios = times.transmit.map((ms, round) => ms / (times.echo[round] ?? Number.NaN));
const result = {
  node: process.version,
  processors: availableParallelism(),
  rounds: ROUNDS,
  samplesPerRound: SAMPLES_PER_ROUND,
  echoMs: { median: median(times.echo), rounds: times.echo },
  transmitMs: { median: median(times.transmit), rounds: times.transmit },
  ratio: { median: median(ratios), rounds: ratios },
};
console.log(`a bare echo over a WebSocket                 ${result.echoMs.median.toFixed(3)} ms`);
console.log(`transmit: page, bridge, software card        ${result.transmitMs.median.toFixed(3)} ms`);
console.log(`ratio, the median of ${ROUNDS} rounds by turns       ${result.ratio.median.toFixed(2)}`);
if (process.argv.includes("--json")) {
  mkdirSync("bench/results", { recursive: true });
  writeFileSync("bench/results/bridge.json", `${JSON.stringify(result, undefined, 2)}\n`);
}
