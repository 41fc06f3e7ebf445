// SPDX-License-Identifier: MIT

import { createServer, type Server, type Socket } from "node:net";
import type { Setup, TransferResult, UsbDeviceModel } from "./models/usb-device.ts";

/** Documentation/usb/usbip_protocol.rst of the Linux kernel. */
const VERSION = 0x0111;
const operations = { importRequest: 0x8003, importReply: 0x0003, listRequest: 0x8005, listReply: 0x0005 } as const;
const urbs = { submit: 1, unlink: 2, submitted: 3, unlinked: 4 } as const;
const HEADER_BYTES = 48;
const REQUEST_BYTES = 8;
const BUS_ID_BYTES = 32;
const DEVICE_BYTES = 312;
const DIRECTION_IN = 1;
const speeds = { full: 2, high: 3 } as const;
/** Linux' errno, negative, by how a transfer ended: EPIPE, ESHUTDOWN, EOVERFLOW. */
const failures = { stall: -32, gone: -108, overflow: -75 } as const;
const ECONNRESET = -104;

/**
 * A USB/IP server for models of devices, on a port of loopback: `usbip attach -r 127.0.0.1 -b 1-1` plugs a model into a Linux with
 * vhci-hcd. A model that is unplugged ends its connection, and the kernel sees the device go.
 */
export class UsbipServer {
  readonly #models = new Map<string, UsbDeviceModel>();
  readonly #server: Server;

  constructor() {
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  /** @param port 0 for a free one */
  async listen(port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, "127.0.0.1", resolve);
    });
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : port;
  }

  close(): void {
    this.#server.close();
  }

  /** Offers a model under a bus id, such as 1-1. */
  offer(busId: string, model: UsbDeviceModel): void {
    this.#models.set(busId, model);
  }

  #accept(socket: Socket): void {
    let waiting: Buffer = Buffer.alloc(0);
    let device: Importer | undefined;
    socket.on("error", () => socket.destroy());
    socket.on("close", () => device?.end());
    socket.on("data", (bytes) => {
      if (device !== undefined) {
        device.read(bytes);
        return;
      }
      waiting = Buffer.concat([waiting, bytes]);
      if (waiting.length < REQUEST_BYTES) return;
      const operation = waiting.readUInt16BE(2);
      if (operation === operations.listRequest) {
        socket.end(this.#list());
        return;
      }
      if (operation !== operations.importRequest) {
        socket.destroy();
        return;
      }
      if (waiting.length < REQUEST_BYTES + BUS_ID_BYTES) return;
      const busId = text(waiting.subarray(REQUEST_BYTES, REQUEST_BYTES + BUS_ID_BYTES));
      const model = this.#models.get(busId);
      const reply = Buffer.alloc(REQUEST_BYTES);
      reply.writeUInt16BE(VERSION, 0);
      reply.writeUInt16BE(operations.importReply, 2);
      if (model === undefined || !model.plugged) {
        reply.writeUInt32BE(1, 4);
        socket.end(reply);
        return;
      }
      socket.write(Buffer.concat([reply, describeDevice(busId, model)]));
      device = new Importer(model, socket);
    });
  }

  #list(): Buffer {
    const header = Buffer.alloc(REQUEST_BYTES + 4);
    header.writeUInt16BE(VERSION, 0);
    header.writeUInt16BE(operations.listReply, 2);
    header.writeUInt32BE(this.#models.size, REQUEST_BYTES);
    const devices = [...this.#models].map(([busId, model]) =>
      Buffer.concat([
        describeDevice(busId, model),
        Buffer.from([0x0b, 0, model.descriptors.configuration[16] ?? 0, 0]),
      ]),
    );
    return Buffer.concat([header, ...devices]);
  }
}

/** A kernel that has attached a model: its transfers come as URBs. */
class Importer {
  readonly #model: UsbDeviceModel;
  readonly #socket: Socket;
  readonly #underWay = new Map<number, () => void>();
  readonly #stopWatching: () => void;
  #isUnplugged = false;
  #parts: Buffer[] = [];
  #bytes = 0;
  #wanted = HEADER_BYTES;

