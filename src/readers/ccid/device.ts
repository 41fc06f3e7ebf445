// SPDX-License-Identifier: MIT

import { hexByte, hexBytes, hexWord } from "../../base/binary/index.ts";
import { type Clock, type ReaderDescription, SmartCardError, type Trace } from "../../port/index.ts";
import { usbId } from "../names/index.ts";
import { BulkLink } from "./bulk-link.ts";
import { type ClassDescriptor, decodeClassDescriptor } from "./class-descriptor.ts";
import { decodeFirmwareFeatures, type FirmwareFeatures, GET_FIRMWARE_FEATURES } from "./firmware-features.ts";
import { IccdALink } from "./iccd-a-link.ts";
import { IccdBLink } from "./iccd-b-link.ts";
import { InterruptWatch } from "./interrupt-watch.ts";
import { type CcidLimits, defaultCcidLimits } from "./limits.ts";
import type { CcidLink, LinkEvents } from "./link.ts";
import { type Quirk, type QuirkChanges, quirksOf, release } from "./quirks.ts";
import { CcidReader } from "./reader.ts";
import { readNumbers } from "./reader-numbers.ts";
import { failureOf } from "./slot-errors.ts";
import { type InterfaceKind, type ReaderTraits, traitsOf, traitsOfSlot } from "./traits.ts";
import { Transfers } from "./transfers.ts";
import type { UsbInterface, UsbInterfaceDescription } from "./usb-interface.ts";
import { exchangeWhenFree, firstSlotStatus, sleep } from "./xfr-block.ts";

/** How a device is to be driven. */
export interface CcidOptions {
  readonly clock: Clock;
  readonly trace: Trace;
  /** Limits that differ from {@link defaultCcidLimits}. */
  readonly limits?: Partial<CcidLimits>;
  /** What is known of readers. @default the table of this package */
  readonly quirks?: readonly Quirk[];
  /** Name and stable id of the reader of a slot. @default from the strings of the device */
  readonly describe?: (slot: number) => { readonly name: string; readonly id: string };
  /**
   * Whether programs may send escape commands to the reader's firmware (IOCTL_SMARTCARD_VENDOR_IFD_EXCHANGE), as libccid with
   * DRIVER_OPTION_CCID_EXCHANGE_AUTHORIZED. @default false
   */
  readonly allowEscape?: boolean;
  /** Whether a device is used whose firmware is known not to work. @default false */
  readonly allowBogusFirmware?: boolean;
}

const OPERATION = "open device";

/** A USB device with smart card slots: its readers share its endpoints. */
export class CcidDevice {
  readonly description: UsbInterfaceDescription;
  readonly traits: ReaderTraits;
  /** One for each slot, in order. */
  readonly readers: readonly CcidReader[];
  /** What is known of this device beyond what it says, one sentence each. */
  readonly notes: readonly string[];
  readonly #end: (reason: string) => Promise<void>;

  /** @internal */
  constructor(
    parts: Pick<CcidDevice, "description" | "traits" | "readers" | "notes">,
    end: (reason: string) => Promise<void>,
  ) {
    this.description = parts.description;
    this.traits = parts.traits;
    this.readers = parts.readers;
    this.notes = parts.notes;
    this.#end = end;
  }

  /** Ends all its readers and releases the interface. Never rejects. */
  async close(): Promise<void> {
    await Promise.all(this.readers.map((reader) => reader.close()));
    await this.#end("the device is closed");
  }
}

/**
 * Begins to drive a device over an interface that was claimed for it. The interface is closed when all readers are, when the
 * device is gone, and when this fails.
 *
 * @throws reader-unsupported for a device that is no such reader, or whose firmware does not work; reader-unavailable for
 *   one that does not answer
 */
export async function openCcidDevice(usb: UsbInterface, options: CcidOptions): Promise<CcidDevice> {
  const opening = new DeviceOpening(usb, options);
  try {
    return await opening.open();
  } catch (error) {
    await opening.end("the device could not be opened");
    throw error;
  }
}

/** The way to a device in service, and what is shared by its readers. */
class DeviceOpening {
  readonly #usb: UsbInterface;
  readonly #options: CcidOptions;
  readonly #limits: CcidLimits;
  readonly #transfers: Transfers;
  readonly #life = new AbortController();
  #link: CcidLink | undefined;
  #watch: InterruptWatch | undefined;
  #readers: readonly CcidReader[] = [];
  #open = 0;
  #ended: Promise<void> | undefined;

