// SPDX-License-Identifier: MIT

// A client of the soak on our own session, over a Unix socket. What the three kinds of clients do is in
// docs/reliability/soak.md.
//
// usage: our-client NUMBER SEED READER...
//
// Prints a line for each call: its name, its result in hexadecimal, and how long it took, in milliseconds; and a line
// that begins with `!` for what must not be. The end of the input ends it, when its turn is over.

import { once } from "node:events";
import { connect as connectSocket, type Socket } from "node:net";
import { setTimeout as pauseMs } from "node:timers/promises";
import { Dice } from "../../simulation/dice.ts";
import { concatBytes, encodeHex } from "../../src/base/binary/index.ts";
import { SmartCardError } from "../../src/port/index.ts";
import { ClientSession } from "../../src/wire/pcsclite/index.ts";

const OK = 0;
const SHARING_VIOLATION = 0x8010_000b;
const TIMEOUT = 0x8010_000a;
const NO_SERVICE = 0x8010_001d;
const SERVICE_STOPPED = 0x8010_001e;
const RESET_CARD = 0x8010_0068;
/** CANCELLED, INVALID_HANDLE, SYSTEM_CANCELLED, and what says that there is no service: begin anew. */
const lost = new Set([0x8010_0002, 0x8010_0003, 0x8010_0012, 0x8010_0013, NO_SERVICE, SERVICE_STOPPED]);

const [leave, reset, unpower, eject] = [0, 1, 2, 3] as const;
const [exclusive, shared] = [1, 2] as const;
const EITHER_PROTOCOL = 3;
const SYSTEM_SCOPE = 2;
const POLL_MS = 100;

const [ownNumber = 0, seed = 0] = process.argv.slice(2, 4).map(Number);
const readers = process.argv.slice(4);
const dice = new Dice(seed);
const pause = (least: number, most: number): Promise<void> => pauseMs(least + dice.below(most - least + 1));

let inputHasEnded = false;
process.stdin.resume().on("end", () => {
  inputHasEnded = true;
});
// The pipe is closed: the director is gone.
process.stdout.on("error", () => process.exit(1));

function violation(what: string): never {
  process.stdout.write(`! ${what}\n`, () => process.exit(1));
  throw new Error(what);
}

/** A result that is not a success, and how what was under way is left. */
class Failed extends Error {
  readonly rv: number;

  constructor(rv: number) {
    super(`failed with ${rv.toString(16)}`);
    this.rv = rv;
  }
}

/** Calls and tells of it; a session that ended in between is a service that is not there. */
async function told<T extends { readonly rv: number }>(name: string, call: () => Promise<T>): Promise<T> {
  const began = performance.now();
  let answer: T | undefined;
  let rv = NO_SERVICE;
  try {
    answer = await call();
    rv = answer.rv;
  } catch (error) {
    if (!(error instanceof SmartCardError)) throw error;
    // The service is gone, or its answer was invalid; the message says which.
    if (error.code !== "service-stopped" && error.code !== "no-service") violation(`${name}: ${error.message}`);
  }
  const code = rv.toString(16).toUpperCase().padStart(8, "0");
  process.stdout.write(`${name} ${code} ${Math.floor(performance.now() - began)}\n`);
  if (answer === undefined || rv !== OK) throw new Failed(rv);
  return answer;
}

/** SCARD_E_SHARING_VIOLATION says "ask again": libpcsclite does the same (docs/decisions/0010-held-requests.md). */
async function askedAgain<T extends { readonly rv: number }>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    const answer = await call();
    if (answer.rv !== SHARING_VIOLATION) return answer;
    await pauseMs(POLL_MS);
  }
}

interface Card {
  readonly session: ClientSession;
  readonly handle: number;
  readonly reader: number;
  protocol: number;
}

let transactions = 0;
let sequence = 0;

/** Bytes of whole numbers, each so many bytes long. */
function numbers(...fields: readonly (readonly [value: number, length: number])[]): Uint8Array {
  return Uint8Array.from(fields.flatMap(([value, length]) => be(value, length)));
}

function be(value: number, length: number): number[] {
  return Array.from({ length }, (_, index) => Math.floor(value / 256 ** (length - 1 - index)) % 256);
}

const randomBytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => dice.below(256));

/** Sends a command, and compares the answer with what it must be. */
async function exchange(card: Card, command: Uint8Array, expected: Uint8Array): Promise<void> {
  const send = () => card.session.transmit(card.handle, card.protocol, command, { receiveLength: 258 });
  const { response } = await told("transmit", () => askedAgain(send));
  const [answer, right] = [encodeHex(response), encodeHex(concatBytes(expected, Uint8Array.of(0x90, 0x00)))];
  if (answer !== right) violation(`the answer to ${encodeHex(command)} was ${answer}`);
}

/** Something to which no other command has the answer. `within` is the transaction, or 0. */
async function challenge(card: Card, within: number): Promise<void> {
  if (!readers[card.reader]?.startsWith("Virtual PCD")) {
    const [offset, length] = [dice.below(240), 1 + dice.below(16)];
    const expected = Uint8Array.from({ length }, (_, index) => (offset + index) * 73 + 19);
    return exchange(card, Uint8Array.of(0x00, 0xb0, 0x81, offset, length), expected);
  }
  sequence++;
  const said = concatBytes(numbers([ownNumber, 2], [within, 4], [sequence, 4]), randomBytes(6));
  const command = concatBytes(Uint8Array.of(0x80, 0x10, 0, 0, said.length), said);
  const expected = concatBytes(
    Uint8Array.of(card.reader),
    said.map((byte) => byte ^ 0x5a),
  );
  return exchange(card, command, expected);
}