  constructor(model: UsbDeviceModel, socket: Socket) {
    this.#model = model;
    this.#socket = socket;
    this.#stopWatching = model.onUnplug(() => {
      this.#isUnplugged = true;
      socket.destroy();
    });
  }

  end(): void {
    this.#stopWatching();
    for (const cancel of this.#underWay.values()) cancel();
    this.#underWay.clear();
    // The host has let the device go: its port has no power now.
    if (this.#isUnplugged) return;
    this.#model.unplug();
    this.#model.plug();
  }

  read(bytes: Buffer): void {
    this.#parts.push(bytes);
    this.#bytes += bytes.length;
    while (this.#bytes >= this.#wanted && !this.#socket.destroyed) {
      const all = this.#parts.length === 1 ? (this.#parts[0] ?? bytes) : Buffer.concat(this.#parts);
      const command = all.readUInt32BE(0);
      const isOut = command === urbs.submit && all.readUInt32BE(12) !== DIRECTION_IN;
      const size = HEADER_BYTES + (isOut ? all.readUInt32BE(24) : 0);
      if (all.length < size) {
        this.#parts = [all];
        this.#wanted = size;
        return;
      }
      this.#parts = [all.subarray(size)];
      this.#bytes = all.length - size;
      this.#wanted = HEADER_BYTES;
      if (command === urbs.submit) this.#submit(all.subarray(0, size), isOut);
      else if (command === urbs.unlink) this.#unlink(all);
      else this.#socket.destroy();
    }
  }

  #submit(urb: Buffer, isOut: boolean): void {
    const number = urb.readUInt32BE(4);
    const endpoint = urb.readUInt32BE(16);
    const length = urb.readUInt32BE(24);
    let isOver = false;
    const done = (result: TransferResult): void => {
      isOver = true;
      this.#underWay.delete(number);
      this.#answer(number, isOut, length, result);
    };
    const cancel = this.#begin(urb, endpoint, isOut, length, done);
    if (!isOver) this.#underWay.set(number, cancel);
  }

  #begin(
    urb: Buffer,
    endpoint: number,
    isOut: boolean,
    length: number,
    done: (result: TransferResult) => void,
  ): () => void {
    const data = new Uint8Array(urb.subarray(HEADER_BYTES));
    if (endpoint === 0) {
      const setup: Setup = {
        requestType: urb.readUInt8(40),
        request: urb.readUInt8(41),
        value: urb.readUInt16LE(42),
        index: urb.readUInt16LE(44),
        length: urb.readUInt16LE(46),
      };
      return this.#model.control(setup, data, done);
    }
    if (!isOut) return this.#model.in(endpoint | 0x80, length, done);
    done(this.#model.out(endpoint, data));
    return () => undefined;
  }

  #answer(number: number, isOut: boolean, length: number, result: TransferResult): void {
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32BE(urbs.submitted, 0);
    header.writeUInt32BE(number, 4);
    if ("failure" in result) {
      header.writeInt32BE(failures[result.failure], 20);
      this.#socket.write(header);
      return;
    }
    header.writeUInt32BE(isOut ? length : result.bytes.length, 24);
    this.#socket.write(isOut ? header : Buffer.concat([header, result.bytes]));
  }

  #unlink(urb: Buffer): void {
    const target = urb.readUInt32BE(20);
    const cancel = this.#underWay.get(target);
    this.#underWay.delete(target);
    cancel?.();
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32BE(urbs.unlinked, 0);
    header.writeUInt32BE(urb.readUInt32BE(4), 4);
    header.writeInt32BE(cancel === undefined ? 0 : ECONNRESET, 20);
    this.#socket.write(header);
  }
}

function describeDevice(busId: string, model: UsbDeviceModel): Buffer {
  const { device, configuration } = model.descriptors;
  const bytes = Buffer.alloc(DEVICE_BYTES);
  bytes.write(`/sys/devices/model/${busId}`, 0, "latin1");
  bytes.write(busId, 256, "latin1");
  const [bus = 1, port = 1] = busId.split("-").map(Number);
  bytes.writeUInt32BE(bus, 288);
  bytes.writeUInt32BE(port, 292);
  bytes.writeUInt32BE(speeds[model.speed], 296);
  const word = (at: number): number => (device[at] ?? 0) | ((device[at + 1] ?? 0) << 8);
  bytes.writeUInt16BE(word(8), 300);
  bytes.writeUInt16BE(word(10), 302);
  bytes.writeUInt16BE(word(12), 304);
  bytes.set([device[4] ?? 0, device[5] ?? 0, device[6] ?? 0], 306);
  bytes.set([configuration[5] ?? 1, device[17] ?? 1, configuration[4] ?? 1], 309);
  return bytes;
}

function text(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString("latin1", 0, end < 0 ? bytes.length : end);
}
