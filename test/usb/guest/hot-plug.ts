// SPDX-License-Identifier: MIT

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { SmartCardError } from "../../../src/port/index.ts";
import {
  CardLine,
  type CcidReaderModel,
  type CcidReaderOptions,
  type Preset,
  RigCard,
  type TransferStep,
} from "../models/index.ts";
import { echo } from "./commands.ts";
import type { Scenario, Stage } from "./scenario.ts";
import type { Service, ServiceKind } from "./service.ts";

const HOT_PLUGS = 100;
const CARD_MOVES = 25;
/** The kernel takes seconds to give up a device that went while it was asked for its descriptors. */
const HASTY_PLUGS = 5;

type Faults = CcidReaderOptions["transferFaults"];

/** A model with a card, plugged in, and a service that has found it. */
async function withReader(
  stage: Stage,
  kind: ServiceKind,
  preset: Preset,
  body: (service: Service, model: CcidReaderModel, reader: string, device: string) => Promise<unknown>,
  transferFaults?: Faults,
): Promise<unknown> {
  const model = stage.model(preset, transferFaults === undefined ? {} : { transferFaults });
  const slot = model.shape.slots - 1;
  model.insert(new CardLine(new RigCard()), slot);
  const service = await stage.service(kind);
  const { device } = await stage.usb.plug(model);
  const context = await service.context();
  return await body(service, model, await service.reader(context, model.shape.serial, slot), device);
}

/** What a program may be told when the reader goes in the middle of its command. */
const lossCodes: ReadonlySet<string> = new Set([
  "reader-unavailable",
  "removed-card",
  "comm-error",
  "unknown-reader",
  "no-smartcard",
]);

function stepsScenario(kind: ServiceKind, preset: Preset): Scenario {
  return {
    title: `${preset}: the reader is unplugged at each step of an APDU, through ${kind}`,
    run: (stage) => {
      let transfers = 0;
      let goneAt = 0;
      const faults = ({ kind: transfer, endpoint }: TransferStep): "gone" | undefined => {
        // The interrupt endpoint is read again at any time: it is no step of the command.
        if (transfer !== "control" && endpoint !== 0x83 && goneAt > 0 && ++transfers === goneAt) return "gone";
        return undefined;
      };
      return withReader(
        stage,
        kind,
        preset,
        async (service, model) => {
          const { serial } = model.shape;
          const context = await service.context();
          // Several messages, or blocks of T=1, each way.
          const command = echo(new Uint8Array(800).fill(7));
          const codes: string[] = [];
          for (let step = 1; ; step++) {
            const reader = await service.reader(context, serial);
            const connection = await service.connect(context, reader);
            transfers = 0;
            goneAt = step;
            const outcome = await connection.transmit(command).then(
              () => "done",
              (error: unknown) => (error instanceof SmartCardError ? error.code : String(error)),
            );
            goneAt = 0;
            if (outcome === "done") break;
            codes.push(outcome);
            assert.ok(lossCodes.has(outcome), `step ${step}: ${outcome}`);
            await service.noReader(context, serial);
            await connection.disconnect().catch(() => undefined);
            model.plug();
            await stage.usb.plug(model);
          }
          assert.ok(codes.length >= 2, `${codes.length} steps`);
          return codes;
        },
        faults,
      );
    },
  };
}

function hundredScenario(kind: ServiceKind): Scenario {
  return {
    title: `a reader is plugged in ${HOT_PLUGS} times in a row, through ${kind}`,
    run: (stage) =>
      withReader(stage, kind, "extended APDU", async (service, model) => {
        const context = await service.context();
        const start = performance.now();
        for (let round = 0; round < HOT_PLUGS; round++) {
          model.unplug();
          await service.noReader(context, model.shape.serial);
          model.plug();
          await stage.usb.plug(model);
          await service.reader(context, model.shape.serial);
        }
        const reader = await service.reader(context, model.shape.serial);
        const connection = await service.connect(context, reader);
        assert.deepEqual(await connection.transmit(echo(Uint8Array.of(1, 2, 3))), Uint8Array.of(1, 2, 3, 0x90, 0));
        const names = (await context.listReaders()).filter((name) => name.includes(`(${model.shape.serial})`));
        assert.equal(names.length, 1);
        return { reader, msEach: Math.round((performance.now() - start) / HOT_PLUGS) };
      }),
  };
}