/** What is in a transaction: a token is written, and must be there for as long as it lasts. */
async function useTurn(card: Card): Promise<void> {
  const challenges = 1 + dice.below(4);
  const within = ++transactions;
  const token = concatBytes(numbers([ownNumber, 2], [within, 4], [challenges, 1]), randomBytes(9));
  await exchange(card, concatBytes(Uint8Array.of(0x00, 0xd6, 0x82, 0x00, token.length), token), new Uint8Array());
  for (let left = challenges; left > 0; left--) {
    await exchange(card, Uint8Array.of(0x00, 0xb0, 0x82, 0x00, token.length), token);
    await pause(0, 8);
    await challenge(card, within);
  }
}

async function takeTurn(card: Card): Promise<void> {
  const { handle, session } = card;
  await told("begin", () => askedAgain(() => session.begin(handle)));
  let failure: unknown;
  await useTurn(card).catch((error: unknown) => {
    failure = error;
  });
  if (failure instanceof Failed && failure.rv === RESET_CARD) violation("the card was reset in a transaction of mine");
  const disposition = dice.weighted([
    [90, leave],
    [6, reset],
    [4, unpower],
  ]);
  await told("end", () => session.end(handle, disposition)).catch((error: unknown) => {
    failure ??= error;
  });
  if (failure !== undefined) throw failure;
}

async function useRound(card: Card, shareMode: number): Promise<void> {
  const { handle, session } = card;
  const draw = dice.below(100);
  try {
    if (draw < 15) await told("status", () => askedAgain(() => session.status(handle)));
    else if (draw < 50) await challenge(card, 0);
    else await takeTurn(card);
  } catch (error) {
    if (!(error instanceof Failed) || error.rv !== RESET_CARD) throw error;
    const initialization = dice.weighted([
      [80, leave],
      [15, reset],
      [5, unpower],
    ]);
    const terms = { card: handle, shareMode, preferredProtocols: EITHER_PROTOCOL, initialization };
    const { activeProtocol } = await told("reconnect", () => askedAgain(() => session.reconnect(terms)));
    card.protocol = activeProtocol;
  }
}

/** A connection from its begin to its end. */
async function useCard(session: ClientSession, context: number): Promise<void> {
  const reader = dice.below(readers.length);
  const shareMode = dice.chance(15) ? exclusive : shared;
  const terms = { context, reader: readers[reader] ?? "", shareMode, preferredProtocols: EITHER_PROTOCOL };
  const { activeProtocol, card: handle } = await told("connect", () => session.connect(terms));
  const card: Card = { session, handle, reader, protocol: activeProtocol };
  try {
    for (let rounds = 1 + dice.below(5); rounds > 0 && !inputHasEnded; rounds--) {
      await useRound(card, shareMode);
      await pause(10, 110);
    }
  } catch (error) {
    if (!(error instanceof Failed) || lost.has(error.rv)) throw error;
    await pause(10, 110);
  }
  const disposition = dice.weighted([
    [79, leave],
    [10, reset],
    [10, unpower],
    [1, eject],
  ]);
  await told("disconnect", () => session.disconnect(handle, disposition));
}

/** Waits for a while until something changes at a reader. */
async function waitForChange(session: ClientSession): Promise<void> {
  const { over } = await told("look", async () => ({ rv: OK, ...(await session.waitForChange()) }));
  await told("wait", async () => {
    const timeout = pauseMs(100 + dice.below(500), undefined);
    const change = await Promise.race([over, timeout]);
    if (change !== undefined) return { rv: change.rv };
    const stopped = await session.stopWaiting();
    return { rv: stopped === undefined || stopped.rv !== OK ? (stopped?.rv ?? OK) : TIMEOUT };
  });
}

/** The same as `call`, where a failure that does not end the session is passed over. */
async function passOver(call: Promise<void>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof Failed) || lost.has(error.rv)) throw error;
  }
}

async function open(socket: Socket): Promise<ClientSession> {
  await once(socket, "connect").catch((cause: unknown) => {
    throw new SmartCardError("no-service", "nothing listens", {}, { cause });
  });
  const session = new ClientSession({ send: (bytes) => socket.write(bytes), ended: () => socket.destroy() });
  socket.on("data", (bytes) => session.received(bytes));
  socket.on("close", () => session.closed("the service has hung up"));
  await session.open();
  return session;
}

async function useContext(socket: Socket): Promise<void> {
  const { context, session } = await told("establish", async () => {
    const opened = await open(socket);
    return { session: opened, ...(await opened.establish(SYSTEM_SCOPE)) };
  });
  for (let uses = 1 + dice.below(8); uses > 0 && !inputHasEnded; uses--) {
    if (dice.chance(25)) await passOver(waitForChange(session));
    await passOver(useCard(session, context));
    await pause(10, 110);
  }
  await told("release", () => session.release(context));
}

while (!inputHasEnded) {
  const socket = connectSocket(process.env.PCSCLITE_CSOCK_NAME ?? "");
  socket.on("error", () => {});
  try {
    await useContext(socket);
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    await pause(50, 150);
  } finally {
    socket.destroy();
  }
}
process.exit(0);
