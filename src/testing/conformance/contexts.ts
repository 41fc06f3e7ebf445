// SPDX-License-Identifier: MIT

import type { Context } from "../../port/index.ts";
import type { Behaviour } from "./behaviour.ts";
import { later, outcome, points, type Scene, sharedMode } from "./scene.ts";

/** Every call of a context, for one that is over. */
const callsOnContext: Readonly<Record<string, (context: Context, scene: Scene) => Promise<unknown>>> = {
  "list readers": (context) => context.listReaders(),
  "list reader groups": (context) => context.listReaderGroups(),
  "describe reader": (context, { reader }) => context.describeReader(reader),
  "status change": (context, { reader }) => context.getStatusChange([{ reader }]),
  connect: (context, { reader }) => context.connect(reader, sharedMode),
  cancel: (context) => context.cancel(),
  release: (context) => context.release(),
};

/** Contexts, and what is asked of them alone. */
export const contextBehaviours: readonly Behaviour[] = [
  {
    id: "context-release",
    title: "A released context is not valid any more, and refuses every call",
    source: "Microsoft, SCardReleaseContext and SCardIsValidContext",
    async observe(scene) {
      const context = await scene.context();
      const before = String(await context.isValid());
      const release = await outcome(context.release());
      const after = String(await context.isValid());
      const calls = await points(callsOnContext, (call) => outcome(call(context, scene)));
      const dispose = await outcome(context[Symbol.asyncDispose]());
      return {
        "valid before": before,
        "the release": release,
        "valid after": after,
        ...prefixed("then ", calls),
        dispose,
      };
    },
    expected: {
      "valid before": "true",
      "the release": "ok",
      "valid after": "false",
      "then list readers": "invalid-context",
      "then list reader groups": "invalid-context",
      "then describe reader": "invalid-context",
      "then status change": "invalid-context",
      "then connect": "invalid-context",
      "then cancel": "invalid-context",
      "then release": "invalid-context",
      dispose: "ok",
    },
  },
  {
    id: "context-scopes",
    title: "A context is opened in each of the scopes, and says which one it has",
    source: "Microsoft, SCardEstablishContext: dwScope",
    observe: (scene) =>
      points({ user: "user", terminal: "terminal", system: "system" } as const, async (scope) => {
        const context = await scene.context("ours", { scope });
        return context.scope;
      }),
    expected: { user: "user", terminal: "terminal", system: "system" },
  },
  {
    id: "context-independence",
    title: "The end of a context leaves others of the same program alone",
    source: "Microsoft, SCardReleaseContext; the port, Context.release",
    async observe(scene) {
      const [first, second] = [await scene.context(), await scene.context()];
      const connection = await second.connect(scene.reader, sharedMode);
      await connection.beginTransaction();
      await first.release();
      return {
        valid: String(await second.isValid()),
        exchange: await scene.exchange(connection),
        end: await outcome(connection.endTransaction("leave")),
      };
    },
    expected: { valid: "true", exchange: "ok", end: "ok" },
  },
  {
    id: "release-ends-waits",
    title: "A release ends every outstanding wait of the context",
    source: "the port, Context.release; Microsoft, SCardReleaseContext",
    async observe(scene) {
      const context = await scene.context();
      const connection = await context.connect(scene.reader, sharedMode);
      const holder = await scene.connect("theirs");
      await holder.beginTransaction();
      const { eventCount, flags } = await scene.state(context);
      const calls = {
        "status change": later(context.getStatusChange([{ reader: scene.reader, flags, eventCount }])),
        transmit: later(connection.transmit(Uint8Array.of(0x00, 0xa4, 0x00, 0x00))),
        begin: later(connection.beginTransaction()),
        connect: later(context.connect(scene.reader, sharedMode)),
      };
      const before = await points(calls, (call) => scene.stays(call));
      const release = scene.ends(context.release());
      const after = await points(calls, (call) => scene.ends(call));
      await holder.endTransaction("leave");
      return { ...prefixed("before, ", before), ...prefixed("after, ", after), release: await release };
    },
    expected: {
      "before, status change": "waits",
      "before, transmit": "waits",
      "before, begin": "waits",
      "before, connect": "waits",
      "after, status change": "cancelled",
      "after, transmit": "cancelled",
      "after, begin": "cancelled",
      "after, connect": "cancelled",
      release: "ok",
    },
  },
  {
    id: "release-frees-the-lock",
    title: "A release ends the context's transaction, and resets the card of it",
    source: "pcsc-lite, winscard_svc.c: MSGCleanupClient; Microsoft, SCardReleaseContext",
    needs: ["test-card"],
    async observe(scene) {
      const context = await scene.context();
      const connection = await context.connect(scene.reader, sharedMode);
      const theirs = await scene.connect("theirs");
      await scene.mark(connection);
      await connection.beginTransaction();
      const waiting = later(theirs.beginTransaction());
      const before = await scene.stays(waiting);
      const release = await outcome(context.release());
      const told = await scene.ends(waiting);
      const reconnect = await outcome(theirs.reconnect({ ...sharedMode, initialization: "leave" }));
      return { before, release, told, reconnect, card: await scene.card(theirs) };
    },
    expected: { before: "waits", release: "ok", told: "reset-card", reconnect: "ok", card: "reset" },
  },
  {
    id: "release-without-disconnect",
    title: "What a card suffers whose connection was not ended",
    source: 'Microsoft, SCardDisconnect ("If an application … ends without calling it"); pcsc-lite, winscard_svc.c',
    needs: ["test-card"],
    async observe(scene) {
      const context = await scene.context();
      const connection = await context.connect(scene.reader, sharedMode);
      const theirs = await scene.connect("theirs");
      await scene.mark(connection);
      await context.release();
      return { "told to the other": await scene.exchange(theirs) };
    },
    expected: { "told to the other": "ok" },
  },
  {
    id: "list-readers",
    title: "Readers are listed, of all groups or of those that are named",
    source: "Microsoft, SCardListReaders: mszGroups",
    async observe(scene) {
      const context = await scene.context();
      const groups = {
        "no groups": undefined,
        SCard$AllReaders: ["SCard$AllReaders"],
        SCard$DefaultReaders: ["SCard$DefaultReaders"],
        "two groups": ["There is none", "SCard$DefaultReaders"],
        "an unknown group": ["There is none"],
      };
      return points(groups, (group) =>
        outcome(context.listReaders(group), (names) => (names.includes(scene.reader) ? "listed" : "not listed")),
      );
    },
    expected: {
      "no groups": "listed",
      SCard$AllReaders: "listed",
      SCard$DefaultReaders: "listed",
      "two groups": "listed",
      "an unknown group": "not listed",
    },
  },
  {
    id: "list-reader-groups",
    title: "The group of all readers is listed",
    source: "Microsoft, SCardListReaderGroups; pcsc-lite, winscard_clnt.c: SCardListReaderGroups",
    async observe(scene) {
      const context = await scene.context();
      return { groups: await outcome(context.listReaderGroups(), (names) => names.join(" ")) };
    },
    expected: { groups: "SCard$DefaultReaders" },
  },
  {
    id: "describe-reader",
    title: "A reader is described as a device, also while others use it, without disturbing them",
    source: "the port, Context.describeReader; Microsoft, SCardGetReaderDeviceInstanceId",
    async observe(scene) {
      const context = await scene.context();
      const describe = (reader: string): Promise<string> =>
        outcome(context.describeReader(reader), (device) =>
          device.reader === scene.reader && device.systemName !== "" && device.instanceId !== "" ? "ok" : "no names",
        );
      const free = await describe(scene.reader);
      const theirs = await scene.connect("theirs", { shareMode: "exclusive" });
      const exclusive = await describe(scene.reader);
      const exchange = await scene.exchange(theirs);
      await theirs.disconnect("leave");
      return {
        free,
        "in exclusive use": exclusive,
        "their exchange": exchange,
        unknown: await describe("No Such Reader"),
      };
    },
    expected: { free: "ok", "in exclusive use": "ok", "their exchange": "ok", unknown: "unknown-reader" },
  },
];

/** The same points under longer names. */
export function prefixed(prefix: string, seen: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(seen).map(([point, value]) => [`${prefix}${point}`, value]));
}
