// SPDX-License-Identifier: MIT

import type { Connection } from "../../port/index.ts";
import type { Behaviour } from "./behaviour.ts";
import { prefixed } from "./contexts.ts";
import { abortOutcome, later, outcome, points, sharedMode } from "./scene.ts";

/** Calls that wait while another connection has a transaction. */
const callsThatWait: Readonly<Record<string, (connection: Connection) => Promise<unknown>>> = {
  transmit: (connection) => connection.transmit(Uint8Array.of(0x00, 0xa4, 0x00, 0x00)),
  status: (connection) => connection.status(),
  control: (connection) => connection.control(0x4200_0bad, new Uint8Array()),
  "get attribute": (connection) => connection.getAttribute(0x7ffa_bcde),
  "set attribute": (connection) => connection.setAttribute(0x7ffa_bcde, new Uint8Array(4)),
  reconnect: (connection) => connection.reconnect({ ...sharedMode, initialization: "leave" }),
};

/** Transactions of two programs. */
export const transactionBehaviours: readonly Behaviour[] = [
  {
    id: "transaction-excludes",
    title:
      "While another program has a transaction, calls that need the reader wait, and go on when it ends; an attribute is read at once",
    source: "Microsoft, SCardBeginTransaction; docs/decisions/0010-held-requests.md (control, attributes)",
    async observe(scene) {
      const holder = await scene.connect("theirs");
      const connections = await Promise.all(Object.keys(callsThatWait).map(() => scene.connect()));
      await holder.beginTransaction();
      const calls = Object.fromEntries(
        Object.entries(callsThatWait).map(([name, call], index) => {
          const connection = connections[index];
          return [name, later(connection === undefined ? Promise.resolve() : call(connection))];
        }),
      );
      const during = await points(calls, (call) => scene.stays(call));
      await holder.endTransaction("leave");
      return { ...during, ...prefixed("after it, ", await points(calls, (call) => outcome(call))) };
    },
    expected: {
      transmit: "waits",
      status: "waits",
      control: "waits",
      "get attribute": "not-supported",
      "set attribute": "waits",
      reconnect: "waits",
      "after it, transmit": "ok",
      "after it, status": "ok",
      "after it, control": "unsupported-feature",
      "after it, get attribute": "not-supported",
      "after it, set attribute": "not-supported",
      "after it, reconnect": "ok",
    },
  },
  {
    id: "transaction-order",
    title: "The lock is granted in the order of the calls",
    source: "the port, Connection.beginTransaction; docs/decisions/0007-turns.md",
    async observe(scene) {
      const holder = await scene.connect("theirs");
      const waiting = [await scene.connect(), await scene.connect(), await scene.connect(), await scene.connect()];
      await holder.beginTransaction();
      const order: number[] = [];
      const turns = waiting.map(async (connection, index) => {
        await connection.beginTransaction();
        order.push(index + 1);
        await scene.exchange(connection);
        await connection.endTransaction("leave");
      });
      await scene.stays(Promise.all(turns.map(later)));
      await holder.endTransaction("leave");
      await Promise.all(turns);
      return { order: order.join(" ") };
    },
    expected: { order: "1 2 3 4" },
  },
  {
    id: "transaction-nesting",
    title: "Transactions of a connection nest: the last end gives the lock back",
    source: "pcsc-lite, winscard.c: SCardBeginTransaction (lock count); the port",
    async observe(scene) {
      const [ours, theirs] = [await scene.connect(), await scene.connect("theirs")];
      await ours.beginTransaction();
      const again = await scene.ends(ours.beginTransaction());
      const waiting = later(theirs.beginTransaction());
      const first = await outcome(ours.endTransaction("leave"));
      const between = await scene.stays(waiting);
      const exchange = await scene.exchange(ours);
      const second = await outcome(ours.endTransaction("leave"));
      const after = await outcome(waiting);
      await theirs.endTransaction("leave");
      const third = await outcome(ours.endTransaction("leave"));
      return { again, "first end": first, between, exchange, "second end": second, after, "third end": third };
    },
    expected: {
      again: "ok",
      "first end": "ok",
      between: "waits",
      exchange: "ok",
      "second end": "ok",
      after: "ok",
      "third end": "not-transacted",
    },
  },
  {
    id: "end-without-begin",
    title: "A transaction is ended only by the connection that has it",
    source: "Microsoft, SCardEndTransaction: SCARD_E_NOT_TRANSACTED; pcsc-lite, readerfactory.c: RFCheckSharing",
    async observe(scene) {
      const context = await scene.context();
      const [ours, second] = [
        await context.connect(scene.reader, sharedMode),
        await context.connect(scene.reader, sharedMode),
      ];
      const theirs = await scene.connect("theirs");
      const none = await outcome(ours.endTransaction("leave"));
      await theirs.beginTransaction();
      const another = await outcome(ours.endTransaction("leave"));
      const kept = await scene.stays(later(ours.beginTransaction({ timeoutMs: 60_000 })));
      await theirs.endTransaction("leave");
      await scene.pass(scene.stage.watchMs);
      await outcome(ours.endTransaction("leave"));
      await second.beginTransaction();
      const own = await outcome(ours.endTransaction("leave"));
      await second.endTransaction("leave");
      return {
        "there is none": none,
        "another program has one": another,
        "the other keeps it": kept,
        "another connection of the context has one": own,
      };
    },
    expected: {
      "there is none": "not-transacted",
      "another program has one": "sharing-violation",
      "the other keeps it": "waits",
      "another connection of the context has one": "sharing-violation",
    },
  },
  {
    id: "transaction-wait-ends",
    title: "A wait for the lock is ended by its deadline, its signal, or cancel, and leaves nothing behind",
    source: "the port, WaitOptions and Context.cancel; Microsoft, SCardCancel",
    async observe(scene) {
      const holder = await scene.connect("theirs");
      const context = await scene.context();
      const connection = await context.connect(scene.reader, sharedMode);
      await holder.beginTransaction();
      const timeoutMs = 100;
      const calls = {
        begin: () => connection.beginTransaction({ timeoutMs }),
        transmit: () => connection.transmit(Uint8Array.of(0x00, 0xa4, 0x00, 0x00), { timeoutMs }),
        status: () => connection.status({ timeoutMs }),
        reconnect: () => connection.reconnect({ ...sharedMode, initialization: "leave", timeoutMs }),
      };
      const deadlines = await points(calls, (call) => outcome<unknown>(call()));
      const signal = AbortSignal.abort("before");
      const before = await abortOutcome(connection.beginTransaction({ signal }), "before");
      const controller = new AbortController();
      const aborted = later(connection.beginTransaction({ signal: controller.signal }));
      await scene.stays(aborted);
      controller.abort("enough");
      const after = await abortOutcome(aborted, "enough");
      const cancelled = later(connection.beginTransaction());
      await scene.stays(cancelled);
      await context.cancel();
      const cancel = await scene.ends(cancelled);
      const mine = await scene.exchange(holder);
      await holder.endTransaction("leave");
      const free = await outcome(holder.beginTransaction({ timeoutMs: 2000 }));
      await outcome(holder.endTransaction("leave"));
      return {
        ...prefixed("deadline, ", deadlines),
        "aborted before": before,
        aborted: after,
        cancelled: cancel,
        "the holder": mine,
        "the lock is free after that": free,
        "the connection is as it was": await scene.exchange(connection),
      };
    },
    expected: {
      "deadline, begin": "timeout",
      "deadline, transmit": "timeout",
      "deadline, status": "timeout",
      "deadline, reconnect": "timeout",
      "aborted before": "cancelled, with the reason",
      aborted: "cancelled, with the reason",
      cancelled: "cancelled",
      "the holder": "ok",
      "the lock is free after that": "ok",
      "the connection is as it was": "ok",
    },
  },
  {
    id: "transaction-dispositions",
    title:
      "The end of a transaction leaves the card, resets it, or powers it off; other connections are told of the last two",
    source:
      "Microsoft, SCardEndTransaction: dwDisposition; pcsc-lite, winscard.c: SCardEndTransaction (own connection)",
    needs: ["test-card"],
    async observe(scene) {
      const seen: Record<string, string> = {};
      for (const disposition of ["leave", "reset", "unpower", undefined] as const) {
        const name = disposition ?? "not said";
        await scene.fresh();
        const [ours, theirs] = [await scene.connect(), await scene.connect("theirs")];
        await scene.mark(ours);
        await ours.beginTransaction();
        seen[name] = await outcome(ours.endTransaction(disposition));
        seen[`${name}, own exchange`] = await scene.exchange(ours);
        seen[`${name}, the other`] = await scene.exchange(theirs);
        await theirs.reconnect({ ...sharedMode, initialization: "leave" });
        seen[`${name}, the card`] = await scene.card(theirs);
        await theirs.disconnect("leave");
        await ours.disconnect("leave");
      }
      return seen;
    },
    expected: {
      leave: "ok",
      "leave, own exchange": "ok",
      "leave, the other": "ok",
      "leave, the card": "left as it was",
      reset: "ok",
      "reset, own exchange": "reset-card",
      "reset, the other": "reset-card",
      "reset, the card": "reset",
      unpower: "ok",
      "unpower, own exchange": "reset-card",
      "unpower, the other": "reset-card",
      "unpower, the card": "reset",
      "not said": "ok",
      "not said, own exchange": "ok",
      "not said, the other": "ok",
      "not said, the card": "left as it was",
    },
  },
  {
    id: "transaction-nested-dispositions",
    title: "The disposition of a nested end is performed even if the connection then leaves the card as it is",
    source: "Microsoft, ISCardManage::SCardUnlock: Disposition; the port",
    needs: ["test-card"],
    async observe(scene) {
      const seen: Record<string, string> = {};
      for (const disposition of ["leave", "reset", "unpower"] as const) {
        await scene.fresh();
        const [ours, theirs] = [await scene.connect(), await scene.connect("theirs")];
        await scene.mark(ours);
        await ours.beginTransaction();
        await ours.beginTransaction();
        seen[`${disposition}, first end`] = await outcome(ours.endTransaction(disposition));
        // pcscd has reset the card by now, and would keep the lock of a connection that does not reconnect before it ends.
        await ours.disconnect("leave");
        await theirs.reconnect({ ...sharedMode, initialization: "leave" });
        seen[`${disposition}, the card`] = await scene.card(theirs);
        await theirs.disconnect("leave");
      }
      return seen;
    },
    expected: {
      "leave, first end": "ok",
      "leave, the card": "left as it was",
      "reset, first end": "ok",
      "reset, the card": "reset",
      "unpower, first end": "ok",
      "unpower, the card": "reset",
    },
  },
  {
    id: "transaction-reset-is-told-to-waiters",
    title: "A reset ends the waits for the lock at once",
    source: "Microsoft, SCardBeginTransaction: SCARD_W_RESET_CARD",
    async observe(scene) {
      const [ours, theirs] = [await scene.connect(), await scene.connect("theirs")];
      await theirs.beginTransaction();
      const waiting = later(ours.beginTransaction());
      const before = await scene.stays(waiting);
      await theirs.endTransaction("reset");
      return { before, after: await scene.ends(waiting) };
    },
    expected: { before: "waits", after: "reset-card" },
  },
  {
    id: "transaction-arguments",
    title: "An unknown disposition, or a negative time, is refused, and the transaction stays open",
    source: "Microsoft, SCardEndTransaction; the port",
    async observe(scene) {
      const [ours, theirs] = [await scene.connect(), await scene.connect("theirs")];
      await ours.beginTransaction();
      const end = await outcome(ours.endTransaction("burn" as never));
      const begin = await outcome(ours.beginTransaction({ timeoutMs: -1 }));
      const other = await outcome(theirs.beginTransaction({ timeoutMs: 100 }));
      return { end, begin, "the other": other, "the right end": await outcome(ours.endTransaction("leave")) };
    },
    expected: { end: "invalid-value", begin: "invalid-parameter", "the other": "timeout", "the right end": "ok" },
  },
  {
    id: "transaction-ends-with-the-connection",
    title: "A disconnect ends the connection's transaction",
    source: "Microsoft, SCardDisconnect; pcsc-lite, winscard.c: SCardDisconnect",
    async observe(scene) {
      const [ours, theirs] = [await scene.connect(), await scene.connect("theirs")];
      await ours.beginTransaction();
      await ours.beginTransaction();
      const waiting = later(theirs.beginTransaction());
      const before = await scene.stays(waiting);
      await ours.disconnect("leave");
      return { before, after: await outcome(waiting), exchange: await scene.exchange(theirs) };
    },
    expected: { before: "waits", after: "ok", exchange: "ok" },
  },
  {
    id: "transaction-and-reconnect",
    title: "A transaction outlives a reconnect of its connection",
    source: "pcsc-lite, winscard.c: SCardReconnect (comment on Windows); WICG, behavioral-differences.md",
    async observe(scene) {
      const [ours, theirs] = [await scene.connect(), await scene.connect("theirs")];
      await ours.beginTransaction();
      await ours.reconnect({ ...sharedMode, initialization: "leave" });
      const waiting = later(theirs.beginTransaction());
      const other = await scene.stays(waiting);
      const free = other === "ok" ? await outcome(theirs.endTransaction("leave")) : "not yet";
      const end = await outcome(ours.endTransaction("leave"));
      return { "the other": other, "its end": free, end };
    },
    expected: { "the other": "waits", "its end": "not yet", end: "ok" },
  },
  {
    id: "transaction-idle",
    title: "A transaction without any exchange for six seconds",
    source: 'Microsoft, SCardBeginTransaction ("five seconds"); pcsc-lite has no such limit',
    needs: ["long-waits", "test-card"],
    async observe(scene) {
      const ours = await scene.connect();
      await scene.mark(ours);
      await ours.beginTransaction();
      await scene.pass(6000);
      const exchange = await scene.exchange(ours);
      const end = await outcome(ours.endTransaction("leave"));
      await ours.reconnect({ ...sharedMode, initialization: "leave" });
      return { exchange, end, card: await scene.card(ours) };
    },
    expected: { exchange: "ok", end: "ok", card: "left as it was" },
  },
  {
    id: "one-at-a-time",
    title: "A context that can do one thing at a time does not wait for itself",
    source: "the port, ContextOptions.oneAtATime",
    async observe(scene) {
      const context = await scene.context("ours", { oneAtATime: true });
      const [first, second] = [
        await context.connect(scene.reader, sharedMode),
        await context.connect(scene.reader, sharedMode),
      ];
      await first.beginTransaction();
      const calls = {
        begin: () => second.beginTransaction(),
        transmit: () => second.transmit(Uint8Array.of(0x00, 0xa4, 0x00, 0x00)),
        connect: () => context.connect(scene.reader, sharedMode),
      };
      const refused = await points(calls, (call) => outcome<unknown>(call()));
      const end = await outcome(first.endTransaction("leave"));
      return { ...refused, end, "exchange after that": await scene.exchange(second) };
    },
    expected: {
      begin: "sharing-violation",
      transmit: "sharing-violation",
      connect: "sharing-violation",
      end: "ok",
      "exchange after that": "ok",
    },
  },
];
