// SPDX-License-Identifier: MIT

import type { Connection, Protocol } from "../../port/index.ts";
import type { Behaviour } from "./behaviour.ts";
import { prefixed } from "./contexts.ts";
import { abortOutcome, later, outcome, points, type Scene, sharedMode } from "./scene.ts";

/** Every call of a connection, for one that cannot be used. */
export const callsOnConnection: Readonly<Record<string, (connection: Connection) => Promise<unknown>>> = {
  "begin transaction": (connection) => connection.beginTransaction(),
  "end transaction": (connection) => connection.endTransaction("leave"),
  status: (connection) => connection.status(),
  transmit: (connection) => connection.transmit(Uint8Array.of(0x00, 0xa4, 0x00, 0x00)),
  control: (connection) => connection.control(0x4200_0bad, new Uint8Array()),
  "get attribute": (connection) => connection.getAttribute(0x7ffa_bcde),
  "set attribute": (connection) => connection.setAttribute(0x7ffa_bcde, new Uint8Array(4)),
};

/** The protocol that a connect agrees on, or why it fails. */
function protocolFor(scene: Scene, preferredProtocols: readonly Protocol[]): Promise<string> {
  return outcome(scene.connect("ours", { preferredProtocols }), (connection) => connection.protocol ?? "none");
}

