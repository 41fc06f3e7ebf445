// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { usbListing } from "../../src/apps/cli/usb-listing.ts";
import type { ControlResults } from "../../src/apps/daemon/index.ts";
import { SmartCardError } from "../../src/port/index.ts";
import type { UsbHolder } from "../../src/readers/usb/index.ts";
import { FakeBus } from "./fake-bus.ts";

const noDaemon = new SmartCardError("no-service", "no scard daemon answers");
type Known = ControlResults["usb"]["interfaces"][number];
const known: Known = {
  id: "usb:072f:90cc:A1:1-1:0",
  device: "072f:90cc",
  manufacturer: "ACS",
  product: "USB Reader",
  serial: "A1",
  port: "1-1",
  interface: 0,
  state: "ours",
  readers: ["ACS ACR 38U-CCID (A1) 00 00"],
};

function busWith(holder?: UsbHolder) {
  const bus = new FakeBus();
  bus.plug({ portPath: "1-1", serial: "A1" });
  return { bus, transport: { look: bus.transport.look, holderOf: async () => holder } };
}

describe("the list of USB readers", () => {
  test("says what the daemon has", async () => {
    const { transport } = busWith({ kind: "program", name: "scard", pid: 7 });
    expect(await usbListing(transport, async () => ({ interfaces: [{ ...known, notes: ["a note"] }] }))).toEqual({
      interfaces: [
        {
          port: "1-1",
          device: "072f:90cc",
          title: "ACS ACR 38U-CCID (A1)",
          serial: "A1",
          interface: 0,
          isOurs: true,
          readers: ["ACS ACR 38U-CCID (A1) 00 00"],
          notes: ["a note"],
        },
      ],
    });
  });

  test("gives the daemon's reason, then udev's, then who has it, then that no daemon runs", async () => {
    const pcscd: UsbHolder = { kind: "program", name: "pcscd", pid: 12 };
    const reasonOf = async (
      { bus, transport } = busWith(),
      answer: ControlResults["usb"] | SmartCardError = noDaemon,
    ) => {
      expect(bus.devices).toHaveLength(1);
      const { interfaces } = await usbListing(transport, async () => answer);
      return [interfaces[0]?.isOurs, interfaces[0]?.reason, interfaces[0]?.readers];
    };
    const failed = { interfaces: [{ ...known, state: "failed" as const, reason: "it is in use: …" }] };
    expect(await reasonOf(busWith(pcscd), failed)).toEqual([false, "it is in use: …", []]);
    const ignored = busWith(pcscd);
    ignored.bus.devices[0] = { ...ignored.bus.devices[0], ignored: "udev has PCSCLITE_IGNORE=1 for it" } as never;
    expect(await reasonOf(ignored)).toEqual([false, "udev has PCSCLITE_IGNORE=1 for it", []]);
    expect(await reasonOf(busWith(pcscd))).toEqual([false, "pcscd (pid 12) has it", []]);
    expect(await reasonOf()).toEqual([false, "no scard daemon runs", []]);
    const denied = new SmartCardError(
      "no-access",
      "the daemon at /run/x is another user's: ask as that user or as root",
    );
    expect(await reasonOf(undefined, denied)).toEqual([false, denied.reason, []]);
    expect(await reasonOf(undefined, { interfaces: [] })).toEqual([false, "the daemon has not seen it", []]);
  });

  test("says that there is no USB", async () => {
    const { bus, transport } = busWith();
    bus.missing = "this machine has no USB";
    expect(await usbListing(transport, async () => noDaemon)).toEqual({
      missing: "this machine has no USB",
      daemon: "no scard daemon runs",
      interfaces: [],
    });
  });
});
