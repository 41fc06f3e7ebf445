// SPDX-License-Identifier: MIT

import { open } from "node:fs/promises";
import { endianness } from "node:os";
import { type Ends, keysOfPeer, type SocketKey, type SocketTable, SocketTableScan } from "./socket-table.ts";

/** How the text of a table is read, in pieces. */
export type ReadTable = (table: SocketTable) => AsyncIterable<string>;

/** What is known of a peer: its user, or why that is not known. */
export type PeerUser = { readonly uid: number } | { readonly reason: string };

/** The kernel may leave a line out while sockets come and go, so a table is read again before a socket is given up. */
const ATTEMPTS = 3;

/** So many connections at once may wait for their look. */
const MAX_WAITING = 256;

/** Longest table that is read: 400,000 sockets. */
const MAX_TABLE_BYTES = 64 * 1024 * 1024;

const PIECE_BYTES = 65_536;

interface Waiting {
  readonly keys: readonly (readonly [SocketTable, SocketKey])[];
  settle(user: PeerUser): void;
}

/**
 * Tells which user of this machine is at the other end of a TCP connection over loopback, from the kernel's table of sockets
 * (proc_pid_net(5)). One reading serves all who ask meanwhile, and none that began before the question counts.
 *
 * Portability: Linux.
 */
export class PeerUsers {
  readonly #read: ReadTable;
  readonly #littleEndian: boolean;
  #waiting: Waiting[] = [];
  #looking = false;

  constructor(read: ReadTable = readTable, littleEndian: boolean = endianness() === "LE") {
    this.#read = read;
    this.#littleEndian = littleEndian;
  }

  /** Never rejects. @param ends the connection as this end sees it */
  userOf(ends: Ends): Promise<PeerUser> {
    const keys = keysOfPeer(ends, this.#littleEndian);
    if (keys.length === 0) return Promise.resolve({ reason: "its address is of no known kind" });
    if (this.#waiting.length >= MAX_WAITING) {
      return Promise.resolve({ reason: `${MAX_WAITING} other connections wait to be looked up` });
    }
    return new Promise((settle) => {
      this.#waiting.push({ keys, settle });
      if (!this.#looking) void this.#look();
    });
  }

  async #look(): Promise<void> {
    this.#looking = true;
    while (this.#waiting.length > 0) {
      const asking = this.#waiting;
      this.#waiting = [];
      await this.#answer(asking);
    }
    this.#looking = false;
  }

  async #answer(asking: readonly Waiting[]): Promise<void> {
    let left = asking;
    let reason = "the system's table of sockets has no process at its other end";
    for (let attempt = 1; attempt <= ATTEMPTS && left.length > 0; attempt++) {
      for (const table of ["tcp", "tcp6"] as const) {
        try {
          left = await this.#scan(table, left);
        } catch (error) {
          // A system without IPv6 has no tcp6.
          if (table === "tcp") reason = error instanceof Error ? error.message : String(error);
        }
      }
    }
    for (const { settle } of left) settle({ reason });
  }

  /** Answers those whose peer is in a table; the others are left. */
  async #scan(table: SocketTable, asking: readonly Waiting[]): Promise<readonly Waiting[]> {
    const keysIn = ({ keys }: Waiting): SocketKey[] => keys.flatMap(([where, key]) => (where === table ? [key] : []));
    const wanted = new Set(asking.flatMap(keysIn));
    if (wanted.size === 0) return asking;
    const scan = new SocketTableScan(wanted);
    for await (const piece of this.#read(table)) scan.read(piece);
    return asking.filter((one) => {
      const uid = keysIn(one)
        .map((key) => scan.userOf(key))
        .find((user) => user !== undefined);
      if (uid !== undefined) one.settle({ uid });
      return uid === undefined;
    });
  }
}

/** Reads the table of this process' network namespace. @throws what the system says, and an Error for one that is too long */
async function* readTable(table: SocketTable): AsyncGenerator<string> {
  const path = `/proc/self/net/${table}`;
  const file = await open(path, "r");
  try {
    const bytes = new Uint8Array(PIECE_BYTES);
    for (let total = 0; total <= MAX_TABLE_BYTES; ) {
      const { bytesRead } = await file.read(bytes, 0, bytes.length);
      if (bytesRead === 0) return;
      total += bytesRead;
      // All of it is ASCII.
      yield Buffer.from(bytes.buffer, 0, bytesRead).toString("latin1");
    }
    throw new Error(`${path} is longer than ${MAX_TABLE_BYTES} bytes`);
  } finally {
    await file.close();
  }
}
