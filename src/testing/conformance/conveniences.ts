// SPDX-License-Identifier: MIT

import type { Connection } from "../../port/index.ts";
import type { Behaviour } from "./behaviour.ts";
import { cardCommands } from "./conformance-card.ts";
import { outcome, sharedMode } from "./scene.ts";

/** What connections offer beyond the calls of a resource manager: functions in transactions, and whole APDUs. */
export const convenienceBehaviours: readonly Behaviour[] = [
  {
    id: "transaction-of-a-function",
    title: "A function runs in a transaction, which ends with it, whether it succeeds or fails",
    source: "the port, Connection.transaction",
    needs: ["test-card"],
    async observe(scene) {
      const [ours, theirs] = [await scene.connect(), await scene.connect("theirs")];
      await scene.mark(ours);
      let theirTurn: Promise<void> | undefined;
      const inside = await outcome(
        ours.transaction(() => {
          theirTurn = theirs.beginTransaction({ timeoutMs: 60_000 });
          return scene.stays(theirTurn);
        }),
        (result) => result,
      );
      // Where the service is another process, the turn may come a moment after the transaction has ended.
      await theirTurn;
      await theirs.endTransaction();
      const failing = ours.transaction(async () => {
        throw new TypeError("own");
      });
      const failed = await failing.then(String, (error) =>
        error instanceof TypeError ? "its own failure" : "another",
      );
      const nested = await outcome(
        ours.transaction(() => ours.transaction(() => scene.exchange(ours))),
        (text) => text,
      );
      const after = await scene.exchange(theirs);
      const card = await scene.card(theirs);
      const reset = await outcome(ours.transaction(() => scene.exchange(ours), { disposition: "reset" }));
      await theirs.reconnect({ ...sharedMode, initialization: "leave" });
      return {
        "the other, inside": inside,
        "a function that fails": failed,
        "one inside another": nested,
        "the other, after them": after,
        "the card": card,
        "with a disposition": reset,
        "the card, after that": await scene.card(theirs),
      };
    },
    expected: {
      "the other, inside": "waits",
      "a function that fails": "its own failure",
      "one inside another": "ok",
      "the other, after them": "ok",
      "the card": "left as it was",
      "with a disposition": "ok",
      "the card, after that": "reset",
    },
  },
  {
    id: "transaction-after-a-reset",
    title: "After another program's reset a transaction fails, or reconnects and begins, as requested",
    source: "the port, TransactionOptions.onReset; Microsoft, SCardBeginTransaction: SCARD_W_RESET_CARD",
    needs: ["test-card"],
    async observe(scene) {
      const ours = await scene.connect();
      let runs = 0;
      const work = (connection: Connection): Promise<string> => {
        runs++;
        return scene.exchange(connection);
      };
      const seen: Record<string, string> = {};
      for (const onReset of ["fail", "reconnect", "repeat"] as const) {
        const theirs = await scene.connect("theirs");
        await theirs.disconnect("reset");
        seen[onReset] = await outcome(ours.transaction(work, { onReset }), (text) => text);
        seen[`${onReset}, runs`] = String(runs);
        if (onReset === "fail") await ours.reconnect({ ...sharedMode, initialization: "leave" });
      }
      return seen;
    },
    expected: {
      fail: "reset-card",
      "fail, runs": "0",
      reconnect: "ok",
      "reconnect, runs": "1",
      repeat: "ok",
      "repeat, runs": "2",
    },
  },
  {
    id: "send-follows-up",
    title: "A command is sent with its follow-ups",
    source: "ISO/IEC 7816-4:2020, 5.3.4; ISO/IEC 7816-3:2006, 12.2",
    needs: ["test-card"],
    async observe(scene) {
      const connection = await scene.connect();
      const show = ({ data, sw }: { readonly data: Uint8Array; readonly sw: number }): string =>
        `${data.length} bytes, ${sw.toString(16)}`;
      return {
        "61xx": await outcome(connection.send(cardCommands.waiting(20)), show),
        "6Cxx": await outcome(connection.send(cardCommands.exact(7)), show),
        parts: await outcome(connection.send({ cla: 0x80, ins: 0x10, p1: 0, p2: 0, data: Uint8Array.of(1, 2) }), show),
        "a status word": await outcome(connection.send({ cla: 0x80, ins: 0xee, p1: 0, p2: 0 }), show),
        "three bytes": await outcome(connection.send(new Uint8Array(3)), show),
        "exchange after that": await scene.exchange(connection),
      };
    },
    expected: {
      "61xx": "20 bytes, 9000",
      "6Cxx": "7 bytes, 9000",
      parts: "2 bytes, 9000",
      "a status word": "0 bytes, 6d00",
      "three bytes": "invalid-parameter",
      "exchange after that": "ok",
    },
  },
];
