// SPDX-License-Identifier: MIT

import { afterEach, expect, test } from "vitest";
import { encodeHex, hexBytes } from "../../src/base/binary/index.ts";
import { pcscdManager } from "../../src/entry/pcscd.ts";
import { EmbeddedManager } from "../../src/managers/embedded/index.ts";
import { openIfd } from "../../src/platform/node/ifd/index.ts";
import { nodeRuntime } from "../../src/platform/node/runtime/index.ts";
import type { Connection, ResourceManager } from "../../src/port/index.ts";
import { pcscdPlace, pcscdProgram } from "../peers/pcscd.ts";
import { describePeer } from "../peers/peers.ts";
import { RigCard } from "../usb/models/index.ts";
import { type DebianDriver, debianDrivers, driverPeer, startBuilt } from "./driver-packages.ts";
import { GemReader } from "./gem-reader.ts";
import { serialDriver } from "./serial-driver.ts";
import { TwinReader } from "./twin-reader.ts";

/** What a driver is told, as reader.conf says it. */
interface Place {
  readonly name: string;
  readonly device?: string;
  readonly channel?: number;
}

/** What ends when a test ends. */
const ending: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

const runtime = nodeRuntime();

/** CHANNELID of the first serial line. */
const COM1 = 0x0103f8;

/** Stock pcscd with one driver; it has no reader where the driver cannot open it. */
async function stock(driver: DebianDriver, { channel, device, name }: Place): Promise<ResourceManager> {
  const lines = [
    `FRIENDLYNAME "${name}"`,
    ...(device === undefined ? [] : [`DEVICENAME ${device}`]),
    ...(channel === undefined ? [] : [`CHANNELID 0x${channel.toString(16)}`]),
    `LIBPATH ${driver.library}`,
  ];
  const place = await pcscdPlace(`${lines.join("\n")}\n`);
  const program = await place.start();
  ending.push(async () => {
    await program.end("SIGKILL");
    place.remove();
  });
  return pcscdManager({ socket: place.socket });
}

/** Our manager with the same driver; it has no reader where the driver cannot open it. */
async function ours(driver: DebianDriver, place: Place): Promise<ResourceManager> {
  const manager = new EmbeddedManager({ runtime, profile: "pcsclite" });
  ending.push(() => manager.close());
  const opened = await openIfd(
    { driver: driver.library, ...place },
    { runtime, log: () => {}, start: startBuilt },
  ).catch(() => undefined);
  for (const reader of opened?.readers ?? []) await manager.addReader(reader);
  return manager;
}

async function readersOf(manager: ResourceManager): Promise<readonly string[]> {
  const context = await manager.establishContext();
  const readers = await context.listReaders();
  await context.release();
  return readers;
}

/**
 * libgcr410 takes no command between the choice of the protocol and its next question for a card: it keeps the protocol's bit,
 * and compares it with its number. So it is with every first command, under pcscd as well.
 */
async function firstAnswer(card: Connection): Promise<Uint8Array> {
  let answer: Uint8Array | undefined;
  await expect
    .poll(async () => {
      answer = await card.transmit(hexBytes("00B0000004")).catch(() => undefined);
      return answer;
    })
    .toBeDefined();
  return answer ?? new Uint8Array(0);
}

/** A driver with its serial line, by the name of that, or else by the number of the first one. */
function placeOf(driver: DebianDriver, line: string): [DebianDriver, Place] {
  const name = "GemPC 410";
  if (driver.version === 3) return [driver, { name, device: line }];
  const copy = serialDriver(driver, line);
  ending.push(async () => copy.remove());
  return [copy.driver, { name, channel: COM1 }];
}

