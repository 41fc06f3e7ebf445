// SPDX-License-Identifier: MIT

import type { Reader } from "../../src/port/index.ts";
import type { UsbInterface, UsbInterfaceDescription } from "../../src/readers/ccid/index.ts";
import { UsbError, type UsbFailure } from "../../src/readers/ccid/index.ts";
import type { DrivenDevice, OpenDevice, UsbReaderDevice, UsbTransport } from "../../src/readers/usb/index.ts";
import { VirtualReader } from "../../src/readers/virtual/index.ts";

/** What a reader says of itself; a plain one without it. */
function descriptionOf(given: Partial<UsbInterfaceDescription> = {}): UsbInterfaceDescription {
  return {
    vendorId: 0x072f,
    productId: 0x90cc,
    deviceRelease: 0x0100,
    manufacturer: "ACS",
    product: "USB Reader",
    serial: "",
    portPath: "1-1",
    bus: 1,
    address: 2,
    interfaceNumber: 0,
    interfaceName: "",
    interfaceClass: 0x0b,
    interfaceProtocol: 0,
    classDescriptor: new Uint8Array(54),
    endpoints: {},
    ...given,
  };
}

/** A bus that tests plug readers into, and a driver whose readers are virtual. */
export class FakeBus {
  readonly devices: UsbReaderDevice[] = [];
  /** What opening a device at a port fails with. */
  readonly failures = new Map<string, UsbFailure | Error>();
  /** Slots of the device at a port; 1 without. */
  readonly slots = new Map<string, number>();
  /** Ports whose interface is claimed. */
  readonly claimed: string[] = [];
  /** How often each port was opened. */
  readonly opened: string[] = [];
  missing: string | undefined;
  #changed: (() => void) | undefined;
  readonly #ends = new Map<string, () => Promise<void>>();
  readonly #waiting = new Map<string, Promise<void>>();

  readonly transport: UsbTransport = {
    name: "usb",
    look: async () =>
      this.missing === undefined
        ? { isThere: true, devices: [...this.devices] }
        : { isThere: false, reason: this.missing },
    open: async (description) => this.#open(description),
    holderOf: async () => undefined,
    watch: (changed) => {
      this.#changed = changed;
      return () => {
        this.#changed = undefined;
      };
    },
  };

  readonly openDevice: OpenDevice = async (usb, { clock, describe }): Promise<DrivenDevice> => {
    const { portPath } = usb.description;
    await this.#waiting.get(portPath);
    let left = this.slots.get(portPath) ?? 1;
    const readers = Array.from({ length: left }, (_, slot): Reader => {
      const { id, name } = describe(slot);
      const reader = new VirtualReader({ clock, id, name });
      const end = reader.close.bind(reader);
      let isClosed = false;
      return Object.assign(reader, {
        close: async () => {
          await end();
          if (isClosed) return;
          isClosed = true;
          if (--left === 0) await usb.close();
        },
      });
    });
    const opened = readers.map((reader) => {
      const open = reader.open.bind(reader);
      let lost: ((reason: string) => void) | undefined;
      reader.open = (events) => {
        lost = events.lost;
        return open(events);
      };
      return (reason: string) => lost?.(reason);
    });
    this.#ends.set(portPath, async () => {
      for (const lost of opened) lost("it is gone");
      await usb.close();
    });
    return {
      readers,
      close: async () => {
        await Promise.all(readers.map((reader) => reader.close()));
        await usb.close();
      },
    };
  };

  get isWatched(): boolean {
    return this.#changed !== undefined;
  }

  /** Something happened on the bus. */
  changed(): void {
    this.#changed?.();
  }

  plug(given: Partial<UsbInterfaceDescription>, device: Partial<UsbReaderDevice> = {}): void {
    const description = descriptionOf(given);
    const key = `${description.portPath}@${description.address}`;
    this.devices.push({ key, interfaces: [description], ...device });
    this.changed();
  }

  unplug(portPath: string): Promise<void> {
    this.devices.splice(
      this.devices.findIndex(({ interfaces }) => interfaces[0]?.portPath === portPath),
      1,
    );
    return this.lose(portPath);
  }

  /** The driver ends by itself, as after a suspend; the device stays plugged in. */
  async lose(portPath: string): Promise<void> {
    await this.#ends.get(portPath)?.();
    this.#ends.delete(portPath);
  }

  /** The device at a port answers only when the returned function is called. */
  hold(portPath: string): () => void {
    let free = (): void => undefined;
    this.#waiting.set(portPath, new Promise((resolve) => (free = resolve)));
    return free;
  }

  #open(description: UsbInterfaceDescription): UsbInterface {
    const { portPath } = description;
    this.opened.push(portPath);
    const failure = this.failures.get(portPath);
    if (failure instanceof Error) throw failure;
    if (failure !== undefined) throw new UsbError(failure, `${portPath} is ${failure}`);
    if (this.claimed.includes(portPath)) throw new Error(`${portPath} is claimed twice`);
    this.claimed.push(portPath);
    const never = (): Promise<never> => Promise.reject(new Error("not called"));
    let isClosed = false;
    return {
      description,
      bulkOut: never,
      bulkIn: never,
      interruptIn: never,
      controlOut: never,
      controlIn: never,
      clearHalt: never,
      close: async () => {
        if (!isClosed) this.claimed.splice(this.claimed.indexOf(portPath), 1);
        isClosed = true;
      },
    };
  }
}
