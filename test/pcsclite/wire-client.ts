// SPDX-License-Identifier: MIT

import { concatBytes } from "../../src/base/binary/index.ts";
import type { PcscliteServer, ServerSession } from "../../src/faces/pcsclite-server/index.ts";
import type { ClientIdentity } from "../../src/port/index.ts";
import { encodeRequest, type Request } from "../../src/wire/pcsclite/index.ts";

/** A client of the server that writes requests and reads numbers: it believes nothing that a library would. */
export class WireClient {
  readonly session: ServerSession;
  /** What the server has sent and was not taken yet. */
  #received: Uint8Array = new Uint8Array();
  closedWith: string | undefined;
  paused = false;

  constructor(
    server: PcscliteServer,
    identity: ClientIdentity,
    terms: { readonly admitted?: boolean; readonly mayUse?: (reader: string) => boolean } = {},
  ) {
    this.session = server.accept({
      identity,
      admitted: terms.admitted ?? true,
      mayUse: terms.mayUse ?? (() => true),
      send: (bytes) => {
        this.#received = concatBytes(this.#received, bytes);
      },
      close: (reason) => {
        this.closedWith = reason;
      },
      pause: () => {
        this.paused = true;
      },
      resume: () => {
        this.paused = false;
      },
    });
  }

  ask(request: Request): void {
    this.session.received(encodeRequest(request));
  }

  /** Everything that has arrived since the last time. */
  take(): Uint8Array {
    const taken = this.#received;
    this.#received = new Uint8Array();
    return taken;
  }
}

/** The little-endian number at an offset, counted from the end where it is negative. */
export function u32(bytes: Uint8Array, offset: number): number {
  const at = offset < 0 ? bytes.length + offset : offset;
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true);
}
