// SPDX-License-Identifier: MIT

import { expect, test } from "vitest";
import { type DriverBundle, driversFor } from "./driver-choice.ts";

function bundle(name: string, isClassDriver: boolean, ...readers: [number, number, string][]): DriverBundle {
  return {
    executable: name,
    library: `/drivers/${name}`,
    isClassDriver,
    readers: readers.map(([vendorId, productId, friendlyName]) => ({ vendorId, productId, friendlyName })),
  };
}

const bundles = [
  bundle("acs", false, [0x72f, 0x90cc, "ACR38U"], [0x72f, 1, "ACR"]),
  bundle("ccid", true, [0x72f, 0x90cc, "ACR38U-CCID"], [0x8e6, 0x3437, "GemPC"], [0x8e6, 0x3437, "GemPC Twin"]),
  bundle("other", false, [0x72f, 1, "Other"]),
];

test("the driver that names the reader comes before the driver of the class", () => {
  expect(driversFor(bundles, { vendorId: 0x72f, productId: 0x90cc })).toEqual([
    { library: "/drivers/acs", friendlyName: "ACR38U" },
    { library: "/drivers/ccid", friendlyName: "ACR38U-CCID" },
  ]);
});

test("of several lines, and of several drivers, the last one counts", () => {
  expect(driversFor(bundles, { vendorId: 0x8e6, productId: 0x3437 })).toEqual([
    { library: "/drivers/ccid", friendlyName: "GemPC Twin" },
  ]);
  expect(driversFor(bundles, { vendorId: 0x72f, productId: 1 })).toEqual([
    { library: "/drivers/other", friendlyName: "Other" },
  ]);
});

test("a device that no bundle names has no driver", () => {
  expect(driversFor(bundles, { vendorId: 1, productId: 1 })).toEqual([]);
});
