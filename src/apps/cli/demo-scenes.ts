// SPDX-License-Identifier: MIT

import { encodeHex } from "../../base/binary/index.ts";
import { softwareCard } from "../../entry/embedded.ts";
import {
  SCARD_EJECT_CARD,
  SCARD_LEAVE_CARD,
  SCARD_PROTOCOL_T1,
  SCARD_RESET_CARD,
  SCARD_SHARE_EXCLUSIVE,
  SCARD_STATE_CHANGED,
  SCARD_STATE_EMPTY,
  SCARD_STATE_PRESENT,
} from "../../faces/winscard/index.ts";
import { summarizeAtr } from "../reports/index.ts";
import { cardCommands } from "./demo-program.ts";
import {
  askStatus,
  beginTransaction,
  describeCardState,
  describeLock,
  describeStates,
  hasReaders,
  hasState,
  lock,
  lookAt,
  type Stage,
  type StatusWait,
  showLock,
  showWaiting,
  unlock,
  waitForChange,
  waitForReaders,
} from "./demo-stage.ts";
import { moment } from "./demo-transcript.ts";
import { count } from "./text.ts";

const success = (): string => "success";

/** Plays the whole demo. @throws SurpriseError at the first thing that is not as it should be */
export async function playDemo(stage: Stage): Promise<void> {
  const reader = await readerAppears(stage);
  await cardGoesIn(stage, reader);
  await twoContend(stage, reader);
  await resetIsTold(stage);
  await lockIsHandedOver(stage);
  await exclusiveIsRefused(stage, reader);
  const stillOut = await waitIsCancelled(stage);
  await holderDies(stage, reader);
  await badDispositionIsRefused(stage);
  await goodProgramLeavesTheCardAlone(stage);
  await cardIsEjected(stage, reader);
  await allProgramsLeave(stage, stillOut);
}

async function readerAppears(stage: Stage): Promise<string> {
  const { manager, monitor, reader, transcript } = stage;
  transcript.chapter("A reader appears");
  await monitor.start();
  const none = monitor.begin("SCardListReaders", (api) => api.SCardListReaders(monitor.context));
  await transcript.fails(monitor.name, none, "no-readers-available");
  const wait = waitForReaders(monitor, 0);
  await showWaiting(stage, monitor, wait);
  const since = moment("the plug went in");
  const name = await manager.addReader(reader);
  transcript.step(
    { who: "hand", call: "plugs in a reader", result: `the manager calls it "${name}"` },
    name !== "",
    "",
  );
  await transcript.succeeds(monitor.name, wait, describeStates, { since, ...hasReaders(1) });
  const list = monitor.begin("SCardListReaders", (api) => api.SCardListReaders(monitor.context));
  await transcript.succeeds(monitor.name, list, ({ readers }) => readers.map((one) => `"${one}"`).join(", "), {
    holds: ({ readers }) => readers.join() === name,
    what: `"${name}"`,
  });
  return name;
}

async function cardGoesIn(stage: Stage, name: string): Promise<void> {
  const { monitor, reader, transcript } = stage;
  transcript.chapter("A card goes in");
  const state = await lookAt(stage, name, SCARD_STATE_EMPTY);
  const wait = waitForChange(monitor, state);
  await showWaiting(stage, monitor, wait);
  const card = await softwareCard("demo");
  const since = moment("the card went in");
  reader.insert(card);
  transcript.step(
    { who: "hand", call: "puts a card in", result: holding(reader.card) },
    reader.card === card,
    "a card",
  );
  const changed = hasState(SCARD_STATE_PRESENT | SCARD_STATE_CHANGED);
  const { readerStates } = await transcript.succeeds(monitor.name, wait, describeStates, { since, ...changed });
  const atr = readerStates[0]?.atr ?? new Uint8Array();
  const call = `looks at the ATR ${encodeHex(atr, " ")}`;
  transcript.step({ who: monitor.name, call, result: summarizeAtr(atr) }, atr.length > 0, "an ATR");
}

function holding(card: object | undefined): string {
  return card === undefined ? "the reader is empty" : "the reader holds a card";
}

