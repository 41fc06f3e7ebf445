// SPDX-License-Identifier: MIT

import { nodeClock } from "../../src/platform/node/runtime/index.ts";
import { RawClient } from "./raw-client.ts";

/** Between two calls, in milliseconds. */
const PAUSE_MS = 2;

/** How long calls took, in milliseconds. */
export interface Latencies {
  readonly calls: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** Calls that the service did not answer, or ended the connection at. */
  readonly failed: number;
}

/** A client that does as the library does: it asks one thing at a time, and reads what it is answered. */
export class HonestClient {
  readonly #socket: string;
  readonly #tableBytes: number;
  readonly #times: number[] = [];
  #failed = 0;
  #client: RawClient | undefined;

  constructor(socket: string, tableBytes: number) {
    this.#socket = socket;
    this.#tableBytes = tableBytes;
  }

  /** How its calls went since this was asked last. */
  take(): Latencies {
    const sorted = this.#times.splice(0).sort((a, b) => a - b);
    const at = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
    const failed = this.#failed;
    this.#failed = 0;
    return { calls: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1), failed };
  }

  /** Asks for the reader table. */
  look(): Promise<void> {
    return this.#timed(async () => {
      this.#client ??= await RawClient.open(this.#socket);
      this.#client.send({ kind: "reader-table" });
      await this.#client.read(this.#tableBytes);
    });
  }

  /** Comes with a connection of its own, has a context, and goes. */
  visit(): Promise<void> {
    return this.#timed(async () => {
      const client = await RawClient.open(this.#socket);
      try {
        const context = await client.establish();
        if (context === 0) throw new Error("there is no context to be had");
        await client.ask({ kind: "release-context", context });
      } finally {
        client.close();
      }
    });
  }

  async #timed(call: () => Promise<void>): Promise<void> {
    const began = nodeClock.now();
    try {
      await call();
    } catch {
      this.#failed++;
      this.#client = undefined;
    }
    this.#times.push(nodeClock.now() - began);
  }
}

/** How calls went: to the service, and those made between them to a service that is not attacked. */
export interface Account {
  readonly service: Latencies;
  readonly control: Latencies;
}

/** Makes calls to both in turn, for so long. Every tenth call is a new connection with a context of its own. */
export async function callBoth(service: HonestClient, control: HonestClient, forMs: number): Promise<Account> {
  const until = nodeClock.now() + forMs;
  for (let count = 0; nodeClock.now() < until; count++) {
    for (const one of [service, control]) await (count % 10 === 0 ? one.visit() : one.look());
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  return { service: service.take(), control: control.take() };
}
