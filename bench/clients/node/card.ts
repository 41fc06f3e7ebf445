// SPDX-License-Identifier: MIT

/** What bench/clients.ts has each client do, in the way that the client's own documentation shows. */
export interface BenchCard {
  transmit(command: Uint8Array): Promise<Uint8Array>;
  /** Opens so many waits for a change of the reader, each as if it were another part of the program. */
  wait(count: number): Promise<void>;
}

/** Connects to the card in a reader over T=1, with nothing done before. */
export type Open = (reader: string) => Promise<BenchCard>;
