// SPDX-License-Identifier: MIT

import { type Context, PNP_NOTIFICATION, SmartCardError } from "../../port/index.ts";
import type { Behaviour } from "./behaviour.ts";
import { cardCommands } from "./conformance-card.ts";
import { callsOnConnection } from "./connecting.ts";
import { prefixed } from "./contexts.ts";
import { countedSince, flagsOf, later, outcome, points, sharedMode } from "./scene.ts";

const { "begin transaction": begin, "end transaction": end, status, transmit } = callsOnConnection;
/** Calls that need the card. */
const callsForTheCard = { "begin transaction": begin, "end transaction": end, status, transmit };

/** Cards that come and go, and readers. */
export const moveBehaviours: readonly Behaviour[] = [
  {
    id: "card-removed",
    title:
      "After the card was taken out its connections are refused, also when a card is there again, until a reconnect",
    source: "Microsoft, SCARD_W_REMOVED_CARD; WICG, behavioral-differences.md (reinserted); pcsc-lite, winscard.c",
    needs: ["card-moves"],
    async observe(scene) {
      const [ours, second] = [await scene.connect(), await scene.connect()];
      await scene.remove();
      const gone = await points(callsForTheCard, (call) => outcome(call?.(ours) ?? Promise.resolve()));
      const without = await outcome(ours.reconnect({ ...sharedMode, initialization: "leave" }));
      await scene.insert();
      const back = await points({ transmit, status }, (call) => outcome(call?.(ours) ?? Promise.resolve()));
      const reconnect = await outcome(ours.reconnect({ ...sharedMode, initialization: "leave" }));
      return {
        ...prefixed("gone, ", gone),
        "gone, reconnect": without,
        ...prefixed("back, ", back),
        "back, reconnect": reconnect,
        "exchange after that": await scene.exchange(ours),
        "disconnect of another": await outcome(second.disconnect("reset")),
      };
    },
    expected: {
      "gone, begin transaction": "removed-card",
      "gone, end transaction": "removed-card",
      "gone, status": "removed-card",
      "gone, transmit": "removed-card",
      "gone, reconnect": "no-smartcard",
      "back, transmit": "removed-card",
      "back, status": "removed-card",
      "back, reconnect": "ok",
      "exchange after that": "ok",
      "disconnect of another": "ok",
    },
  },
  {
    id: "empty-reader",
    title: "Without a card only the reader itself can be connected to",
    source: "Microsoft, SCardConnect: SCARD_SHARE_DIRECT; pcsc-lite, winscard.c: SCardConnect",
    needs: ["card-moves"],
    async observe(scene) {
      await scene.remove();
      const state = await scene.state(await scene.context());
      const shared = await outcome(scene.connect());
      const exclusive = await outcome(scene.connect("ours", { shareMode: "exclusive" }));
      const direct = await scene.connect("ours", { shareMode: "direct", preferredProtocols: [] });
      const seen = {
        flags: flagsOf(state),
        atr: `${state.atr.length} bytes`,
        shared,
        exclusive,
        "direct, status": await outcome(direct.status(), (told) => `${told.state}, ${told.atr.length} bytes of ATR`),
        "direct, transmit": await scene.exchange(direct),
        "direct, transaction": await outcome(direct.beginTransaction().then(() => direct.endTransaction("leave"))),
      };
      await scene.insert();
      return seen;
    },
    expected: {
      flags: "changed empty",
      atr: "0 bytes",
      shared: "no-smartcard",
      exclusive: "no-smartcard",
      "direct, status": "absent, 0 bytes of ATR",
      "direct, transmit": "proto-mismatch",
      "direct, transaction": "ok",
    },
  },
  {
    id: "beliefs-of-an-empty-reader",
    title: "Who believes a card to be in use, or not to answer, believes that it is there",
    source: "Microsoft, SCARD_READERSTATE: dwCurrentState; the port (mute, unpowered)",
    needs: ["card-moves"],
    async observe(scene) {
      await scene.remove();
      const context = await scene.context();
      const beliefs = ["empty", "present", "atrmatch", "inuse", "exclusive", "mute", "unpowered"] as const;
      const seen: Record<string, string> = {};
      for (const flag of beliefs) {
        const query = { reader: scene.reader, flags: { [flag]: true } };
        seen[flag] = await outcome(context.getStatusChange([query], { timeoutMs: 50 }));
      }
      await scene.insert();
      return seen;
    },
    expected: {
      empty: "timeout",
      present: "ok",
      atrmatch: "ok",
      inuse: "ok",
      exclusive: "ok",
      mute: "ok",
      unpowered: "ok",
    },
  },
  {
    id: "moves-are-told",
    title: "Waits end at the removal and at the insertion of a card, and both are counted",
    source: "Microsoft, SCardGetStatusChange; pcsc-lite, eventhandler.c; docs/decisions/0008-event-counts.md",
    needs: ["card-moves"],
    async observe(scene) {
      const context = await scene.context();
      const known = await scene.state(context);
      const { eventCount } = known;
      const removal = later(context.getStatusChange([{ reader: scene.reader, flags: { present: true }, eventCount }]));
      const before = await scene.stays(removal);
      await scene.remove();
      const [gone] = await removal;
      const atr = gone?.atr.length ?? 0;
      const belief = { reader: scene.reader, flags: { empty: true }, eventCount: gone?.eventCount ?? 0 } as const;
      const insertion = later(context.getStatusChange([belief]));
      await scene.insert();
      const [back] = await insertion;
      return {
        before,
        gone: gone === undefined ? "no report" : flagsOf(gone),
        "gone, ATR": `${atr} bytes`,
        "gone, counted": countedSince(eventCount, gone?.eventCount ?? 0),
        back: back === undefined ? "no report" : flagsOf(back),
        "back, counted": countedSince(eventCount, back?.eventCount ?? 0),
        "back, ATR": back !== undefined && back.atr.length === known.atr.length ? "the same" : "another",
        "the old count": await outcome(
          context.getStatusChange([{ reader: scene.reader, flags: { present: true }, eventCount }], { timeoutMs: 0 }),
        ),
      };
    },
    expected: {
      before: "waits",
      gone: "changed empty",
      "gone, ATR": "0 bytes",
      "gone, counted": "1",
      back: "changed present",
      "back, counted": "2",
      "back, ATR": "the same",
      "the old count": "ok",
    },
  },
  {
    id: "removal-ends-transactions",
    title: "A transaction ends with the removal of its card: waiting programs are told, and the next card is free",
    source: "pcsc-lite, eventhandler.c and winscard.c; docs/decisions/0007-turns.md",
    needs: ["card-moves"],
    async observe(scene) {
      const [ours, theirs] = [await scene.connect(), await scene.connect("theirs")];
      await theirs.beginTransaction();
      const waiting = later(ours.beginTransaction());
      const before = await scene.stays(waiting);
      await scene.remove();
      const told = await scene.ends(waiting);
      const end = await outcome(theirs.endTransaction("leave"));
      await scene.insert();
      await ours.reconnect({ ...sharedMode, initialization: "leave" });
      const next = await outcome(ours.beginTransaction({ timeoutMs: 2000 }));
      return { before, "who waits": told, "the end": end, "the next card": next };
    },
    expected: { before: "waits", "who waits": "removed-card", "the end": "removed-card", "the next card": "ok" },
  },
  {
    id: "removal-ends-exchanges",
    title: "A card that is pulled in the middle of an exchange ends it",
    source: "Microsoft, SCARD_W_REMOVED_CARD",
    needs: ["card-moves", "test-card"],
    async observe(scene) {
      const ours = await scene.connect();
      const slow = later(ours.transmit(cardCommands.slow(3000)));
      const before = await scene.stays(slow);
      await scene.stage.removeCard();
      const after = await outcome(slow, ({ length }) => `${length} bytes`);
      await scene.until("empty");
      await scene.insert();
      return { before, after };
    },
    expected: { before: "waits", after: "removed-card" },
  },
  {
    id: "silent-card",
    title: "A card that does not answer is there, and cannot be connected to; the reader can",
    source: "Microsoft, SCARD_W_UNRESPONSIVE_CARD and SCARD_STATE_MUTE; pcsc-lite, eventhandler.c",
    needs: ["card-moves", "silent-card"],
    async observe(scene) {
      await scene.insertSilent();
      const context = await scene.context();
      const state = await scene.state(context);
      const mute = { reader: scene.reader, flags: { present: true, mute: true } } as const;
      const seen = {
        flags: flagsOf(state),
        atr: `${state.atr.length} bytes`,
        "who knows it": await outcome(context.getStatusChange([mute], { timeoutMs: 0 })),
        shared: await outcome(scene.connect()),
        exclusive: await outcome(scene.connect("ours", { shareMode: "exclusive" })),
        direct: await outcome(
          context
            .connect(scene.reader, { shareMode: "direct", preferredProtocols: [] })
            .then((one) => one.disconnect("leave")),
        ),
      };
      await scene.remove();
      await scene.insert();
      return { ...seen, "the next card": await outcome(scene.connect()) };
    },
    expected: {
      flags: "changed mute present",
      atr: "0 bytes",
      "who knows it": "timeout",
      shared: "unresponsive-card",
      exclusive: "unresponsive-card",
      direct: "ok",
      "the next card": "ok",
    },
  },
  {
    id: "eject-at-disconnect",
    title: "A disconnect that ejects",
    source: 'Microsoft, SCardDisconnect: SCARD_EJECT_CARD; docs/interop/pcscd-differences.md, "Ejecting"',
    needs: ["card-moves", "test-card"],
    async observe(scene) {
      const connection = await scene.connect();
      const disconnect = await outcome(connection.disconnect("eject"));
      await scene.pass(scene.stage.watchMs);
      const state = await scene.state(await scene.context());
      await scene.remove();
      await scene.insert();
      return { disconnect, "the reader": state.flags.empty ? "empty" : "present" };
    },
    expected: { disconnect: "ok", "the reader": "empty" },
  },
  {
    id: "eject-at-the-end-of-a-transaction",
    title: "A transaction whose end ejects",
    source: 'Microsoft, SCardEndTransaction: SCARD_EJECT_CARD; docs/interop/pcscd-differences.md, "Ejecting"',
    needs: ["card-moves", "test-card"],
    async observe(scene) {
      const connection = await scene.connect();
      await connection.beginTransaction();
      const ended = await outcome(connection.endTransaction("eject"));
      await scene.pass(scene.stage.watchMs);
      const state = await scene.state(await scene.context());
      await scene.remove();
      await scene.insert();
      return { end: ended, "the reader": state.flags.empty ? "empty" : "present" };
    },
    expected: { end: "ok", "the reader": "empty" },
  },
  {
    id: "reader-unplugged",
    title: "A removed reader: its connections, its name, and the waits for it",
    source: "Microsoft, SCARD_E_READER_UNAVAILABLE; pcsc-lite, readerfactory.c: RFRemoveReader",
    needs: ["reader-moves"],
    async observe(scene) {
      const context = await scene.context();
      const connection = await scene.connect();
      const { eventCount } = await scene.state(context);
      const holder = await scene.connect("theirs");
      await holder.beginTransaction();
      const waiting = later(connection.beginTransaction());
      const states = later(
        context.getStatusChange([{ reader: scene.reader, flags: { present: true, inuse: true }, eventCount }]),
      );
      await scene.stays(states);
      await scene.stage.unplugReader();
      await scene.untilListed(false);
      const told = await outcome(states, ([report]) => (report === undefined ? "no report" : flagsOf(report)));
      const calls = await points(callsOnConnection, (call) => outcome(call(connection)));
      const seen = {
        "who waits for the lock": await scene.ends(waiting),
        "who waits for changes": told,
        ...prefixed("then ", calls),
        reconnect: await outcome(connection.reconnect({ ...sharedMode, initialization: "leave" })),
        disconnect: await outcome(connection.disconnect("reset")),
        connect: await outcome(context.connect(scene.reader, sharedMode)),
        "describe reader": await outcome(context.describeReader(scene.reader)),
        "the context": String(await context.isValid()),
      };
      await scene.stage.plugReader();
      await scene.untilListed(true);
      await scene.until("present");
      return { ...seen, "plugged in again": await outcome(scene.connect()) };
    },
    expected: {
      "who waits for the lock": "reader-unavailable",
      "who waits for changes": "changed unavailable unknown",
      "then begin transaction": "reader-unavailable",
      "then end transaction": "reader-unavailable",
      "then status": "reader-unavailable",
      "then transmit": "reader-unavailable",
      "then control": "reader-unavailable",
      "then get attribute": "reader-unavailable",
      "then set attribute": "reader-unavailable",
      reconnect: "reader-unavailable",
      disconnect: "ok",
      connect: "unknown-reader",
      "describe reader": "unknown-reader",
      "the context": "true",
      "plugged in again": "ok",
    },
  },
  {
    id: "readers-are-told",
    title: "A wait for readers ends when one is removed and when one is attached",
    source: "Microsoft, SCardGetStatusChange: \\\\?PnP?\\Notification; MS-RDPESC; pcsc-lite, winscard_clnt.c",
    needs: ["reader-moves"],
    async observe(scene) {
      const context = await scene.context();
      const watch = async (move: () => Promise<void>, isListed: boolean): Promise<Record<string, string>> => {
        const query = { reader: PNP_NOTIFICATION, eventCount: await readerEvents(context) };
        const waiting = later(context.getStatusChange([query]));
        const before = await scene.stays(waiting);
        await move();
        await scene.untilListed(isListed);
        const after = await scene.ends(waiting);
        await context.cancel();
        return { before, after };
      };
      const gone = await watch(() => scene.stage.unplugReader(), false);
      const come = await watch(() => scene.stage.plugReader(), true);
      await scene.until("present");
      return { ...prefixed("going, ", gone), ...prefixed("coming, ", come) };
    },
    expected: { "going, before": "waits", "going, after": "ok", "coming, before": "waits", "coming, after": "ok" },
  },
];

/** The event count of the pseudo reader, which is told at once or with the end of a wait that had no time. */
async function readerEvents(context: Context): Promise<number> {
  const told = context.getStatusChange([{ reader: PNP_NOTIFICATION }], { timeoutMs: 0 });
  const [report] = await told.catch((error: unknown) => {
    if (error instanceof SmartCardError && error.details.readerStates !== undefined) return error.details.readerStates;
    throw error;
  });
  return report?.eventCount ?? 0;
}
