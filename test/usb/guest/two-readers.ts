// SPDX-License-Identifier: MIT

import assert from "node:assert/strict";
import { CardLine, RigCard } from "../models/index.ts";
import { echo } from "./commands.ts";
import type { Scenario } from "./scenario.ts";
import type { ServiceKind } from "./service.ts";

const ROUNDS = 30;

/** Readers and slots work side by side: a slow card in one does not hold up the others. */
export function twoReadersScenario(kind: ServiceKind): Scenario {
  return {
    title: `two readers and two slots are busy at once, through ${kind}`,
    async run(stage) {
      const one = stage.model("TPDU");
      const two = stage.model("two slots, PIN pad");
      let isHeld = false;
      const slow = stage.model("short APDU", { isHeld: () => isHeld, extensionMs: 100 });
      for (const model of [one, two, slow]) model.insert(new CardLine(new RigCard()));
      two.insert(new CardLine(new RigCard()), 1);
      const service = await stage.service(kind);
      for (const model of [one, two, slow]) await stage.usb.plug(model);
      const context = await service.context();
      const places = [
        [one, 0],
        [two, 0],
        [two, 1],
      ] as const;
      const connections = [];
      for (const [model, slot] of places) {
        connections.push(await service.connect(context, await service.reader(context, model.shape.serial, slot)));
      }
      const slowOne = await service.connect(context, await service.reader(context, slow.shape.serial));
      isHeld = true;
      let isAnswered = false;
      const slowAnswer = slowOne.transmit(echo(Uint8Array.of(1))).then((answer) => {
        isAnswered = true;
        return answer;
      });
      await Promise.all(
        connections.map(async (connection, index) => {
          for (let round = 0; round < ROUNDS; round++) {
            const data = Uint8Array.of(index, round, 7);
            assert.deepEqual(await connection.transmit(echo(data)), Uint8Array.of(...data, 0x90, 0));
          }
        }),
      );
      // The others have done all that while the slow card has not answered once.
      assert.equal(isAnswered, false);
      isHeld = false;
      assert.deepEqual(await slowAnswer, Uint8Array.of(1, 0x90, 0));
    },
  };
}