  constructor(usb: UsbInterface, options: CcidOptions) {
    this.#usb = usb;
    this.#options = options;
    this.#limits = { ...defaultCcidLimits, ...options.limits };
    this.#transfers = new Transfers(usb, options.clock, this.#limits);
  }

  async open(): Promise<CcidDevice> {
    const { description } = this.#usb;
    const descriptor = this.#descriptor();
    const kind = kindOf(description);
    const { changes, why } = quirksOf(description, descriptor, this.#options.quirks);
    this.#checkFirmware(changes, why);
    const notes = [...descriptor.problems, ...why.filter(() => changes.refused !== true)];
    for (const note of notes) this.#tell("ccid-note", note);
    const asked = await readNumbers(this.#transfers, description, descriptor, this.#limits);
    const traits = traitsOf(descriptor, kind, changes, asked);
    const link = this.#makeLink(traits);
    this.#link = link;
    await this.#start(link, changes);
    const firmware = changes.firmwareFeatures ? await this.#firmware(link) : undefined;
    this.#readers = this.#makeReaders(traits, firmware, link);
    this.#watch = new InterruptWatch({
      usb: this.#usb,
      transfers: this.#transfers,
      limits: this.#limits,
      slots: descriptor.slots,
      slotChanged: (slot, present, changed) => this.#readers[slot]?.notified(present, changed),
      mayHaveMissed: () => this.#readers.forEach((reader) => void reader.checkCard()),
      hardwareError: (slot, code) => this.#tell("ccid-hardware-error", `slot ${slot}, bHardwareErrorCode ${code}`),
      gone: (reason) => this.#gone(reason),
    });
    this.#open = this.#readers.length;
    const parts = { description, traits, readers: this.#readers, notes };
    return new CcidDevice(parts, (reason) => this.end(reason));
  }

  /** Ends everything that is under way, and releases the interface. */
  end(reason: string): Promise<void> {
    this.#ended ??= (async () => {
      this.#link?.end(reason);
      this.#life.abort(failureOf("reader-unavailable", reason, OPERATION));
      this.#transfers.end();
      await this.#usb.close();
    })();
    return this.#ended;
  }

  #descriptor(): ClassDescriptor {
    const { classDescriptor, product, vendorId } = this.#usb.description;
    const decoded = decodeClassDescriptor(classDescriptor);
    if (decoded.ok) return decoded.value;
    const name = product || `the device of vendor ${hexWord(vendorId).toLowerCase()}`;
    throw failureOf(
      "reader-unsupported",
      `${name} is no reader that can be driven: ${decoded.error.message}`,
      OPERATION,
    );
  }

  #checkFirmware({ refused }: QuirkChanges, why: readonly string[]): void {
    if (!refused || this.#options.allowBogusFirmware) return;
    const { deviceRelease } = this.#usb.description;
    const remedy = "update the firmware of the reader, or allow it all the same (option allowBogusFirmware)";
    throw failureOf("reader-unsupported", `firmware ${release(deviceRelease)}: ${why.at(-1)}: ${remedy}`, OPERATION);
  }

  #makeLink(traits: ReaderTraits): CcidLink {
    const { clock } = this.#options;
    const { endpoints } = this.#usb.description;
    const events: LinkEvents = {
      iccStatus: (slot, status) => this.#readers[slot]?.answered(status),
      gone: (reason) => this.#gone(reason),
      aborted: (slot, operation, isFree) =>
        this.#tell("ccid-abort", `slot ${slot}: ${operation}; the slot is ${isFree ? "free again" : "still busy"}`),
      isCardGone: (slot) => this.#readers[slot]?.isCardGone ?? false,
    };
    const shared = { usb: this.#usb, transfers: this.#transfers, clock, limits: this.#limits, events };
    if (traits.kind === "iccd-a") return new IccdALink(shared);
    if (traits.kind === "iccd-b") return new IccdBLink(shared);
    const { bulkIn, bulkOut } = endpoints;
    if (bulkIn === undefined || bulkOut === undefined) {
      throw failureOf("reader-unsupported", "the device has no pair of bulk endpoints", OPERATION);
    }
    const { busySlots } = traits.descriptor;
    return new BulkLink({ ...shared, bulkIn, bulkOut, busySlots, maxMessageBytes: traits.maxMessageBytes });
  }

  /** The first commands. */
  async #start(link: CcidLink, { startEscapes = [], startPauseMs }: QuirkChanges): Promise<void> {
    const { signal } = this.#life;
    if (startPauseMs !== undefined) await sleep(this.#options.clock, startPauseMs, signal);
    await firstSlotStatus({ link, slot: 0, clock: this.#options.clock, limits: this.#limits }, OPERATION, signal);
    for (const hex of startEscapes) await this.#tryEscape(link, hex);
  }

  async #firmware(link: CcidLink): Promise<FirmwareFeatures | undefined> {
    const answer = await this.#tryEscape(link, GET_FIRMWARE_FEATURES);
    const decoded = answer && decodeFirmwareFeatures(answer);
    return decoded?.ok ? decoded.value : undefined;
  }

  /** A reader that does not know the command goes on without. */
  async #tryEscape(link: CcidLink, hex: string): Promise<Uint8Array | undefined> {
    const { clock } = this.#options;
    const options = { operation: OPERATION, waitMs: this.#limits.commandMs, signal: this.#life.signal };
    try {
      const access = { link, slot: 0, clock, limits: this.#limits };
      const answer = await exchangeWhenFree(access, { name: "escape", data: hexBytes(hex) }, options);
      return answer.status === "done" ? answer.data : undefined;
    } catch (error) {
      if (error instanceof SmartCardError && error.code === "comm-error") return undefined;
      throw error;
    }
  }

  #makeReaders(traits: ReaderTraits, firmware: FirmwareFeatures | undefined, link: CcidLink): readonly CcidReader[] {
    const { clock, allowEscape: allowsEscape = false } = this.#options;
    const { description: usb } = this.#usb;
    const slots = Math.min(traits.descriptor.slots, this.#limits.slots);
    return Array.from({ length: slots }, (_, slot) => {
      const facts = { traits: traitsOfSlot(traits, slot), usb, firmware, allowsEscape };
      return new CcidReader({
        description: this.#describe(traits, slot),
        access: { link, slot, clock, limits: this.#limits },
        facts,
        // The card of a USB card is always there.
        hasInterrupts: () => traits.kind !== "ccid" || (this.#watch?.isRunning ?? false),
        opened: () => this.#watch?.start(),
        closed: async () => {
          if (--this.#open === 0) await this.end("all readers of the device are closed");
        },
      });
    });
  }

  #describe({ descriptor }: ReaderTraits, slot: number): ReaderDescription {
    const { description: usb } = this.#usb;
    const { manufacturer, product, serial } = usb;
    const { name, id } = this.#options.describe?.(slot) ?? defaultIdentity(usb, slot);
    return {
      name,
      id,
      vendor: shortened(manufacturer),
      product: shortened(product),
      ...(serial === "" ? {} : { serial: shortened(serial) }),
      type: "usb",
      protocols: descriptor.protocols,
      canEject: descriptor.mechanical.eject,
    };
  }

  #gone(reason: string): void {
    this.#tell("ccid-gone", reason);
    for (const reader of this.#readers) reader.lost(reason);
    void this.end(reason);
  }

  #tell(kind: string, detail: string): void {
    const { clock, trace } = this.#options;
    trace({
      at: clock.now(),
      kind,
      reader: this.#readers[0]?.description.id ?? defaultIdentity(this.#usb.description, 0).id,
      detail,
    });
  }
}

/** bInterfaceProtocol. @throws reader-unsupported */
function kindOf({ interfaceProtocol }: UsbInterfaceDescription): InterfaceKind {
  const kind = (["ccid", "iccd-a", "iccd-b"] as const)[interfaceProtocol];
  if (kind !== undefined) return kind;
  throw failureOf("reader-unsupported", `bInterfaceProtocol ${interfaceProtocol} is not known`, OPERATION);
}

/** Most bytes of a description's texts. A string descriptor may have 126 characters, of up to three bytes each. */
const MAX_TEXT_BYTES = 128;

/** As much of a text as a description may hold, in whole characters. */
function shortened(text: string): string {
  let kept = "";
  let bytes = 0;
  for (const character of text) {
    bytes += new TextEncoder().encode(character).length;
    if (bytes > MAX_TEXT_BYTES) break;
    kept += character;
  }
  return kept;
}

/** Name and id for a slot, where nothing else gives them. */
function defaultIdentity(usb: UsbInterfaceDescription, slot: number): { readonly name: string; readonly id: string } {
  const { interfaceName, interfaceNumber, manufacturer, portPath, product, productId, serial, vendorId } = usb;
  const device = usbId({ vendorId, productId });
  const title = `${manufacturer} ${product}`.trim() || `USB reader ${device}`;
  const parts = [title, interfaceName && `[${interfaceName}]`, serial && `(${serial})`].filter((part) => part !== "");
  const place = serial === "" ? portPath : serial;
  return {
    name: `${parts.join(" ")} ${hexByte(slot)}`,
    id: `usb:${device}:${place}:${interfaceNumber}:${slot}`,
  };
}
