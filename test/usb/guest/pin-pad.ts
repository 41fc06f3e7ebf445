// SPDX-License-Identifier: MIT

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Connection } from "../../../src/port/index.ts";
import { CardLine, RigCard } from "../models/index.ts";
import type { Scenario } from "./scenario.ts";
import { runFolder, type ServiceKind } from "./service.ts";

/** CM_IOCTL_GET_FEATURE_REQUEST, and the tags of PC/SC part 10, 2.2. */
const FEATURES = 0x4200_0d48;
const VERIFY_PIN_DIRECT = 0x06;
const MODIFY_PIN_DIRECT = 0x07;
const IFD_PIN_PROPERTIES = 0x0a;
const TLV_PROPERTIES = 0x12;

/** Digits that stand in no log by chance. */
const PIN = "7391584";
const NEW_PIN = "6620973";

async function features(connection: Connection): Promise<ReadonlyMap<number, number>> {
  const list = await connection.control(FEATURES, new Uint8Array(0));
  const found = new Map<number, number>();
  for (let at = 0; at + 6 <= list.length; at += 6) {
    const view = new DataView(list.buffer, list.byteOffset + at + 2, 4);
    found.set(list[at] ?? 0, view.getUint32(0));
  }
  return found;
}

/** PIN_VERIFY_STRUCTURE: ASCII, left justified, 4 to 8 digits, the enter key ends it. PC/SC part 10, 2.5.2. */
function verifyStructure(): Uint8Array {
  const command = [0x00, 0x20, 0x00, 0x80, 0x08, ...new Uint8Array(8).fill(0xff)];
  return Uint8Array.of(
    ...[30, 30, 0x82, 0x08, 0x00, 0x08, 0x04, 0x02, 0x01, 0x09, 0x04, 0x00, 0x00, 0x00, 0x00],
    ...[command.length, 0, 0, 0],
    ...command,
  );
}

/** PIN_MODIFY_STRUCTURE: the old PIN, then the new one twice. PC/SC part 10, 2.5.3. */
function modifyStructure(): Uint8Array {
  const command = [0x00, 0x24, 0x00, 0x80, 0x10, ...new Uint8Array(16).fill(0xff)];
  return Uint8Array.of(
    ...[
      30, 30, 0x82, 0x08, 0x00, 0x00, 0x08, 0x08, 0x04, 0x03, 0x02, 0x03, 0x09, 0x04, 0x00, 0x01, 0x02, 0x00, 0x00,
      0x00,
    ],
    ...[command.length, 0, 0, 0],
    ...command,
  );
}

/** The ways in which digits could stand in a text: as they are, in hexadecimal ASCII with and without spaces, in BCD. */
function spellings(pin: string): readonly string[] {
  const ascii = Array.from(pin, (digit) => `3${digit}`);
  const pairs = `${pin}f`.match(/../g) ?? [];
  const listed = Array.from(pin, (digit) => String(0x30 + Number(digit)));
  return [pin, ascii.join(""), ascii.join(" "), ascii.join(":"), pairs.join(" "), listed.join(","), listed.join(", ")];
}

export function pinPadScenario(kind: ServiceKind): Scenario {
  return {
    title: `PINs typed at a PIN pad verify and change, and no log has them, through ${kind}`,
    async run(stage) {
      let entries = [PIN, PIN, NEW_PIN, NEW_PIN];
      const card = new RigCard();
      const model = stage.model("two slots, PIN pad", {
        user: () => {
          const [digits, ...rest] = entries;
          entries = rest;
          return digits === undefined ? { digits: "", key: "cancel" } : { digits, key: "enter" };
        },
      });
      model.insert(new CardLine(card), 1);
      const service = await stage.service(kind);
      const said: string[] = [];
      try {
        await stage.usb.plug(model);
        const context = await service.context();
        const reader = await service.reader(context, model.shape.serial, 1);
        const connection = await service.connect(context, reader);
        const found = await features(connection);
        for (const tag of [VERIFY_PIN_DIRECT, MODIFY_PIN_DIRECT, IFD_PIN_PROPERTIES, TLV_PROPERTIES]) {
          assert.ok(found.has(tag), `feature ${tag}`);
        }
        const verified = await connection.control(found.get(VERIFY_PIN_DIRECT) ?? 0, verifyStructure());
        assert.deepEqual(verified, Uint8Array.of(0x90, 0x00));
        assert.equal(text(card.lastPin), `${PIN}\u00ff`);
        const changed = await connection.control(found.get(MODIFY_PIN_DIRECT) ?? 0, modifyStructure());
        assert.deepEqual(changed, Uint8Array.of(0x90, 0x00));
        assert.equal(text(card.lastPin), `${PIN}\u00ff${NEW_PIN}\u00ff`);
        // A person who presses cancel: the status word of PC/SC part 10.
        const cancelled = await connection.control(found.get(VERIFY_PIN_DIRECT) ?? 0, verifyStructure());
        assert.deepEqual(cancelled, Uint8Array.of(0x64, 0x01));
        if (kind !== "pcscd") said.push((await service.run(process.execPath, service.who())).output);
        return [...found.keys()];
      } finally {
        const logs = readdirSync(runFolder).filter((file) => file.endsWith(".log"));
        for (const log of logs) said.push(readFileSync(join(runFolder, log), "utf8"));
        for (const pin of [PIN, NEW_PIN].flatMap(spellings)) {
          assert.ok(!said.some((one) => one.toLowerCase().includes(pin)), `a log has the PIN, as ${pin}`);
        }
      }
    },
  };
}

function text(bytes: Uint8Array | undefined): string {
  return String.fromCharCode(...(bytes ?? []));
}
