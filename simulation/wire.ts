// SPDX-License-Identifier: MIT

import { encodeHex } from "../src/base/binary/index.ts";
import type { PcscliteServer } from "../src/faces/pcsclite-server/index.ts";
import type { Runtime } from "../src/port/index.ts";
import { ClientSession, encodeRequest } from "../src/wire/pcsclite/index.ts";
import type { Dice } from "./dice.ts";
import { Pipe } from "./pipe.ts";
import type { Edition, PipePlan } from "./plan.ts";
import type { SharedReading } from "./shared-reading.ts";
import type { ClientDeps } from "./simulated-client.ts";

/** Requests that are not always answered: a wait since 4:6, and its end where the change is already on its way. */
const perhapsUnanswered = new Set(
  [encodeRequest({ kind: "wait-for-change" }), encodeRequest({ kind: "stop-waiting" })].map((bytes) =>
    encodeHex(bytes),
  ),
);

/** Options of a connection. */
export interface WireTerms {
  readonly runtime: Runtime;
  readonly server: () => PcscliteServer;
  readonly dice: Dice;
  readonly pipe: PipePlan;
  readonly clientDeps: ClientDeps;
  readonly seat: string;
  readonly edition: Edition;
  /** Bytes that a client may be ahead. */
  readonly aheadBytes: number;
  /** When the service reads from its clients; undefined where it reads as it comes. */
  readonly reading: SharedReading | undefined;
}

/** A connection to the service, seen from the program. */
export interface Wire {
  /** The client's identity for the service. */
  readonly name: string;
  readonly session: ClientSession;
  /** What the service sends, which the program may not read. */
  readonly toClient: Pipe;
  readonly toServer: Pipe;
  /** Sends bytes that no session has made. What is answered is counted, and not looked at. */
  raw(bytes: Uint8Array): void;
  /** How many bytes are due in answer to the raw ones: until they are sent, the program waits for the service. */
  expect(bytes: number): void;
  /** Bytes that came after the first raw ones were sent. */
  readonly answered: () => number;
  readonly isOver: () => boolean;
  /** Whether the service has asked not to be sent more for now. */
  readonly isPaused: () => boolean;
  /** Whether something has arrived that the service has not read, though it wants to read from the client. */
  readonly isUnread: () => boolean;
  /** Ends the connection at once, and drops bytes on their way. */
  cut(reason: string): void;
}

/** Opens a connection to the service that runs now. @param life tells the connections of one seat apart */
export function openWire(terms: WireTerms, life: number): Wire {
  const { aheadBytes, dice, edition, pipe, reading, runtime, seat, server, clientDeps } = terms;
  const { clock } = runtime;
  const identity = { name: `${seat}${life}`, pid: clientDeps.nextPid() };
  let over = false;
  let [answered, paused]: [number | undefined, boolean] = [undefined, false];
  let due = 0;
  let isAnswered = true;
  const end = (): void => {
    over = true;
    clientDeps.fairness.turnedTo(identity.name);
    turns?.end();
    toServer.cut();
    toClient.cut();
  };
  const toClient = new Pipe(clock, dice, pipe, (bytes) => {
    if (answered === undefined) session.received(bytes);
    else answered += bytes.length;
    if (unsent() === 0) serverSession.drained();
  });
  const toServer = new Pipe(clock, dice, pipe, (bytes) => {
    // Behind a request that is with the manager, another one does not wait for the service.
    const isIdle = !over && !clientDeps.isAsking(identity.name);
    if (toServer.isEmpty && isIdle && isAnswered) clientDeps.fairness.arrived(identity.name);
    turns?.happened();
    serverSession.received(bytes);
  });
  const turns = reading?.join(toServer);
  // The system's buffer for a program that does not read: small, where `aheadBytes` is small.
  const systemBytes = aheadBytes < 1000 ? 64 : 65_536;
  const unsent = (): number => (edition < 3 ? 0 : Math.max(0, toClient.heldBytes - systemBytes));
  const session = new ClientSession({
    send: (bytes) => {
      isAnswered = !perhapsUnanswered.has(encodeHex(bytes));
      toServer.write(bytes);
    },
    ended: (error) => clientDeps.moment().violated(`the service is out of step with ${seat}: ${error.message}`),
  });
  const serverSession = server().accept({
    identity,
    admitted: true,
    mayUse: () => true,
    send: (bytes) => {
      clientDeps.fairness.answered(identity.name);
      due -= bytes.length;
      if (due > 0 && toServer.isEmpty) clientDeps.fairness.arrived(identity.name);
      toClient.write(bytes);
    },
    get unsentBytes() {
      return unsent();
    },
    close: (reason) => {
      if (over) return;
      if (edition === 1) {
        // In the first edition the service's last bytes do not arrive.
        end();
        session.closed(reason);
        return;
      }
      over = true;
      clientDeps.fairness.turnedTo(identity.name);
      turns?.end();
      toServer.cut();
      toClient.end(() => {
        toClient.cut();
        session.closed(reason);
      });
    },
    pause: () => {
      clientDeps.reached(`wire paused ${aheadBytes} bytes ahead`);
      paused = true;
      turns?.end();
      toServer.stall(true);
    },
    resume: () => {
      paused = false;
      if (turns === undefined) toServer.stall(false);
      else turns.begin();
    },
  });
  turns?.begin();
  const cut = (reason: string): void => {
    const wasOver = over;
    end();
    session.closed(reason);
    if (!wasOver) serverSession.closed();
  };
  const raw = (bytes: Uint8Array): void => {
    answered ??= 0;
    toServer.write(bytes);
  };
  const expect = (bytes: number): void => {
    due = bytes;
  };
  const counts = {
    raw,
    expect,
    answered: () => answered ?? 0,
    isOver: () => over,
    isPaused: () => paused,
    isUnread: () => !over && !paused && toServer.isReadable,
  };
  return { name: identity.name, session, toClient, toServer, ...counts, cut };
}
