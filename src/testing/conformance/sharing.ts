// SPDX-License-Identifier: MIT

import type { Behaviour } from "./behaviour.ts";
import { later, outcome, points, type Scene, sharedMode } from "./scene.ts";

const modes = { shared: "shared", exclusive: "exclusive", direct: "direct" } as const;

/** What another program may do beside a connection of each mode. */
async function beside(scene: Scene, held: keyof typeof modes): Promise<Record<string, string>> {
  const theirs = await scene.connect("theirs", { shareMode: held });
  const seen = await points(modes, async (shareMode) => {
    const context = await scene.context();
    return outcome(context.connect(scene.reader, { ...sharedMode, shareMode })).finally(() => context.release());
  });
  await theirs.disconnect("leave");
  return seen;
}

/** Which connections can coexist. */
export const sharingBehaviours: readonly Behaviour[] = [
  {
    id: "beside-shared",
    title: "Beside a shared connection of another program",
    source: "Microsoft, SCardConnect: dwShareMode; pcsc-lite, winscard.c: SCardConnect",
    observe: (scene) => beside(scene, "shared"),
    expected: { shared: "ok", exclusive: "sharing-violation", direct: "ok" },
  },
  {
    id: "beside-exclusive",
    title: "Beside an exclusive connection of another program",
    source: "Microsoft, SCardConnect: dwShareMode",
    observe: (scene) => beside(scene, "exclusive"),
    expected: { shared: "sharing-violation", exclusive: "sharing-violation", direct: "sharing-violation" },
  },
  {
    id: "beside-direct",
    title: "Beside a direct connection of another program",
    source: 'Microsoft, SCardConnect ("private use"); pcsc-lite, winscard.c: SCardConnect',
    observe: (scene) => beside(scene, "direct"),
    expected: { shared: "ok", exclusive: "sharing-violation", direct: "ok" },
  },
  {
    id: "beside-own",
    title: "Connections of the same program, and of the same context, count like all others",
    source: "pcsc-lite, winscard.c: SCardConnect",
    async observe(scene) {
      const context = await scene.context();
      const first = await context.connect(scene.reader, sharedMode);
      const shared = await outcome(context.connect(scene.reader, sharedMode), () => "ok");
      const exclusive = await outcome(context.connect(scene.reader, { ...sharedMode, shareMode: "exclusive" }));
      return { shared, exclusive, "exchange of the first": await scene.exchange(first) };
    },
    expected: { shared: "ok", exclusive: "sharing-violation", "exchange of the first": "ok" },
  },
  {
    id: "beside-a-transaction",
    title: "A connect while another program has a transaction",
    source: "WICG, behavioral-differences.md; pcsc-lite, winscard.c: SCardConnect",
    async observe(scene) {
      const holder = await scene.connect("theirs");
      await holder.beginTransaction();
      const shared = later(scene.connect());
      const exclusive = later(scene.connect("ours", { shareMode: "exclusive" }));
      const direct = later(scene.connect("ours", { shareMode: "direct", preferredProtocols: [] }));
      const calls = { shared, direct, exclusive };
      const before = await points({ shared, direct }, (call) => scene.stays(call));
      await holder.endTransaction("leave");
      const after = await points(calls, (call) => outcome(call));
      return { ...before, "shared, after it": after.shared ?? "", "direct, after it": after.direct ?? "" };
    },
    expected: { shared: "waits", direct: "waits", "shared, after it": "ok", "direct, after it": "ok" },
  },
  {
    id: "exclusive-beside-a-transaction",
    title: "An exclusive connect while another program has a transaction is refused",
    source: "WICG, behavioral-differences.md; pcsc-lite, winscard.c: SCardConnect",
    async observe(scene) {
      const holder = await scene.connect("theirs");
      await holder.beginTransaction();
      const exclusive = later(scene.connect("ours", { shareMode: "exclusive" }));
      const during = await scene.stays(exclusive);
      await holder.endTransaction("leave");
      return { during, "in the end": await outcome(exclusive) };
    },
    expected: { during: "sharing-violation", "in the end": "sharing-violation" },
  },
  {
    id: "exclusive-ends",
    title: "Exclusive use ends with the disconnect, or with a reconnect that shares",
    source: "Microsoft, SCardReconnect: dwShareMode",
    async observe(scene) {
      const ours = await scene.connect("ours", { shareMode: "exclusive" });
      const begin = await outcome(ours.beginTransaction());
      const exchange = await scene.exchange(ours);
      const end = await outcome(ours.endTransaction("leave"));
      await ours.disconnect("leave");
      const afterwards = await outcome(scene.connect("theirs"), () => "ok");
      return { begin, exchange, end, "another after the disconnect": afterwards };
    },
    expected: { begin: "ok", exchange: "ok", end: "ok", "another after the disconnect": "ok" },
  },
  {
    id: "exclusive-to-shared",
    title: "After a change from exclusive to shared, other programs can connect",
    source: 'Microsoft, SCardReconnect: dwShareMode; docs/interop/pcscd-differences.md, "After exclusive use"',
    async observe(scene) {
      const ours = await scene.connect("ours", { shareMode: "exclusive" });
      const reconnect = await outcome(ours.reconnect({ ...sharedMode, initialization: "leave" }));
      const another = later(scene.connect("theirs"));
      const during = await scene.ends(another);
      await ours.disconnect("leave");
      return { reconnect, "another connect": during, "in the end": await outcome(another) };
    },
    expected: { reconnect: "ok", "another connect": "ok", "in the end": "ok" },
  },
  {
    id: "reconnect-to-exclusive",
    title: "A reconnect gets exclusive use where no other connection is open",
    source: "Microsoft, SCardReconnect: dwShareMode",
    async observe(scene) {
      const [ours, theirs] = [await scene.connect(), await scene.connect("theirs")];
      const exclusive = { ...sharedMode, shareMode: "exclusive", initialization: "leave" } as const;
      const shared = await outcome(ours.reconnect(exclusive));
      const unharmed = await scene.exchange(ours);
      await theirs.disconnect("leave");
      const alone = await outcome(ours.reconnect(exclusive));
      return {
        "while another is connected": shared,
        "exchange after that": unharmed,
        alone,
        "the mode": ours.shareMode,
        "another connect": await outcome(scene.connect("theirs")),
      };
    },
    expected: {
      "while another is connected": "sharing-violation",
      "exchange after that": "ok",
      alone: "ok",
      "the mode": "exclusive",
      "another connect": "sharing-violation",
    },
  },
  {
    id: "direct-alone",
    title: "A direct connection is one to the reader: it has no protocol, and no command gets through to the card",
    source: "Microsoft, SCardConnect: SCARD_SHARE_DIRECT; pcsc-lite, winscard.c: SCardConnect",
    needs: ["test-card"],
    async observe(scene) {
      const none = await scene.connect("ours", { shareMode: "direct", preferredProtocols: [] });
      const seen = {
        protocol: none.protocol ?? "none",
        exchange: await scene.exchange(none),
        "unknown control code": await outcome(none.control(0x4200_0bad, new Uint8Array())),
      };
      await none.disconnect("leave");
      await scene.fresh();
      const asking = await scene.connect("ours", { shareMode: "direct" });
      return { ...seen, "protocol that was asked for": asking.protocol ?? "none" };
    },
    expected: {
      protocol: "none",
      exchange: "proto-mismatch",
      "unknown control code": "unsupported-feature",
      "protocol that was asked for": "none",
    },
  },
  {
    id: "direct-joins",
    title: "A direct connection beside a shared one takes part in its protocol",
    source: "WICG, behavioral-differences.md; pcsc-lite, winscard.c: SCardConnect",
    needs: ["test-card"],
    async observe(scene) {
      const theirs = await scene.connect("theirs");
      const direct = later(scene.connect("ours", { shareMode: "direct", preferredProtocols: [] }));
      const protocol = await outcome(direct, (connection) => connection.protocol ?? "none");
      const exchange = await direct.then((connection) => scene.exchange(connection)).catch(() => "no connection");
      return { protocol, exchange, "the other": await scene.exchange(theirs) };
    },
    expected: { protocol: "t1", exchange: "ok", "the other": "ok" },
  },
];
