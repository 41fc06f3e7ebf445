// SPDX-License-Identifier: MIT

import assert from "node:assert/strict";
import { hexBytes } from "../../../src/base/binary/index.ts";
import { nodeRuntime } from "../../../src/platform/node/runtime/index.ts";
import { CardLine, IccdReaderModel, type IccdReaderOptions, RigCard } from "../models/index.ts";
import { echo } from "./commands.ts";
import type { Scenario } from "./scenario.ts";
import type { ServiceKind } from "./service.ts";

type Version = IccdReaderOptions["version"];

/** dwFeatures of tokens beside the level of exchange: they negotiate and set their parameters by themselves. */
const TOKEN_FEATURES = 0x0840;
const t0Atr = hexBytes("3B7A18000073667465206364313434");
const sizes = [1, 62, 200, 254];
const PLUGS = 3;

/** A USB device that is its own card, ICCD 1.0: everything goes over the control pipe. */
function usbCardScenario(kind: ServiceKind, version: Version): Scenario {
  return {
    title: `a USB card (ICCD version ${version.toUpperCase()}): exchanges, pulled and plugged in, through ${kind}`,
    async run(stage) {
      const serial = `ICCD${version}${kind.length}`;
      const model = new IccdReaderModel({
        clock: nodeRuntime().clock,
        version,
        serial,
        card: new CardLine(new RigCard(version === "a" ? { atr: t0Atr } : {})),
        features: TOKEN_FEATURES,
        maxMessageBytes: 271,
        busyAnswers: 1,
      });
      const service = await stage.service(kind);
      const context = await service.context();
      try {
        for (let plug = 0; plug < PLUGS; plug++) {
          model.plug();
          await stage.usb.plug(model);
          const reader = await service.reader(context, serial);
          const connection = await service.connect(context, reader);
          assert.equal((await connection.status()).protocol, version === "a" ? "t0" : "t1");
          for (const size of sizes) {
            const data = Uint8Array.from({ length: size }, (_, index) => (index * 3) & 0xff);
            let answer = await connection.transmit(echo(data));
            // T=0 has the program fetch an answer to a command with data.
            if (answer[0] === 0x61) answer = await connection.transmit(Uint8Array.of(0, 0xc0, 0, 0, answer[1] ?? 0));
            assert.deepEqual(answer, Uint8Array.of(...data, 0x90, 0x00), `${size} bytes`);
          }
          await connection.reconnect({
            shareMode: "shared",
            preferredProtocols: ["t0", "t1"],
            initialization: "reset",
          });
          assert.equal((await connection.transmit(hexBytes("00B0000010"))).length, 18);
          model.unplug();
          await assert.rejects(connection.transmit(echo(Uint8Array.of(1))));
          await service.noReader(context, serial);
          await connection.disconnect().catch(() => undefined);
        }
      } finally {
        model.unplug();
      }
    },
  };
}

/** libccid gives a USB card a tenth of a second to say that it is there, which an emulated machine does not keep: it is no reference. */
export const usbCardScenarios: readonly Scenario[] = (["a", "b"] as const).map((version) =>
  usbCardScenario("scard", version),
);