async function twoContend(stage: Stage, name: string): Promise<void> {
  const { mailer, signer, transcript } = stage;
  transcript.chapter("Two programs want the card: one locks it and works, the other waits in the queue");
  for (const program of [signer, mailer]) {
    await program.start();
    await program.connect(name);
  }
  await lock(signer);
  const wait = beginTransaction(mailer);
  await showLock(stage, signer, [mailer]);
  await signer.transmit(cardCommands.selectApplication, 0x9000);
  await signer.transmit(cardCommands.readGreeting, 0x9000);
  await signer.transmit(cardCommands.readSecret, 0x6982);
  await signer.transmit(cardCommands.verifyPin, 0x9000);
  await signer.transmit(cardCommands.readSecret, 0x9000);
  await showLock(stage, signer, [mailer]);

  transcript.chapter("It unlocks with a reset: the other's wait ends at once, with an error");
  const since = moment("the unlock");
  const end = signer.begin("SCardEndTransaction(RESET)", (api) =>
    api.SCardEndTransaction(signer.card, SCARD_RESET_CARD),
  );
  await transcript.succeeds(signer.name, end, success);
  await transcript.fails(mailer.name, wait, "reset-card", { since });
}

async function resetIsTold({ mailer }: Stage): Promise<void> {
  await mailer.reconnect();
  await lock(mailer);
  await mailer.transmit(cardCommands.selectApplication, 0x9000);
  await mailer.transmit(cardCommands.readSecret, 0x6982);
}

async function lockIsHandedOver(stage: Stage): Promise<void> {
  const { mailer, signer, transcript } = stage;
  transcript.chapter("Now without a reset: the lock is handed over");
  const wait = beginTransaction(signer);
  await showLock(stage, mailer, [signer]);
  const since = moment("the unlock");
  await unlock(mailer);
  await transcript.succeeds(signer.name, wait, success, { since });
  await showLock(stage, signer, []);
}

async function exclusiveIsRefused({ signer, transcript, updater }: Stage, name: string): Promise<void> {
  transcript.chapter("A third program wants the card exclusively: it is refused, and told the holder");
  await updater.start();
  const connect = updater.begin("SCardConnect(EXCLUSIVE, T1)", (api) =>
    api.SCardConnect(updater.context, name, SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_T1),
  );
  await transcript.fails(updater.name, connect, "sharing-violation", {
    holds: ({ details }) => details.holder?.client === signer.name,
    what: `${signer.name} as the holder`,
  });
  await unlock(signer);
}

/** Returns a wait of the mailer, which a cancel by the monitor does not end. */
async function waitIsCancelled(stage: Stage): Promise<StatusWait> {
  const { mailer, monitor, transcript } = stage;
  transcript.chapter("A wait is cancelled, and no other");
  const cancelled = waitForReaders(monitor, 1);
  const other = waitForReaders(mailer, 1);
  await showWaiting(stage, monitor, cancelled);
  await showWaiting(stage, mailer, other);
  const since = moment("the cancel");
  await monitor.does("SCardCancel", (api) => api.SCardCancel(monitor.context));
  await transcript.fails(monitor.name, cancelled, "cancelled", { since });
  await showWaiting(stage, mailer, other);
  await monitor.does("SCardIsValidContext", (api) => api.SCardIsValidContext(monitor.context));
  return other;
}

async function holderDies(stage: Stage, name: string): Promise<void> {
  const { mailer, manager, signer, transcript, updater } = stage;
  transcript.chapter(
    "A program dies while it holds the lock: its card is reset, the lock is free, the others are told",
  );
  await updater.connect(name);
  await lock(updater);
  await updater.transmit(cardCommands.selectApplication, 0x9000);
  await updater.transmit(cardCommands.verifyPin, 0x9000);
  await updater.transmit(cardCommands.readSecret, 0x9000);
  const wait = beginTransaction(signer);
  await showLock(stage, updater, [signer]);
  const since = moment("the death");
  await updater.client.end();
  const [reader] = (await manager.inspect()).readers;
  const left = (reader?.connections ?? []).filter(({ client }) => client.name === updater.name).length;
  const result = `it has ${count(left, "connection")}; ${describeLock(reader)}`;
  const isGone = left === 0 && reader?.lock === undefined;
  transcript.step({ who: updater.name, call: "dies", result }, isGone, "no connection and no lock");
  await transcript.fails(signer.name, wait, "reset-card", { since });
  await transcript.fails(mailer.name, askStatus(mailer), "reset-card");
  await mailer.reconnect();
  await transcript.succeeds(mailer.name, askStatus(mailer), describeCardState);
  await signer.reconnect();
  await lock(signer);
  await signer.transmit(cardCommands.selectApplication, 0x9000);
  await signer.transmit(cardCommands.readSecret, 0x6982);
}

