// SPDX-License-Identifier: MIT

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import type { UsbDeviceModel } from "../models/usb-device.ts";
import { UsbipServer } from "../usbip-server.ts";

const VHCI = "/sys/devices/platform/vhci_hcd.0";
const PORT = 3240;
const MAX_TRIES = 20;
/** The state of a port of vhci-hcd whose device has its address. */
const USED = "006";

interface PortRow {
  readonly port: number;
  readonly status: string;
  /** Bus and address that the server gave. */
  readonly id: number;
  /** As the bus counts them, such as 3-1. */
  readonly device: string;
}

function ports(): readonly PortRow[] {
  const lines = readFileSync(`${VHCI}/status`, "utf8").trim().split("\n").slice(1);
  return lines.map((line) => {
    const [, port = "", status = "", , id = "", , device = ""] = line.trim().split(/\s+/);
    return { port: Number(port), status, id: Number.parseInt(id, 16), device };
  });
}

/** A model in a port of this machine. */
export interface Plugged {
  /** The device's folder below /sys/bus/usb/devices. */
  readonly device: string;
  /** The host lets it go. */
  detach(): Promise<void>;
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
    const id = (1 << 16) | this.#number;
    await attach(busId);
    for (;;) {
      const row = ports().find((port) => port.status === USED && port.id === id);
      if (row !== undefined) {
        return {
          device: row.device,
          detach: () => writeFile(`${VHCI}/detach`, String(row.port)),
        };
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

/** usbip looks at all devices of the ports, and gives up where one of them is just going. */
async function attach(busId: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    const problem = await runUsbip(["attach", "-r", "127.0.0.1", "-b", busId]);
    if (problem === undefined) return;
    if (tries === MAX_TRIES) throw new Error(`usbip attach: ${problem}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function runUsbip(args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const child = spawn("usbip", args, { stdio: ["ignore", "inherit", "pipe"] });
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (part: string) => {
      said += part;
    });
    child.on("error", reject);
    child.on("close", (status) => resolve(status === 0 ? undefined : said || String(status)));
  });
}
