// SPDX-License-Identifier: MIT

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { driverStarter } from "../../src/platform/node/ifd/index.ts";
import type { StartDriver } from "../../src/readers/ifd/index.ts";
import type { PeerProgram } from "../peers/peers.ts";

const FOLDER = "/usr/lib/pcsc/drivers";

/** A driver of Debian 12: its library, the version of its interface, and its package. */
export interface DebianDriver {
  readonly library: string;
  readonly version: 2 | 3;
  readonly package: string;
}

/** All drivers of Debian 12. */
export const debianDrivers: readonly DebianDriver[] = [
  { library: `${FOLDER}/ifd-ccid.bundle/Contents/Linux/libccid.so`, version: 3, package: "libccid" },
  { library: `${FOLDER}/serial/libccidtwin.so`, version: 3, package: "libccid" },
  { library: `${FOLDER}/ifd-acsccid.bundle/Contents/Linux/libacsccid.so`, version: 3, package: "libacsccid1" },
  {
    library: `${FOLDER}/ifd-ASEDriveIIIe-USB.bundle/Contents/Linux/libASEDriveIIIe-USB.so`,
    version: 2,
    package: "libasedrive-usb",
  },
  { library: `${FOLDER}/ifd-ASEDriveIIIe-Serial/libASESerial.so`, version: 2, package: "libasedrive-serial" },
  { library: `${FOLDER}/serial/libgcr410.so`, version: 2, package: "libgcr410" },
  { library: `${FOLDER}/serial/libGemPC410.so.1.0.8`, version: 3, package: "libgempc410" },
  { library: `${FOLDER}/ifd-GemPC430.bundle/Contents/Linux/libGemPC430.so.1.0.8`, version: 3, package: "libgempc430" },
  {
    library: `${FOLDER}/libifd-cyberjack.bundle/Contents/Linux/libifd-cyberjack.so`,
    version: 3,
    package: "libifd-cyberjack6",
  },
  { library: `${FOLDER}/serial/libifdvpcd.so`, version: 3, package: "vsmartcard-vpcd" },
];

/** A driver as a peer of tests. */
export function driverPeer({ library, package: name }: DebianDriver): PeerProgram {
  return {
    name: library,
    remedy: `scripts/setup-peers.sh installs it on Debian, from ${name}.`,
    probe: () => (existsSync(library) ? undefined : "it is not there"),
  };
}

/** Starts a driver's process with our built program. Everything that uses this file is started in the repository's root folder. */
export const startBuilt: StartDriver = driverStarter(resolve("dist/bundle/entry/driver-main.js"));

/** The driver for virtual cards. */
export const vpcdDriver: DebianDriver = debianDrivers.find(({ library }) =>
  library.endsWith("libifdvpcd.so"),
) as DebianDriver;
