// SPDX-License-Identifier: MIT

import assert from "node:assert/strict";
import { CardLine, type Preset, presets, RigCard } from "../models/index.ts";
import { echo } from "./commands.ts";
import type { Scenario } from "./scenario.ts";
import type { ServiceKind } from "./service.ts";

const shortSizes = [0, 1, 62, 200, 254];
const longSizes = [256, 257, 4096, 65_000];

function modelScenario(kind: ServiceKind, preset: Preset): Scenario {
  return {
    title: `${preset}: exchanges through ${kind}`,
    async run(stage) {
      const model = stage.model(preset);
      const { level, serial, slots } = model.shape;
      const slot = slots - 1;
      model.insert(new CardLine(new RigCard()), slot);
      const service = await stage.service(kind);
      await stage.usb.plug(model);
      const context = await service.context();
      const reader = await service.reader(context, serial, slot);
      const connection = await service.connect(context, reader);
      for (const size of level === "extended-apdu" ? [...shortSizes, ...longSizes] : shortSizes) {
        const data = Uint8Array.from({ length: size }, (_, index) => (index * 3) & 0xff);
        const answer = await connection.transmit(echo(data));
        assert.equal(answer.length, size + 2, `${size} bytes`);
        assert.deepEqual(answer.subarray(0, size), data);
      }
      model.unplug();
      await assert.rejects(connection.transmit(echo(Uint8Array.of(1))));
      await service.noReader(context, serial);
      return reader;
    },
  };
}

/** Through pcscd: libccid agrees with the models. */
export const modelReferences: readonly Scenario[] = [
  modelScenario("pcscd", "extended APDU, chained"),
  modelScenario("pcscd", "TPDU"),
];
/** Through scard with libccid in a process of its own. */
export const libccidScenarios: readonly Scenario[] = [
  modelScenario("scard with libccid", "extended APDU, chained"),
  modelScenario("scard with libccid", "two slots, PIN pad"),
];
/** Through scard: our driver does. */
export const modelScenarios: readonly Scenario[] = (Object.keys(presets) as Preset[]).map((preset) =>
  modelScenario("scard", preset),
);
