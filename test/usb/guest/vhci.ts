// SPDX-License-Identifier: MIT

import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import type { UsbDeviceModel } from "../models/usb-device.ts";
import { UsbipServer } from "../usbip-server.ts";

const VHCI = "/sys/devices/platform/vhci_hcd.0";
const PORT = 3240;
/** A port of vhci-hcd with nothing at it. */
const NOTHING = "004";
const USED = "006";

interface PortRow {
  readonly port: number;
  readonly status: string;
  /** As the bus counts them, such as 3-1. */
  readonly device: string;
}

function ports(): readonly PortRow[] {
  const lines = readFileSync(`${VHCI}/status`, "utf8").trim().split("\n").slice(1);
  return lines.map((line) => {
    const [, port = "", status = "", , , , device = ""] = line.trim().split(/\s+/);
    return { port: Number(port), status, device };
  });
}

/** A model in a port of this machine. */
export interface Plugged {
  /** The device's folder below /sys/bus/usb/devices. */
  readonly device: string;
  /** The host lets it go. */
  detach(): void;
}

/** The USB ports of this machine that models go into. */
export class Vhci {
  readonly #server = new UsbipServer();
  #listening = false;
  #number = 0;

  /** Plugs a model in; the kernel has taken its descriptors when this settles. */
  async plug(model: UsbDeviceModel): Promise<Plugged> {
    if (!this.#listening) await this.#server.listen(PORT);
    this.#listening = true;
    const busId = `1-${++this.#number}`;
    this.#server.offer(busId, model);
    const before = new Set(ports().flatMap((row) => (row.status === NOTHING ? [] : [row.port])));
    await attach(busId);
    for (;;) {
      const row = ports().find(({ port, status }) => status === USED && !before.has(port));
      if (row !== undefined) {
        return {
          device: row.device,
          detach: () => writeFileSync(`${VHCI}/detach`, String(row.port)),
        };
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

async function attach(busId: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const child = spawn("usbip", ["attach", "-r", "127.0.0.1", "-b", busId], { stdio: ["ignore", "inherit", "pipe"] });
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (part: string) => {
      said += part;
    });
    child.on("error", reject);
    child.on("close", (status) => (status === 0 ? resolve() : reject(new Error(`usbip attach: ${said || status}`))));
  });
}