async function badDispositionIsRefused(stage: Stage): Promise<void> {
  const { signer, transcript } = stage;
  transcript.chapter("A bad disposition is refused, and changes nothing");
  const end = signer.begin("SCardEndTransaction(4711)", (api) => api.SCardEndTransaction(signer.card, 4711));
  await transcript.fails(signer.name, end, "invalid-value");
  await showLock(stage, signer, []);
}

async function goodProgramLeavesTheCardAlone({ mailer, signer, transcript }: Stage): Promise<void> {
  transcript.chapter("A program that disconnects properly leaves the card as it is: the PIN is still verified");
  await signer.transmit(cardCommands.verifyPin, 0x9000);
  await unlock(signer);
  await signer.does("SCardDisconnect(LEAVE)", (api) => api.SCardDisconnect(signer.card, SCARD_LEAVE_CARD));
  await signer.does("SCardReleaseContext", (api) => api.SCardReleaseContext(signer.context));
  await mailer.transmit(cardCommands.readSecret, 0x9000);
}

async function cardIsEjected(stage: Stage, name: string): Promise<void> {
  const { mailer, monitor, reader, transcript } = stage;
  transcript.chapter("The card is ejected: the reader is empty");
  let wait = waitForChange(monitor, await lookAt(stage, name, SCARD_STATE_PRESENT));
  await showWaiting(stage, monitor, wait);
  const since = moment("the eject");
  await mailer.does("SCardDisconnect(EJECT)", (api) => api.SCardDisconnect(mailer.card, SCARD_EJECT_CARD));
  const empty = hasState(SCARD_STATE_EMPTY);
  // No program uses the reader any more, and the card is out: the wait may tell both at once, or one after the other.
  const first = await wait.outcome;
  if (first.ok && !empty.holds(first.value)) {
    const { readerStates } = await transcript.succeeds(monitor.name, wait, describeStates, { since });
    for (const state of readerStates) wait = waitForChange(monitor, state);
  }
  await transcript.succeeds(monitor.name, wait, describeStates, { since, ...empty });
  const isEmpty = reader.card === undefined;
  transcript.step({ who: "hand", call: "feels for the card", result: holding(reader.card) }, isEmpty, "no card");
}

async function allProgramsLeave(stage: Stage, stillOut: StatusWait): Promise<void> {
  const { mailer, manager, monitor, reader, signer, transcript, updater } = stage;
  transcript.chapter("The reader is removed, and all programs leave");
  await showWaiting(stage, mailer, stillOut);
  const since = moment("the plug was pulled");
  reader.unplug();
  await transcript.succeeds(mailer.name, stillOut, describeStates, { since, ...hasReaders(0) });
  for (const program of [monitor, mailer]) {
    await program.does("SCardReleaseContext", (api) => api.SCardReleaseContext(program.context));
  }
  const { clients, readers } = await manager.inspect();
  const handles = [monitor, signer, mailer].map(({ api }) => api.openHandles.contexts + api.openHandles.cards);
  const open = handles.reduce((sum, number) => sum + number, 0);
  const result = `${count(readers.length, "reader")}, ${count(clients.length, "client")}, ${count(open, "open handle")}`;
  const isOver = readers.length + clients.length + open === 0;
  transcript.step({ who: "operator", call: "inspect", result }, isOver, "nothing left");
  const dead = updater.begin("SCardIsValidContext", (api) => api.SCardIsValidContext(updater.context));
  await transcript.fails(updater.name, dead, "invalid-context");
}
