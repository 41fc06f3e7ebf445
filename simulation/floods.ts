// SPDX-License-Identifier: MIT

import { concatBytes } from "../src/base/binary/index.ts";
import { encodeRequest } from "../src/wire/pcsclite/index.ts";
import type { ClientDeps } from "./simulated-client.ts";
import type { Wire } from "./wire.ts";

/** The target of a flood's first request, and its client. */
interface FloodTerms {
  readonly context: number;
  readonly reader: string;
}

/** The connections over which a program sends more than it may be ahead, where the limit is narrow. */
export class Floods {
  readonly #wires: Wire[] = [];
  /** Connections that were sent to, and how many bytes they are due. */
  #due: { readonly wire: Wire; readonly bytes: number }[] = [];

  add(wire: Wire): void {
    this.#wires.push(wire);
  }

  /** Sends many requests at once. The first is answered when the card is free, and by then the others are there. */
  pour(wire: Wire, terms: FloodTerms): void {
    const releases = Array.from({ length: 20 }, (_, number) =>
      encodeRequest({ kind: "release-context", context: number + 1 }),
    );
    const batch = concatBytes(...releases);
    const connect = encodeRequest({ kind: "connect", ...terms, shareMode: 2, preferredProtocols: 3 });
    const requests = [connect, batch, batch];
    // An answer is the request again, without its header of eight bytes.
    const bytes = requests.reduce((sum, { length }) => sum + length, 0) - 8 * (1 + 2 * releases.length);
    wire.expect(bytes);
    for (const request of requests) wire.raw(request);
    this.#due.push({ wire, bytes });
  }

  /** At rest all of a flood is answered, and a client that is not read from has a pending answer. */
  checkAtRest({ isAsking, moment }: ClientDeps): void {
    this.#due = this.#due.filter(({ wire }) => !wire.isOver());
    for (const { bytes, wire } of this.#due) {
      const { answered, toClient, toServer } = wire;
      if (toClient.isEmpty && toServer.isEmpty && !isAsking(wire.name) && answered() !== bytes)
        moment().violated(`${wire.name} was sent ${answered()} bytes, and is due ${bytes}`);
    }
    for (const wire of this.#wires) {
      if (wire.isPaused() && wire.toClient.isEmpty && !wire.isOver() && !isAsking(wire.name))
        moment().violated(`${wire.name} is not read from, and has no answer to wait for`);
    }
  }

  end(reason: string): void {
    for (const { cut } of this.#wires.splice(0)) cut(reason);
  }
}
