// SPDX-License-Identifier: MIT

import { type ReaderFlags, SmartCardError } from "../../port/index.ts";
import type { Behaviour } from "./behaviour.ts";
import { abortOutcome, flagsOf, later, outcome, points, sharedMode } from "./scene.ts";

/** Events of readers and cards, as programs see them. */
export const statusBehaviours: readonly Behaviour[] = [
  {
    id: "status-unaware",
    title: "A wait without a known state is answered at once: flags, ATR, event count",
    source: "Microsoft, SCARD_READERSTATE: SCARD_STATE_UNAWARE",
    async observe(scene) {
      const state = await scene.state(await scene.context());
      const again = await scene.state(await scene.context());
      return {
        flags: flagsOf(state),
        atr: state.atr.length >= 2 ? "there" : "missing",
        reader: state.reader === scene.reader ? "its own name" : state.reader,
        "event count": state.eventCount > 0 && state.eventCount === again.eventCount ? "the same twice" : "none",
      };
    },
    expected: { flags: "changed present", atr: "there", reader: "its own name", "event count": "the same twice" },
  },
  {
    id: "status-known",
    title: "A wait with the current state lasts until its deadline, and then returns the states",
    source: "Microsoft, SCardGetStatusChange: dwTimeout",
    async observe(scene) {
      const context = await scene.context();
      const { eventCount } = await scene.state(context);
      const known = { reader: scene.reader, flags: { present: true }, eventCount } as const;
      const ends = await points({ "no time": 0, "50 ms": 50 }, async (timeoutMs) => {
        try {
          await context.getStatusChange([known], { timeoutMs });
          return "ok";
        } catch (error) {
          if (!(error instanceof SmartCardError)) throw error;
          const [state] = error.details.readerStates ?? [];
          return state === undefined ? error.code : `${error.code}: ${flagsOf(state)}`;
        }
      });
      const waiting = later(context.getStatusChange([known]));
      const waits = await scene.stays(waiting);
      await context.cancel();
      return { ...ends, "no deadline": waits, cancelled: await outcome(waiting) };
    },
    expected: {
      "no time": "timeout: present",
      "50 ms": "timeout: present",
      "no deadline": "waits",
      cancelled: "cancelled",
    },
  },
  {
    id: "status-beliefs",
    title: "What counts as a change, flag by flag, of a reader with a card that is not in use",
    source: "Microsoft, SCARD_READERSTATE: dwCurrentState; pcsc-lite, winscard_clnt.c: SCardGetStatusChange",
    async observe(scene) {
      const context = await scene.context();
      const beliefs: Readonly<Record<string, ReaderFlags>> = {
        present: { present: true },
        empty: { empty: true },
        unavailable: { unavailable: true },
        unknown: { unknown: true },
        "present atrmatch": { present: true, atrmatch: true },
        "present unpowered": { present: true, unpowered: true },
        "present mute": { present: true, mute: true },
        "present inuse": { present: true, inuse: true },
        "present exclusive": { present: true, exclusive: true },
        "changed present": { changed: true, present: true },
        ignore: { ignore: true },
      };
      return points(beliefs, (flags) =>
        outcome(context.getStatusChange([{ reader: scene.reader, flags }], { timeoutMs: 0 }), ([report]) =>
          report === undefined ? "no report" : flagsOf(report),
        ),
      );
    },
    expected: {
      present: "timeout",
      empty: "changed present",
      unavailable: "changed present",
      unknown: "changed present",
      "present atrmatch": "timeout",
      "present unpowered": "timeout",
      "present mute": "changed present",
      "present inuse": "changed present",
      "present exclusive": "changed present",
      "changed present": "timeout",
      ignore: "ignore",
    },
  },
  {
    id: "status-counts",
    title: "An event count that differs from the reader's is a change, with any flags",
    source: "pcsc-lite, winscard_clnt.c: SCardGetStatusChange; docs/decisions/0008-event-counts.md",
    async observe(scene) {
      const context = await scene.context();
      const { eventCount } = await scene.state(context);
      const counts = { "the right one": eventCount, another: eventCount + 7, none: 0 };
      return points(counts, (count) => {
        const query = { reader: scene.reader, flags: { present: true }, eventCount: count } as const;
        return outcome(context.getStatusChange([query], { timeoutMs: 0 }));
      });
    },
    expected: { "the right one": "timeout", another: "ok", none: "timeout" },
  },
  {
    id: "status-use",
    title: "The flags of a reader that is in use, and whether that it comes into use is a change",
    source: "Microsoft, SCARD_READERSTATE: SCARD_STATE_INUSE, SCARD_STATE_EXCLUSIVE; pcsc-lite, winscard_clnt.c",
    async observe(scene) {
      const context = await scene.context();
      const flags = async (): Promise<string> => flagsOf(await scene.state(context));
      const belief = { reader: scene.reader, flags: { present: true } } as const;
      const waiting = later(context.getStatusChange([belief]));
      const shared = await scene.connect("theirs");
      const [inShared, comesIntoUse] = [await flags(), await scene.stays(waiting)];
      await shared.disconnect("leave");
      const exclusive = await scene.connect("theirs", { shareMode: "exclusive" });
      const inExclusive = await flags();
      await exclusive.disconnect("leave");
      const direct = await scene.connect("theirs", { shareMode: "direct", preferredProtocols: [] });
      const inDirect = await flags();
      await direct.disconnect("leave");
      return {
        shared: inShared,
        "that it comes into use": comesIntoUse,
        exclusive: inExclusive,
        direct: inDirect,
        free: await flags(),
      };
    },
    expected: {
      shared: "changed inuse present",
      "that it comes into use": "waits",
      exclusive: "changed exclusive present",
      direct: "changed inuse present",
      free: "changed present",
    },
  },
  {
    id: "status-queries",
    title: "Nothing to watch, unknown readers, and several queries in one call",
    source: "Microsoft, SCardGetStatusChange; pcsc-lite, winscard_clnt.c: SCardGetStatusChange",
    async observe(scene) {
      const context = await scene.context();
      const { reader } = scene;
      const twice = [
        { reader },
        { reader: "No Such Reader", flags: { ignore: true } },
        { reader, flags: { present: true } },
      ];
      return {
        "no query": await outcome(context.getStatusChange([]), (reports) => `${reports.length} reports`),
        "all ignored": await outcome(context.getStatusChange([{ reader, flags: { ignore: true } }]), (reports) =>
          reports.map(flagsOf).join(),
        ),
        "unknown reader": await outcome(context.getStatusChange([{ reader: "No Such Reader" }])),
        "unknown among known": await outcome(context.getStatusChange([{ reader }, { reader: "No Such Reader" }])),
        "in capitals": await outcome(context.getStatusChange([{ reader: reader.toUpperCase() }]), ([report]) =>
          report === undefined ? "no report" : flagsOf(report),
        ),
        three: await outcome(context.getStatusChange(twice as never), (reports) => reports.map(flagsOf).join()),
        "a time below zero": await outcome(context.getStatusChange([{ reader }], { timeoutMs: -1 })),
      };
    },
    expected: {
      "no query": "0 reports",
      "all ignored": "ignore",
      "unknown reader": "unknown-reader",
      "unknown among known": "unknown-reader",
      "in capitals": "changed present",
      three: "changed present,ignore,present",
      "a time below zero": "invalid-parameter",
    },
  },
  {
    id: "status-cancel",
    title: "A cancel ends all waits of its context, none of another, and no later one",
    source: "Microsoft, SCardCancel; the port, Context.cancel",
    async observe(scene) {
      const [context, another] = [await scene.context(), await scene.context()];
      const belief = { reader: scene.reader, flags: { present: true } } as const;
      await context.cancel();
      const [first, second] = [
        later(context.getStatusChange([belief])),
        later(context.getStatusChange([belief, belief])),
      ];
      const other = later(another.getStatusChange([belief]));
      const nothingOutstanding = await scene.stays(first);
      await context.cancel();
      const seen = {
        "after a cancel of nothing": nothingOutstanding,
        first: await scene.ends(first),
        second: await scene.ends(second),
        "of another context": await scene.stays(other),
        "a later one": await outcome(context.getStatusChange([belief], { timeoutMs: 50 })),
      };
      await another.cancel();
      return seen;
    },
    expected: {
      "after a cancel of nothing": "waits",
      first: "cancelled",
      second: "cancelled",
      "of another context": "waits",
      "a later one": "timeout",
    },
  },
  {
    id: "status-signal",
    title: "A signal ends its own wait, before it begins or while it lasts, and its reason is the cause",
    source: "the port, WaitOptions.signal",
    async observe(scene) {
      const context = await scene.context();
      const belief = { reader: scene.reader, flags: { present: true } } as const;
      const controller = new AbortController();
      const waiting = later(context.getStatusChange([belief], { signal: controller.signal }));
      const other = later(context.getStatusChange([belief]));
      await scene.stays(waiting);
      controller.abort("enough");
      const seen = {
        before: await abortOutcome(
          context.getStatusChange([belief], { signal: AbortSignal.abort("before") }),
          "before",
        ),
        during: await abortOutcome(waiting, "enough"),
        "the other wait": await scene.stays(other),
      };
      await context.cancel();
      return seen;
    },
    expected: {
      before: "cancelled, with the reason",
      during: "cancelled, with the reason",
      "the other wait": "waits",
    },
  },
  {
    id: "status-beside-calls",
    title: "A wait for changes holds up no other call of its context",
    source: "the port, Context; pcsc-lite's advice of one context per thread does not bind our callers",
    async observe(scene) {
      const context = await scene.context();
      const connection = await context.connect(scene.reader, sharedMode);
      const { eventCount, flags } = await scene.state(context);
      const waiting = later(context.getStatusChange([{ reader: scene.reader, flags, eventCount }]));
      await scene.stays(waiting);
      const exchange = await scene.exchange(connection);
      const listed = await outcome(context.listReaders());
      await context.cancel();
      return { exchange, "list readers": listed, "the wait": await outcome(waiting) };
    },
    expected: { exchange: "ok", "list readers": "ok", "the wait": "cancelled" },
  },
];
