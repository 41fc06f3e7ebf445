// SPDX-License-Identifier: MIT

import { describe, expect, onTestFinished, test } from "vitest";
import { holderOf, remedyFor } from "../../src/platform/node/usb/holders.ts";
import { readUsbTree } from "../../src/platform/node/usb/sysfs.ts";
import type { UsbReaderDevice } from "../../src/readers/usb/index.ts";
import { configurationOf, readerInterface, SysfsTree } from "./sysfs-tree.ts";

function treeOf(hasUsb = true): SysfsTree {
  const tree = new SysfsTree(hasUsb);
  onTestFinished(() => tree.remove());
  return tree;
}

async function devicesOf(tree: SysfsTree): Promise<readonly UsbReaderDevice[]> {
  const found = await readUsbTree(tree.folders);
  if (!found.isThere) throw new Error(found.reason);
  return found.devices;
}

describe("the tree of USB devices", () => {
  test("a machine without USB is a state", async () => {
    expect(await readUsbTree(treeOf(false).folders)).toEqual({
      isThere: false,
      reason: "this machine has no USB, or the kernel has no driver for it",
    });
  });

  test("a reader as it describes itself", async () => {
    const tree = treeOf();
    tree.plug({
      port: "1-2.4",
      bus: 1,
      address: 7,
      manufacturer: "ACS",
      product: "ACR122U PICC Interface",
      serial: "0001",
      configuration: configurationOf(readerInterface(0, { nameIndex: 3 })),
      interfaces: { 0: "PICC" },
    });
    const [device] = await devicesOf(tree);
    expect(device?.interfaces[0]).toMatchObject({
      vendorId: 0x072f,
      productId: 0x2200,
      deviceRelease: 0x0214,
      manufacturer: "ACS",
      product: "ACR122U PICC Interface",
      serial: "0001",
      portPath: "1-2.4",
      bus: 1,
      address: 7,
      interfaceNumber: 0,
      interfaceName: "PICC",
      interfaceClass: 0x0b,
    });
    expect(device).not.toHaveProperty("isSettling");
    expect(device).not.toHaveProperty("ignored");
  });

  test("other devices, hubs and host controllers are left out, and ports are in order", async () => {
    const tree = treeOf();
    const keyboard = Uint8Array.of(9, 4, 0, 0, 0, 3, 1, 1, 0);
    tree.plug({ port: "1-10", address: 4 });
    tree.plug({ port: "1-9.2", address: 3 });
    tree.plug({ port: "1-9", address: 5 });
    tree.plug({ port: "1-1", address: 2, configuration: configurationOf(keyboard) });
    tree.plug({ port: "usb1", address: 1 });
    const found = await devicesOf(tree);
    expect(found.map(({ interfaces }) => interfaces[0]?.portPath)).toEqual(["1-9", "1-9.2", "1-10"]);
  });

  test("a device of another kind is there for a driver of others, as one interface", async () => {
    const tree = treeOf();
    const plain = Uint8Array.of(9, 4, 0, 0, 0, 0xff, 0, 0, 0);
    tree.plug({ port: "1-1", vendorId: 0x0dc3, productId: 0x0802, configuration: configurationOf(plain, plain) });
    expect(await devicesOf(tree)).toEqual([]);
    const found = await readUsbTree(tree.folders, new Set(["0dc3:0802"]));
    expect(found).toMatchObject({
      isThere: true,
      devices: [{ interfaces: [{ vendorId: 0x0dc3, interfaceNumber: 0, interfaceClass: 0xff }] }],
    });
    expect(found.isThere && found.devices[0]?.interfaces).toHaveLength(1);
  });

  test("one that the kernel sets up, and one that udev works on, are looked at again", async () => {
    const tree = treeOf();
    tree.plug({ port: "1-1", address: 2, configured: "" });
    expect(await devicesOf(tree)).toEqual([expect.objectContaining({ isSettling: true, interfaces: [] })]);
    tree.plug({ port: "1-1", address: 2 });
    tree.udev("control");
    expect((await devicesOf(tree))[0]).not.toHaveProperty("isSettling");
    tree.udev("queue");
    expect((await devicesOf(tree))[0]).toMatchObject({ isSettling: true });
    tree.plug({ port: "1-1", address: 2, udev: ["E:ID_VENDOR=ACS"] });
    expect((await devicesOf(tree))[0]).not.toHaveProperty("isSettling");
  });

  test("PCSCLITE_IGNORE of udev's rules counts where it is 1", async () => {
    const tree = treeOf();
    tree.plug({ port: "1-1", udev: ["N:bus/usb/001/002", "E:PCSCLITE_IGNORE=1"] });
    tree.plug({ port: "2-1", bus: 2, address: 2, udev: ["E:PCSCLITE_IGNORE=0", "E:XPCSCLITE_IGNORE=1"] });
    const [ignored, used] = await devicesOf(tree);
    expect(ignored?.ignored).toBe("udev has PCSCLITE_IGNORE=1 for it");
    expect(used).not.toHaveProperty("ignored");
  });

  test("a device whose files go while they are read is left out", async () => {
    const tree = treeOf();
    tree.plug({ port: "1-1" });
    tree.plug({ port: "1-2", address: 0 });
    expect((await devicesOf(tree)).map(({ key }) => key)).toEqual(["1-1@1.2"]);
  });
});

describe("who has a reader", () => {
  const holderIn = async (tree: SysfsTree) => {
    const [device] = await devicesOf(tree);
    const [description] = device?.interfaces ?? [];
    if (description === undefined) throw new Error("no reader");
    return holderOf(tree.folders, description, 1);
  };

  test("nothing", async () => {
    const tree = treeOf();
    tree.plug({ port: "1-1" });
    expect(await holderIn(tree)).toBeUndefined();
  });

  test("a driver of the kernel, with the remedy", async () => {
    const tree = treeOf();
    tree.plug({ port: "1-1", drivers: { 0: "pn533_usb" } });
    const holder = await holderIn(tree);
    expect(holder).toEqual({ kind: "kernel-driver", name: "pn533_usb" });
    expect(holder && remedyFor(holder)).toMatch(/modprobe -r pn533_usb/);
  });

  test("a program, rather than this one", async () => {
    const tree = treeOf();
    tree.plug({ port: "1-1", drivers: { 0: "usbfs" } });
    tree.program(1, "scard", [tree.deviceFile()]);
    tree.program(20, "bash", ["/dev/null"]);
    tree.program(30, "scdaemon", ["/dev/null", tree.deviceFile()]);
    const holder = await holderIn(tree);
    expect(holder).toEqual({ kind: "program", name: "scdaemon", pid: 30 });
    expect(holder && remedyFor(holder)).toBe(
      "scdaemon (pid 30) has it: gpgconf --kill scdaemon, and disable-ccid in ~/.gnupg/scdaemon.conf has GnuPG use the service",
    );
  });

  test("a program that only root may see", async () => {
    const tree = treeOf();
    tree.plug({ port: "1-1", drivers: { 0: "usbfs" } });
    const holder = await holderIn(tree);
    expect(holder).toEqual({ kind: "program", name: "another program" });
    expect(holder && remedyFor(holder)).toBe("another program has it: run scard readers --usb as root to see which");
  });
});