/** What a program sees of a card that is in the reader, and that is pulled out then. */
async function session(
  manager: ResourceManager,
  { remove }: { readonly remove: () => void },
): Promise<readonly string[]> {
  const seen: string[] = [];
  const see = async (what: string, work: Promise<Uint8Array | string>): Promise<void> => {
    const outcome = await work.then(
      (value) => (typeof value === "string" ? value : encodeHex(value)),
      (error: unknown) => String(Object(error).code),
    );
    seen.push(`${what}: ${outcome}`);
  };
  const context = await manager.establishContext();
  await expect.poll(() => context.listReaders()).toHaveLength(1);
  const [reader = ""] = await context.listReaders();
  seen.push(reader);
  const state = async (): Promise<boolean | undefined> =>
    (await context.getStatusChange([{ reader }]))[0]?.flags.present;
  await expect.poll(state).toBe(true);
  const card = await context.connect(reader, { shareMode: "shared", preferredProtocols: ["t0", "t1"] });
  await see(
    "ATR",
    card.status().then(({ atr }) => atr),
  );
  await see(
    "protocol",
    card.status().then(({ protocol }) => String(protocol)),
  );
  await see("first", firstAnswer(card));
  await see("short", card.transmit(hexBytes("00B0000010")));
  await see("long", card.transmit(hexBytes("00B0000000")));
  await see("echo", card.transmit(hexBytes(`00EC0000C8${"5A".repeat(200)}00`)));
  await see("PIN", card.transmit(hexBytes("002000010831323334FFFFFFFF")));
  await see("unknown instruction", card.transmit(hexBytes("00FE000000")));
  await see(
    "reset",
    card.reconnect({ shareMode: "shared", preferredProtocols: ["t1"], initialization: "reset" }).then(String),
  );
  await see("after the reset", firstAnswer(card));
  await see("control code", card.control(0x4200_0bad, hexBytes("00")));
  remove();
  await expect.poll(state).not.toBe(true);
  await see("after the removal", card.transmit(hexBytes("00B0000004")));
  await context.release();
  return seen;
}

const named = (library: string): DebianDriver => {
  const driver = debianDrivers.find((one) => one.library.endsWith(library));
  if (driver === undefined) throw new Error(`there is no driver ${library}`);
  return driver;
};

const twinDriver = named("libccidtwin.so");

describePeer(pcscdProgram, () => {
  describePeer(driverPeer(twinDriver), () => {
    test("a GemPC Twin on a serial line does the same under our manager and under pcscd", async () => {
      const seen: (readonly string[])[] = [];
      for (const start of [stock, ours]) {
        const twin = await TwinReader.connect();
        ending.push(() => twin.close());
        const pin = new RigCard();
        twin.insert(pin);
        const manager = await start(twinDriver, { name: "GemPC Twin", device: `${twin.path}:GemPCTwin` });
        seen.push(await session(manager, { remove: () => twin.remove() }));
        expect(encodeHex(pin.lastPin ?? new Uint8Array(0))).toBe("31323334FFFFFFFF");
      }
      const [byPcscd, byUs] = seen;
      expect(byUs).toEqual(byPcscd);
      expect(byUs?.slice(0, 3)).toEqual(["GemPC Twin 00 00", expect.stringMatching(/^ATR: 3B/), "protocol: t1"]);
      expect(byUs?.filter((line) => line.endsWith("9000")).length).toBeGreaterThanOrEqual(5);
    });
  });

  for (const driver of [named("libgcr410.so"), named("libGemPC410.so.1.0.8")]) {
    describePeer(driverPeer(driver), () => {
      test(`a GemPC 410 with a driver of version ${driver.version} does the same under our manager and under pcscd`, async () => {
        const seen: (readonly string[])[] = [];
        for (const start of [stock, ours]) {
          const reader = await GemReader.connect();
          ending.push(async () => reader.close());
          const card = new RigCard();
          reader.core.insert(card);
          const manager = await start(...placeOf(driver, reader.path));
          seen.push(await session(manager, { remove: () => reader.core.remove() }));
          expect(encodeHex(card.lastPin ?? new Uint8Array(0))).toBe("31323334FFFFFFFF");
        }
        const [byPcscd, byUs] = seen;
        expect(byUs).toEqual(byPcscd);
        expect(byUs?.slice(0, 3)).toEqual(["GemPC 410 00 00", expect.stringMatching(/^ATR: 3B/), "protocol: t1"]);
        expect(byUs?.filter((line) => line.endsWith("9000")).length).toBeGreaterThanOrEqual(5);
      });
    });
  }

  const absent: readonly (readonly [DebianDriver, Place])[] = [
    [twinDriver, { name: "Twin", device: "/dev/null:GemPCTwin" }],
    [named("libgcr410.so"), { name: "GCR410", channel: 0x0103f8 }],
    [named("libASEDriveIIIe-USB.so"), { name: "ASEDrive", channel: 0x20_0000 }],
    [named("libifd-cyberjack.so"), { name: "cyberJack", device: "usb:0c4b/0300:libudev:0:/dev/bus/usb/099/099" }],
    [named("libccid.so"), { name: "CCID", device: "usb:08e6/3437:libudev:0:/dev/bus/usb/099/099" }],
  ];
  for (const [driver, place] of absent) {
    describePeer(driverPeer(driver), () => {
      test("has no reader where there is none, here and under pcscd", async () => {
        expect(await readersOf(await stock(driver, place))).toEqual([]);
        expect(await readersOf(await ours(driver, place))).toEqual([]);
      });
    });
  }
});
