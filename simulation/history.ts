// SPDX-License-Identifier: MIT

import { getEventListeners } from "node:events";
import { describeEvent, type HistoryEvent } from "./events.ts";
import type { Plan } from "./plan.ts";
import { settled } from "./settled.ts";
import { markedPin } from "./simulated-card.ts";
import { World } from "./world.ts";

/** The result of a history. */
export interface HistoryResult {
  /** The first violation; undefined without one. */
  readonly violation: string | undefined;
  /** Virtual milliseconds that passed. */
  readonly virtualMs: number;
  readonly events: number;
}

/** Options of a run. */
export interface HistoryOptions {
  /** Takes each line of the timeline. */
  readonly tell?: (line: string) => void;
  /** Called for everything that was reached. */
  readonly reached?: (what: string) => void;
}

/** How long all clients may take to finish once all faults have ended, in virtual milliseconds. */
const FINISH_MS = 120_000;

/** Runs a history from its beginning until all clients have left. */
export async function runHistory(plan: Plan, options: HistoryOptions = {}): Promise<HistoryResult> {
  const { reached = () => {}, tell } = options;
  const world = new World(plan, { settle: settled, tell, reached });
  const { oracle, simulated } = world;
  const unforeseen = (error: unknown): void => oracle.violated(`uncaught: ${describeError(error)}`);
  process.on("unhandledRejection", unforeseen);
  let events = 0;
  try {
    await world.start();
    for (const event of plan.events) {
      if (oracle.violations.length > 0) break;
      tell?.(`${simulated.clock.now().toFixed(3).padStart(12)} ${describeEvent(event)}`);
      events++;
      await world.happen(event);
    }
    if (oracle.violations.length === 0) await world.rest();
    if (oracle.violations.length === 0) await finish(world);
  } catch (error) {
    unforeseen(error);
  } finally {
    await settled();
    process.off("unhandledRejection", unforeseen);
  }
  return { violation: oracle.violations[0], virtualMs: simulated.clock.now(), events };
}

/** All faults end; every live client must be able to finish; then all leave, and nothing may be left. */
async function finish(world: World): Promise<void> {
  const { oracle } = world;
  await world.heal();
  await within(
    world,
    "leave",
    world.clients.map((client) => client.leave()),
  );
  for (const call of oracle.pending) oracle.violated(`#${call.number} ${call.operation} never ends`);
  if (oracle.violations.length > 0) return;
  // A client that left late may have had a card ejected.
  await world.putCardsIn();
  // One after the other where the limits are narrow: they are about other things than this.
  for (const client of world.clients) await within(world, "finish", [client.finish()]);
  if (oracle.violations.length === 0)
    await within(
      world,
      "finish together",
      room(world).map((client) => client.finish()),
    );
  if (oracle.violations.length === 0) await checkNothingLeft(world);
}

/** As many clients as the limits let in at once. */
function room({ clients, plan }: World): World["clients"] {
  return clients.slice(0, Math.min(plan.limits.contexts, plan.sessions));
}

async function within(world: World, what: string, promises: readonly Promise<void>[]): Promise<void> {
  const { oracle } = world;
  let open = promises.length;
  for (const promise of promises) {
    promise.then(
      () => open--,
      (error: unknown) => oracle.violated(`a client could not ${what}: ${describeError(error)}`),
    );
  }
  for (let waitedMs = 0; open > 0 && waitedMs < FINISH_MS && oracle.violations.length === 0; waitedMs += 10_000)
    await world.pass(10_000);
  if (open > 0 && oracle.violations.length === 0) oracle.violated(`clients could not ${what} within ${FINISH_MS} ms`);
}

/** Readers of some kinds are asked for their cards now and then, as long as they are in service. */
const questions: ReadonlySet<string> = new Set([
  "ccid slot status",
  "ifd poll",
  "ifd polling function",
  "driver: poll",
  "driver's polling function",
]);

/** All clients have left: no lock, no timer and no listener is left, and the cards have no power. */
async function checkNothingLeft(world: World): Promise<void> {
  const { manager, oracle, server } = world;
  await world.pass(20_000);
  const { clients, readers } = await manager.inspect();
  if (clients.length > 0) oracle.violated(`clients are left: ${clients.map(({ client }) => client.name).join(", ")}`);
  for (const { connections, lock, name, queue } of readers) {
    if (connections.length + queue.length > 0 || lock !== undefined) oracle.violated(`a client is left at ${name}`);
  }
  if (server.sessions > 0) oracle.violated(`${server.sessions} sessions are left`);
  if (server.numbers > 0) oracle.violated(`${server.numbers} numbers of contexts and cards are left`);
  if (server.heldBytes > 0) oracle.violated(`${server.heldBytes} bytes are held for clients that are gone`);
  if (world.poweredCards() > 0) oracle.violated("cards have power, and no client uses them");
  const timers = ownTimers(world).filter((name) => !questions.has(name));
  if (timers.length > 0) oracle.violated(`timers are left: ${timers.join(", ")}`);
  await world.stop();
  if (world.openDevices() > 0) oracle.violated(`${world.openDevices()} devices are open, and the service has ended`);
  const outliving = ownTimers(world);
  if (outliving.length > 0) oracle.violated(`timers outlive the service: ${outliving.join(", ")}`);
  for (const signal of world.allSignals()) {
    const count = getEventListeners(signal, "abort").length;
    if (count > 0) oracle.violated(`${count} listeners are left on a signal`);
  }
  oracle.observer.checkEnd();
  checkSecrets(world);
}

/** The timers that are set, without those of readers made of hardware. */
function ownTimers({ simulated }: World): string[] {
  return simulated.pendingTimers.filter((name) => name !== "model of a reader");
}

/** No PIN is in a trace, an error message or the service's log: as text, or as bytes in decimal or hexadecimal. */
function checkSecrets({ oracle, simulated }: World): void {
  const text = [...simulated.events.map((event) => JSON.stringify(event)), ...oracle.messages].join("\n").toLowerCase();
  const forms = [
    new TextDecoder().decode(markedPin).toLowerCase(),
    Array.from(markedPin, (byte) => byte.toString(16)).join(""),
    markedPin.join(","),
  ];
  for (const form of forms) if (text.includes(form)) oracle.violated("a PIN can be read in a trace or a message");
}

function describeError(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** The same history without some of its events. */
export function withEvents(plan: Plan, events: readonly HistoryEvent[]): Plan {
  return { ...plan, events };
}
