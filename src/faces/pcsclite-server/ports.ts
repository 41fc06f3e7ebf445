// SPDX-License-Identifier: MIT

import type { ClientIdentity, Holder, ReaderTable, ResourceManager } from "../../port/index.ts";

/** A program's standing with the manager: what the server needs of one. */
export interface ServerClient extends ResourceManager {
  /** The program is gone. Never rejects. */
  end(): Promise<void>;
}

/** The manager behind a server. */
export interface ServerManager extends ReaderTable {
  /** The holder of the reader of that name; undefined without a holder or without such a reader. */
  holderOf(reader: string): Holder | undefined;
  client(identity: ClientIdentity): ServerClient;
}

/** One entry of the server's log: plain data, with no APDU in it. */
export interface ServerLogEntry {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly client?: ClientIdentity;
  readonly [detail: string]: unknown;
}

/** A client at the other end of a byte pipe. Who it is and whether it is admitted is asked when it wants a context. */
export interface ServerPeer {
  readonly identity: ClientIdentity;
  /** False for a client that may not use the service at all: it gets the refusal and is disconnected. */
  readonly admitted: boolean;
  /** Whether the client may use the reader of that name. */
  mayUse(reader: string): boolean;
  send(bytes: Uint8Array): void;
  /** Bytes that were sent and that the client's system has not taken: while there are any, nothing is answered. None where it is left out. */
  readonly unsentBytes?: number;
  /** Ends the connection when what was sent has gone out, or at once. */
  close(reason: string, how?: { readonly atOnce: boolean }): void;
  /** The client has sent more than it is due: nothing more is to be read from it for now. */
  pause(): void;
  resume(): void;
}
