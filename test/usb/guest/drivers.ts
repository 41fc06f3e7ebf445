// SPDX-License-Identifier: MIT

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { encodeHex, hexBytes } from "../../../src/base/binary/index.ts";
import type { GemCore } from "../../ifd/gem-core.ts";
import { GemUsbReader } from "../../ifd/gem-usb-reader.ts";
import { CardLine, RigCard } from "../models/index.ts";
import { echo } from "./commands.ts";
import type { Scenario } from "./scenario.ts";
import { type Service, type ServiceKind, until } from "./service.ts";

// Readers that are not of the smart card class: drivers of pcsc-lite have them, under pcscd and under our service.

const PLUGS = 3;
const KILLS = 3;

/** Numbers of the processes that drivers of our service live in. */
function driverProcesses(): readonly number[] {
  const numbers = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return numbers.filter((number) => commandOf(number).startsWith("scard-ifd")).map(Number);
}

function commandOf(number: string): string {
  try {
    return readFileSync(`/proc/${number}/cmdline`, "utf8");
  } catch {
    // It has ended since.
    return "";
  }
}

/** What a program sees of a reader, of its card, and of what it cannot do; then the card is pulled. */
async function session(service: Service, reader: string, core: GemCore): Promise<readonly string[]> {
  const card = new RigCard();
  core.insert(card);
  const context = await service.context();
  const connection = await service.connect(context, reader);
  const seen = [reader];
  const see = async (what: string, work: Promise<Uint8Array | string>): Promise<void> => {
    const outcome = await work.then(
      (value) => (typeof value === "string" ? value : encodeHex(value)),
      (error: unknown) => String(Object(error).code),
    );
    seen.push(`${what}: ${outcome}`);
  };
  const { atr, protocol } = await connection.status();
  seen.push(`${protocol} ${encodeHex(atr)}`);
  await see("short", connection.transmit(hexBytes("00B0000010")));
  await see("echo", connection.transmit(echo(new Uint8Array(200).fill(7))));
  await see("long command", connection.transmit(hexBytes(`00D60000FF${"5A".repeat(255)}`)));
  await see("PIN", connection.transmit(hexBytes("002000010831323334FFFFFFFF")));
  await see("unknown instruction", connection.transmit(hexBytes("00FE000000")));
  await see("control code", connection.control(0x4200_0bad, hexBytes("00")));
  const reset = { shareMode: "shared", preferredProtocols: ["t1"], initialization: "reset" } as const;
  await see("reset", connection.reconnect(reset).then(String));
  await see("after the reset", connection.transmit(hexBytes("00B0000004")));
  core.remove();
  await service.card(context, reader, false);
  await see("after the removal", connection.transmit(hexBytes("00B0000004")));
  assert.equal(encodeHex(card.lastPin ?? new Uint8Array(0)), "31323334FFFFFFFF");
  assert.ok(seen.filter((line) => line.endsWith("9000")).length >= 5, seen.join("\n"));
  return seen;
}

/**
 * A GemPC 430, whose interface is of the vendor's own class: the driver whose bundle names it has it. What pcscd does is kept, and our
 * service has to do the same.
 */
function vendorScenario(kind: ServiceKind): Scenario {
  const what = "a USB reader of a vendor's own class is plugged in and pulled";
  return {
    title: kind === "pcscd" ? `${what}, through pcscd, for comparison` : `${what}: as through pcscd, through ${kind}`,
    async run(stage) {
      const service = await stage.service(kind);
      const context = await service.context();
      const find = async (): Promise<string | undefined> =>
        (await context.listReaders().catch(() => [])).find((one) => one.startsWith("GemPC430"));
      const seen: string[] = [];
      const model = new GemUsbReader();
      try {
        for (let plug = 0; plug < PLUGS; plug++) {
          model.plug();
          await stage.usb.plug(model);
          const name = await until("the reader", find);
          seen.push(...(await session(service, name, model.core)));
          if (kind !== "pcscd") assert.equal(driverProcesses().length, 1);
          model.unplug();
          await until("no reader", async () => ((await find()) === undefined ? true : undefined));
          await until("no driver", async () => (driverProcesses().length === 0 ? true : undefined));
        }
      } finally {
        model.unplug();
      }
      if (kind === "pcscd") stage.kept.set("vendor", seen);
      assert.deepEqual(seen, stage.kept.get("vendor"));
      return seen;
    },
  };
}

/** A driver is killed in the middle of a command; another reader goes on meanwhile. */
export const killedScenario: Scenario = {
  title: "libccid's process is killed in the middle of a command: its reader comes back, another goes on",
  async run(stage) {
    let isHeld = false;
    const killed = stage.model("short APDU", { isHeld: () => isHeld, extensionMs: 100 });
    const other = stage.model("TPDU");
    for (const model of [killed, other]) model.insert(new CardLine(new RigCard()));
    const service = await stage.service("scard with libccid");
    const context = await service.context();
    await until("QEMU's reader", async () => (await context.listReaders().catch(() => []))[0]);
    const others = new Set(driverProcesses());
    await stage.usb.plug(killed);
    const reader = await service.reader(context, killed.shape.serial);
    const [driver = 0, ...more] = driverProcesses().filter((one) => !others.has(one));
    assert.deepEqual(more, []);
    await stage.usb.plug(other);
    const untouched = await service.connect(context, await service.reader(context, other.shape.serial));
    let victim = driver;
    for (let kill = 0; kill < KILLS; kill++) {
      const connection = await service.connect(context, reader);
      assert.equal((await connection.transmit(echo(Uint8Array.of(kill)))).length, 3);
      isHeld = true;
      const pending = connection.transmit(echo(Uint8Array.of(1)));
      await new Promise((resolve) => setTimeout(resolve, 500));
      const before = new Set(driverProcesses());
      process.kill(victim, "SIGKILL");
      await assert.rejects(pending, { code: "removed-card" });
      isHeld = false;
      assert.equal((await untouched.transmit(echo(Uint8Array.of(2)))).length, 3);
      const [next] = await until("a new process", async () => {
        const started = driverProcesses().filter((one) => !before.has(one));
        return started.length > 0 ? started : undefined;
      });
      victim = next ?? 0;
      await connection.disconnect().catch(() => undefined);
    }
    const again = await service.connect(context, reader);
    assert.equal((await again.transmit(echo(Uint8Array.of(3)))).length, 3);
    assert.equal((await untouched.transmit(echo(Uint8Array.of(4)))).length, 3);
  },
};

export const vendorReference: Scenario = vendorScenario("pcscd");
/** Our own driver has other USB readers at the same time. */
export const vendorOurs: Scenario = vendorScenario("scard");