/** Connecting, connecting anew, and disconnecting, with one program. */
export const connectingBehaviours: readonly Behaviour[] = [
  {
    id: "connect-by-name",
    title: "A reader is found by its name, in any case of its letters, and an unknown one is not",
    source: "Microsoft, SCardConnect and SCARD_E_UNKNOWN_READER; the port (case)",
    async observe(scene) {
      const context = await scene.context();
      const nameOf = (name: string): Promise<string> =>
        outcome(context.connect(name, sharedMode), ({ reader }) => (reader === scene.reader ? "its own name" : reader));
      return {
        "as it is": await nameOf(scene.reader),
        "in capitals": await nameOf(scene.reader.toUpperCase()),
        unknown: await nameOf("No Such Reader"),
        empty: await nameOf(""),
      };
    },
    expected: {
      "as it is": "its own name",
      "in capitals": "its own name",
      unknown: "unknown-reader",
      empty: "unknown-reader",
    },
  },
  {
    id: "connect-protocols",
    title: "Card, reader and caller agree on a protocol: T=1 before T=0, or none",
    source: "Microsoft, SCardConnect: dwPreferredProtocols; pcsc-lite, prothandler.c: PHSetProtocol",
    needs: ["test-card"],
    async observe(scene) {
      const wanted = { "T=0": ["t0"], "T=1": ["t1"], either: ["t0", "t1"], raw: ["raw"], "raw or T=1": ["raw", "t1"] };
      return points(wanted as Readonly<Record<string, readonly Protocol[]>>, async (preferredProtocols) => {
        await scene.fresh();
        const context = await scene.context();
        const options = { ...sharedMode, preferredProtocols };
        return outcome(context.connect(scene.reader, options), (connection) => connection.protocol ?? "none").finally(
          () => context.release(),
        );
      });
    },
    expected: { "T=0": "t0", "T=1": "t1", either: "t1", raw: "proto-mismatch", "raw or T=1": "t1" },
  },
  {
    id: "protocol-stands",
    title: "A negotiated protocol stays in use until the card is reset",
    source: "pcsc-lite, winscard.c: SCardConnect; ISO/IEC 7816-3:2006, 6.3.1",
    needs: ["test-card"],
    async observe(scene) {
      const first = await scene.connect("theirs", { preferredProtocols: ["t0"] });
      const other = await protocolFor(scene, ["t1"]);
      const either = await protocolFor(scene, ["t0", "t1"]);
      const inUse = await outcome(
        first.reconnect({ ...sharedMode, preferredProtocols: ["t1"], initialization: "leave" }),
      );
      const options = { ...sharedMode, preferredProtocols: ["t1"], initialization: "reset" } as const;
      const afterReset = await outcome(first.reconnect(options), (protocol) => protocol ?? "none");
      return { "another one": other, either, "reconnect for another": inUse, "after a reset": afterReset };
    },
    expected: {
      "another one": "proto-mismatch",
      either: "t0",
      "reconnect for another": "proto-mismatch",
      "after a reset": "t1",
    },
  },
  {
    id: "connect-arguments",
    title: "Invalid arguments are refused before anything happens",
    source: "Microsoft, SCardConnect; the port, Context.connect",
    async observe(scene) {
      const context = await scene.context();
      const { reader } = scene;
      const options = {
        "an unknown share mode": { ...sharedMode, shareMode: "open" as never },
        "no protocol": { ...sharedMode, preferredProtocols: [] },
        "a time below zero": { ...sharedMode, timeoutMs: -1 },
        "a time that is not a number": { ...sharedMode, timeoutMs: Number.NaN },
      };
      return points(options, (option) => outcome(context.connect(reader, option)));
    },
    expected: {
      "an unknown share mode": "invalid-value",
      "no protocol": "proto-mismatch",
      "a time below zero": "invalid-parameter",
      "a time that is not a number": "invalid-parameter",
    },
  },
  {
    id: "connect-wait-ends",
    title: "A connect that waits for another program's transaction is ended by its deadline, its signal, or cancel",
    source: "the port, WaitOptions and Context.cancel",
    async observe(scene) {
      const holder = await scene.connect("theirs");
      await holder.beginTransaction();
      const context = await scene.context();
      const before = abortOutcome(
        context.connect(scene.reader, { ...sharedMode, signal: AbortSignal.abort("before") }),
        "before",
      );
      const deadline = outcome(context.connect(scene.reader, { ...sharedMode, timeoutMs: 100 }));
      const controller = new AbortController();
      const aborted = later(context.connect(scene.reader, { ...sharedMode, signal: controller.signal }));
      const waits = await scene.stays(aborted);
      controller.abort("enough");
      const seen = { "aborted before": await before, deadline: await deadline, waits };
      const cause = await abortOutcome(aborted, "enough");
      const cancelled = later(context.connect(scene.reader, sharedMode));
      await scene.stays(cancelled);
      await context.cancel();
      const code = await outcome(cancelled);
      await holder.endTransaction("leave");
      return { ...seen, aborted: cause, cancelled: code, "a connect after that": await outcome(scene.connect()) };
    },
    expected: {
      "aborted before": "cancelled, with the reason",
      deadline: "timeout",
      waits: "waits",
      aborted: "cancelled, with the reason",
      cancelled: "cancelled",
      "a connect after that": "ok",
    },
  },
  {
    id: "connection-says-what-it-is",
    title: "A connection and its status report reader, share mode, protocol and ATR",
    source: "Microsoft, SCardStatus",
    needs: ["test-card"],
    async observe(scene) {
      const connection = await scene.connect();
      const status = await connection.status();
      const { eventCount } = await scene.state(await scene.context());
      return {
        connection: `${connection.shareMode} ${connection.protocol}`,
        reader: status.reader === scene.reader && connection.reader === scene.reader ? "right" : "wrong",
        status: `${status.state} ${status.protocol}`,
        atr: Array.from(status.atr, (byte) => byte.toString(16)).join(" "),
        "event count": status.eventCount === eventCount ? "that of the reader's state" : "another",
      };
    },
    expected: {
      connection: "shared t1",
      reader: "right",
      status: "specific t1",
      atr: "3b 84 80 1 63 6f 6e 66 1",
      "event count": "that of the reader's state",
    },
  },
  {
    id: "reconnect-initialization",
    title: "A reconnect leaves the card, resets it, or powers it off; other connections are told of the last two",
    source: "Microsoft, SCardReconnect: dwInitialization",
    needs: ["test-card"],
    async observe(scene) {
      const seen: Record<string, string> = {};
      for (const initialization of ["leave", "reset", "unpower"] as const) {
        await scene.fresh();
        const [ours, theirs] = [await scene.connect(), await scene.connect("theirs")];
        await scene.mark(ours);
        seen[initialization] = await outcome(ours.reconnect({ ...sharedMode, initialization }));
        seen[`${initialization}, own exchange`] = await scene.exchange(ours);
        seen[`${initialization}, the card`] = await scene.card(ours);
        seen[`${initialization}, the other`] = await scene.exchange(theirs);
        await theirs.disconnect("leave");
        await ours.disconnect("leave");
      }
      return seen;
    },
    expected: {
      leave: "ok",
      "leave, own exchange": "ok",
      "leave, the card": "left as it was",
      "leave, the other": "ok",
      reset: "ok",
      "reset, own exchange": "ok",
      "reset, the card": "reset",
      "reset, the other": "reset-card",
      unpower: "ok",
      "unpower, own exchange": "ok",
      "unpower, the card": "reset",
      "unpower, the other": "reset-card",
    },
  },
  {
    id: "reset-is-told",
    title: "After another program's reset every call that needs the card is refused until a reconnect",
    source: "Microsoft, SCARD_W_RESET_CARD; pcsc-lite, readerfactory.c: RFCheckReaderEventState",
    async observe(scene) {
      const [ours, theirs] = [await scene.connect(), await scene.connect("theirs")];
      await theirs.reconnect({ ...sharedMode, initialization: "reset" });
      const { "begin transaction": begin, "end transaction": end, status, transmit } = callsOnConnection;
      const calls = { "begin transaction": begin, "end transaction": end, status, transmit };
      const refused = await points(calls, (call) => outcome(call?.(ours) ?? Promise.resolve()));
      const reconnect = await outcome(ours.reconnect({ ...sharedMode, initialization: "leave" }));
      const after = await scene.exchange(ours);
      return { ...refused, reconnect, "exchange after that": after, "the other": await scene.exchange(theirs) };
    },
    expected: {
      "begin transaction": "reset-card",
      "end transaction": "reset-card",
      status: "reset-card",
      transmit: "reset-card",
      reconnect: "ok",
      "exchange after that": "ok",
      "the other": "ok",
    },
  },
  {
    id: "reconnect-arguments",
    title: "A reconnect with invalid arguments is refused, and the connection stays as it is",
    source: "Microsoft, SCardReconnect; the port, Connection.reconnect",
    async observe(scene) {
      const connection = await scene.connect();
      const leave = { ...sharedMode, initialization: "leave" } as const;
      const options = {
        "an unknown initialization": { ...leave, initialization: "burn" as never },
        "an unknown share mode": { ...leave, shareMode: "open" as never },
        "no protocol": { ...leave, preferredProtocols: [] },
        "a time below zero": { ...leave, timeoutMs: -1 },
      };
      const refused = await points(options, (option) => outcome(connection.reconnect(option)));
      return { ...refused, "exchange after that": await scene.exchange(connection) };
    },
    expected: {
      "an unknown initialization": "invalid-value",
      "an unknown share mode": "invalid-value",
      "no protocol": "proto-mismatch",
      "a time below zero": "invalid-parameter",
      "exchange after that": "ok",
    },
  },
  {
    id: "disconnect-dispositions",
    title: "A disconnect leaves the card, resets it, or powers it off; other connections are told of the last two",
    source: "Microsoft, SCardDisconnect: dwDisposition",
    needs: ["test-card"],
    async observe(scene) {
      const seen: Record<string, string> = {};
      for (const disposition of ["leave", "reset", "unpower", undefined] as const) {
        const name = disposition ?? "not said";
        await scene.fresh();
        const [ours, theirs] = [await scene.connect(), await scene.connect("theirs")];
        await scene.mark(ours);
        seen[name] = await outcome(ours.disconnect(disposition));
        seen[`${name}, the other`] = await scene.exchange(theirs);
        await theirs.reconnect({ ...sharedMode, initialization: "leave" });
        seen[`${name}, the card`] = await scene.card(theirs);
        await theirs.disconnect("leave");
      }
      return seen;
    },
    expected: {
      leave: "ok",
      "leave, the other": "ok",
      "leave, the card": "left as it was",
      reset: "ok",
      "reset, the other": "reset-card",
      "reset, the card": "reset",
      unpower: "ok",
      "unpower, the other": "reset-card",
      "unpower, the card": "reset",
      "not said": "ok",
      "not said, the other": "ok",
      "not said, the card": "left as it was",
    },
  },
  {
    id: "disconnect-arguments",
    title: "An unknown disposition is refused, and the connection stays",
    source: "Microsoft, SCardDisconnect; the port, Connection.disconnect",
    async observe(scene) {
      const connection = await scene.connect();
      const refused = await outcome(connection.disconnect("burn" as never));
      return { refused, "exchange after that": await scene.exchange(connection) };
    },
    expected: { refused: "invalid-value", "exchange after that": "ok" },
  },
  {
    id: "disconnected-handle",
    title: "After a disconnect every call of the connection is refused, and another connection is not concerned",
    source: "Microsoft, SCARD_E_INVALID_HANDLE; the port, Connection",
    async observe(scene) {
      const context = await scene.context();
      const connection = await context.connect(scene.reader, sharedMode);
      const another = await context.connect(scene.reader, sharedMode);
      await connection.disconnect("leave");
      const calls = await points(callsOnConnection, (call) => outcome(call(connection)));
      return {
        ...calls,
        reconnect: await outcome(connection.reconnect({ ...sharedMode, initialization: "leave" })),
        "transmit count": await outcome(connection.transmitCount()),
        disconnect: await outcome(connection.disconnect("leave")),
        dispose: await outcome(connection[Symbol.asyncDispose]()),
        "the other connection": await scene.exchange(another),
      };
    },
    expected: {
      "begin transaction": "invalid-handle",
      "end transaction": "invalid-handle",
      status: "invalid-handle",
      transmit: "invalid-handle",
      control: "invalid-handle",
      "get attribute": "invalid-handle",
      "set attribute": "invalid-handle",
      reconnect: "invalid-handle",
      "transmit count": "invalid-handle",
      disconnect: "invalid-handle",
      dispose: "ok",
      "the other connection": "ok",
    },
  },
  {
    id: "connection-of-a-released-context",
    title: "Connections end with their context",
    source: "Microsoft, SCardReleaseContext; the port, Context",
    async observe(scene) {
      const context = await scene.context();
      const connection = await context.connect(scene.reader, sharedMode);
      await context.release();
      const calls = await points(callsOnConnection, async (call) => {
        const code = await outcome(call(connection));
        // Which of the two is gone makes no difference to the caller.
        return code === "invalid-context" || code === "invalid-handle" ? "refused" : code;
      });
      return { ...prefixed("then ", calls) };
    },
    expected: {
      "then begin transaction": "refused",
      "then end transaction": "refused",
      "then status": "refused",
      "then transmit": "refused",
      "then control": "refused",
      "then get attribute": "refused",
      "then set attribute": "refused",
    },
  },
  {
    id: "disconnect-ends-waits",
    title: "A disconnect ends the connection's own waits",
    source: "the port, Connection.disconnect",
    async observe(scene) {
      const holder = await scene.connect("theirs");
      const connection = await scene.connect();
      await holder.beginTransaction();
      const begin = later(connection.beginTransaction());
      const before = await scene.stays(begin);
      const disconnect = await scene.ends(connection.disconnect("leave"));
      const seen = { before, disconnect, begin: await scene.ends(begin) };
      const theirs = await scene.exchange(holder);
      await holder.endTransaction("leave");
      return { ...seen, "the holder": theirs };
    },
    expected: { before: "waits", disconnect: "ok", begin: "invalid-handle", "the holder": "ok" },
  },
  {
    id: "dispose-resets",
    title: "A connection that is disposed of resets its card, as when a program forgets to disconnect",
    source: "the port, Connection; Microsoft, SCardDisconnect",
    async observe(scene) {
      const [ours, theirs] = [await scene.connect(), await scene.connect("theirs")];
      const dispose = await outcome(ours[Symbol.asyncDispose]());
      return { dispose, "the other": await scene.exchange(theirs) };
    },
    expected: { dispose: "ok", "the other": "reset-card" },
  },
];
