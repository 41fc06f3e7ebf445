// SPDX-License-Identifier: MIT

import assert from "node:assert/strict";
import { CardLine, type Preset, presets, RigCard, readerModel } from "../models/index.ts";
import type { Scenario } from "./scenario.ts";
import { Service, type ServiceKind } from "./service.ts";

const shortSizes = [0, 1, 62, 200, 254];
const longSizes = [256, 257, 4096, 65_000];

/** The kinds of readers that libccid drives too. It takes no reader at character level without T=0 alone, and no unknown product. */
const knownToLibccid: ReadonlySet<Preset> = new Set([
  "extended APDU",
  "extended APDU, chained",
  "short APDU",
  "TPDU",
  "two slots, PIN pad",
]);

function modelScenario(kind: ServiceKind, args: readonly string[], preset: Preset): Scenario {
  return {
    title: `${preset}: exchanges through ${kind}`,
    async run({ usb, clock }) {
      const model = readerModel(preset, { clock });
      const card = new RigCard();
      const slot = model.shape.slots - 1;
      model.insert(new CardLine(card), slot);
      const service = await Service.start(kind, args);
      try {
        const plugged = await usb.plug(model);
        const context = await service.context();
        const reader = await service.reader(context, model.shape.serial, slot);
        const connection = await service.connect(context, reader);
        const sizes = model.shape.level === "extended-apdu" ? [...shortSizes, ...longSizes] : shortSizes;
        for (const size of sizes) {
          const data = Uint8Array.from({ length: size }, (_, index) => (index * 3) & 0xff);
          const answer = await connection.transmit(echo(data));
          assert.equal(answer.length, size + 2, `${size} bytes`);
          assert.deepEqual(answer.subarray(0, size), data);
        }
        model.unplug();
        await assert.rejects(connection.transmit(echo(Uint8Array.of(1))));
        await service.noReader(context, model.shape.serial);
        return { reader, device: plugged.device };
      } finally {
        await service.stop();
        model.unplug();
      }
    },
  };
}

/** A command that the card answers with its data field. */
function echo(data: Uint8Array): Uint8Array {
  if (data.length === 0) return Uint8Array.of(0, 0xec, 0, 0);
  if (data.length < 255) return Uint8Array.of(0, 0xec, 0, 0, data.length, ...data, 0);
  return Uint8Array.of(0, 0xec, 0, 0, 0, data.length >> 8, data.length & 0xff, ...data, 0, 0);
}

export const modelScenarios: readonly Scenario[] = (Object.keys(presets) as Preset[])
  .filter((preset) => knownToLibccid.has(preset))
  .map((preset) => modelScenario("pcscd", [], preset));