/** Pulled while the kernel and the service still ask the device who it is. */
function hastyScenario(kind: ServiceKind): Scenario {
  return {
    title: `a reader that is pulled at once, again and again, can be used when it stays, through ${kind}`,
    run: (stage) =>
      withReader(stage, kind, "TPDU", async (service, model) => {
        for (let round = 0; round < HASTY_PLUGS; round++) {
          model.unplug();
          model.plug();
          await stage.usb.plug(model);
          await new Promise((resolve) => setTimeout(resolve, round * 60));
        }
        // The kernel itself may have given up the last one.
        const context = await service.context();
        model.unplug();
        await service.noReader(context, model.shape.serial);
        model.plug();
        await stage.usb.plug(model);
        const reader = await service.reader(context, model.shape.serial);
        const connection = await service.connect(context, reader);
        assert.equal((await connection.transmit(echo(Uint8Array.of(9)))).length, 3);
      }),
  };
}

function cardScenario(kind: ServiceKind, preset: Preset): Scenario {
  return {
    title: `${preset}: a card is put in and taken out ${CARD_MOVES} times, through ${kind}`,
    run: (stage) =>
      withReader(stage, kind, preset, async (service, model, reader) => {
        const context = await service.context();
        await service.card(context, reader, true);
        for (let round = 0; round < CARD_MOVES; round++) {
          const connection = await service.connect(context, reader);
          model.remove();
          await service.card(context, reader, false);
          await assert.rejects(connection.transmit(echo(Uint8Array.of(1))));
          await connection.disconnect().catch(() => undefined);
          model.insert(new CardLine(new RigCard()));
          await service.card(context, reader, true);
        }
        const connection = await service.connect(context, reader);
        assert.equal((await connection.transmit(echo(Uint8Array.of(1)))).length, 3);
      }),
  };
}

function sleepScenario(kind: ServiceKind): Scenario {
  return {
    title: `a device that the system takes away and gives back is used again, through ${kind}`,
    run: (stage) =>
      withReader(stage, kind, "TPDU", async (service, { shape: { serial } }, _reader, device) => {
        const context = await service.context();
        for (const [file, off, on] of [
          [`/sys/bus/usb/devices/${device}/authorized`, "0", "1"],
          ["/sys/bus/usb/drivers/usb", `unbind ${device}`, `bind ${device}`],
        ] as const) {
          const reader = await service.reader(context, serial);
          const connection = await service.connect(context, reader);
          assert.equal((await connection.transmit(echo(Uint8Array.of(1)))).length, 3);
          await tell(file, off);
          await service.noReader(context, serial);
          await assert.rejects(connection.transmit(echo(Uint8Array.of(1))));
          await connection.disconnect().catch(() => undefined);
          await tell(file, on);
          const again = await service.connect(context, await service.reader(context, serial));
          assert.equal((await again.transmit(echo(Uint8Array.of(1)))).length, 3);
          await again.disconnect();
        }
      }),
  };
}

/** Not synchronously: the kernel waits for the model, which is a part of this process, to give its transfers back. */
async function tell(path: string, words: string): Promise<void> {
  const [file, value] = words.includes(" ") ? words.split(" ") : [undefined, words];
  await writeFile(file === undefined ? path : `${path}/${file}`, value ?? "");
}

export function hotPlugScenarios(kind: ServiceKind): readonly Scenario[] {
  return [
    stepsScenario(kind, "extended APDU, chained"),
    stepsScenario(kind, "TPDU"),
    hundredScenario(kind),
    hastyScenario(kind),
    cardScenario(kind, "extended APDU"),
    cardScenario(kind, "no interrupt endpoint"),
    sleepScenario(kind),
  ];
}
