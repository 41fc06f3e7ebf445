// SPDX-License-Identifier: MIT

import type { SoftwareCard } from "../../cards/software-card/index.ts";
import { connectUnix } from "../../platform/node/unix/index.ts";
import { assert, type Clock } from "../../port/index.ts";
import { ClientSession, prepareTransmit } from "../../wire/pcsclite/index.ts";

/** How long a daemon rehearses before it is ready, in milliseconds. */
export const REHEARSAL_MS = 250;

/** Calls of each kind between the coming and the going of a client. */
const CALLS_A_VISIT = 4;

/** What is rehearsed against. */
export interface Stage {
  /** The path of the socket. */
  readonly path: string;
  /** A reader with a card in it. */
  readonly reader: string;
  readonly clock: Clock;
  /** How long to go on, in milliseconds. */
  readonly forMs: number;
}

// The numbers of pcsc-lite: SCARD_SCOPE_SYSTEM, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, SCARD_PROTOCOL_T1, SCARD_LEAVE_CARD.
const SYSTEM = 2;
const SHARED = 2;
const ANY_PROTOCOL = 3;
const T1 = 2;
const LEAVE = 0;

/** An echo, as long as the commands that most programs send. */
const command = Uint8Array.from([0x80, 0x10, 0, 0, 16, ...new Uint8Array(16)]);

/** Answers each command with 16 bytes. */
export const echoCard: SoftwareCard = {
  reset: () => Uint8Array.from([0x3b, 0x80, 0x01, 0x81]),
  powerOff: () => {},
  process: () => Uint8Array.from([...new Uint8Array(16), 0x90, 0x00]),
};

/**
 * Calls a service as its clients will, for a while, so that what serves them is compiled by then: the first clients of a fresh process
 * would wait for that otherwise. It asks for each kind of request that a client can make at any time.
 */
export async function rehearse({ clock, forMs, path, reader }: Stage): Promise<void> {
  const until = clock.now() + forMs;
  while (clock.now() < until) await visit(path, reader);
}

async function visit(path: string, reader: string): Promise<void> {
  const [client, other] = [await open(path), await open(path)];
  try {
    const { session } = client;
    const { context } = good(await session.establish(SYSTEM));
    const { over } = await session.waitForChange();
    good(await other.session.cancel(context));
    await over;
    for (let count = 0; count < CALLS_A_VISIT; count++) {
      const terms = { context, reader, shareMode: SHARED, preferredProtocols: ANY_PROTOCOL };
      const { card } = good(await session.connect(terms));
      for (let calls = 0; calls < CALLS_A_VISIT; calls++) {
        good(await session.begin(card));
        good(await session.send(prepareTransmit(card, T1, command)));
        good(await session.end(card, LEAVE));
        good(await session.status(card));
        await session.readerStates();
      }
      good(await session.disconnect(card, LEAVE));
    }
    good(await session.release(context));
  } finally {
    client.close();
    other.close();
  }
}

/** What was asked for was done: otherwise something else is rehearsed. */
function good<T extends { readonly rv: number }>(outcome: T): T {
  assert(outcome.rv === 0, `a call of the rehearsal ended with 0x${outcome.rv.toString(16)}`);
  return outcome;
}

async function open(path: string): Promise<{ readonly session: ClientSession; close(): void }> {
  const client = await connectUnix(path);
  const session = new ClientSession({ send: (bytes) => client.send(bytes), ended: () => client.close() });
  void receive(client.received, session);
  await session.open();
  return { session, close: () => client.close() };
}

async function receive(pieces: AsyncIterable<Uint8Array>, session: ClientSession): Promise<void> {
  try {
    for await (const bytes of pieces) session.received(bytes);
  } catch {
    // The connection was closed under it, which is told below.
  }
  session.closed("the connection was closed");
}
