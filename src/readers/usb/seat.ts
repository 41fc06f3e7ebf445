// SPDX-License-Identifier: MIT

import { type CancelTimer, type Clock, type Reader, SmartCardError, type Trace } from "../../port/index.ts";
import { isForMakersDriver, isSmartCardInterface, UsbError, type UsbInterfaceDescription } from "../ccid/index.ts";
import { slotName } from "../names/index.ts";
import {
  type DrivenDevice,
  type Driving,
  INSTALLED,
  isOwn,
  type OpenByDriver,
  type OpenDevice,
  openDriver,
  openOwn,
  type SlotTitle,
} from "./drive-device.ts";
import { usbLimits } from "./limits.ts";
import { aliasName, baseName, interfaceId } from "./pcscd-names.ts";
import type { UsbSelection } from "./selection.ts";
import { nameOfDevice, type UsbTransport } from "./transport.ts";

/** What takes the readers: an embedded manager. */
export interface ReaderHost {
  addReader(reader: Reader): Promise<string>;
  removeReader(name: string): Promise<void>;
}

/** What becomes of a smart card interface. */
export type SeatState =
  /** In service. */
  | "ours"
  | "opening"
  /** The system sets it up. */
  | "settling"
  /** The configuration has chosen other readers. */
  | "unwanted"
  /** udev's rules leave it to others. */
  | "ignored"
  /** Given free at run time. */
  | "released"
  /** It could not be opened, or was lost; it is tried again. */
  | "failed";

/** What a seat needs of all of them. */
export interface SeatHost {
  readonly clock: Clock;
  readonly trace: Trace;
  readonly transport: UsbTransport;
  readonly host: ReaderHost;
  readonly openDevice: OpenDevice;
  readonly openByDriver: OpenByDriver;
  readonly tell: (level: "info" | "warn", message: string, details: Readonly<Record<string, unknown>>) => void;
  /** The number of this reader among those of its driver, kept until it is given back. @param driver undefined for our own */
  readonly takeNumber: (seat: Seat, driver: string | undefined) => number;
  readonly freeNumber: (seat: Seat) => void;
  /** Has the device looked for: it may be unplugged. */
  readonly look: () => void;
}

/** Whether a reader is to be in service, and as what; else why not. */
export type Wish =
  | { readonly kind: "wanted"; readonly selection: UsbSelection }
  | { readonly kind: "unwanted" | "ignored" | "released" | "settling"; readonly reason: string };

/** One smart card interface of a device that is plugged in, from the time that it was seen until it is unplugged. */
export class Seat {
  readonly description: UsbInterfaceDescription;
  readonly id: string;
  readonly #deps: SeatHost;
  /** Settles when those before it have been tried. */
  readonly #before: Promise<unknown>;
  /** Settles when it was first put into service, or could not be. */
  readonly tried: Promise<void>;
  #state: SeatState = "settling";
  #reason: string | undefined = "it was just plugged in";
  #failure: SmartCardError | undefined;
  #wish: Wish = { kind: "settling", reason: "it was just plugged in" };
  #isQueued = false;
  /** It was in service, and has ended by itself since. */
  #isLost = false;
  #isEnding = false;
  #isAnew = false;
  #isRenamed = false;
  #triedOnce: () => void = () => undefined;
  /** The names that the manager gave its readers; kept when they are out of service, to be found by them. */
  #names: readonly string[] = [];
  #device: DrivenDevice | undefined;
  #work: Promise<void> = Promise.resolve();
  #cancelRetry: CancelTimer | undefined;
  #failures = 0;
  #servedAt = 0;
  #toldReason = "";

  /** @param names that its readers had when it was plugged in before */
  constructor(
    description: UsbInterfaceDescription,
    deps: SeatHost,
    before: Promise<unknown>,
    names: readonly string[] = [],
  ) {
    this.description = description;
    this.id = interfaceId(description);
    this.#deps = deps;
    this.#before = before;
    this.#names = names;
    this.tried = new Promise((resolve) => {
      this.#triedOnce = resolve;
    });
  }

  get state(): SeatState {
    return this.#state;
  }

  /** Why it is not in service, in words. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** Why it could not be put into service. */
  get failure(): SmartCardError | undefined {
    return this.#failure;
  }

  /** What is known of the device, where it is in service. */
  get notes(): readonly string[] {
    return this.#device?.notes ?? [];
  }

  get names(): readonly string[] {
    return this.#names;
  }

  /**
   * Puts it into service or takes it out, as it is wished now.
   *
   * @param anew tries it at once where it failed before
   * @returns when that is done, or has failed. Never rejects
   */
  wish(wish: Wish, anew: boolean): Promise<void> {
    const before = this.#wish;
    this.#wish = wish;
    if (wish.kind !== "wanted") {
      this.#cancelRetry?.();
      this.#cancelRetry = undefined;
    }
    this.#isAnew ||= anew;
    this.#isRenamed ||=
      wish.kind === "wanted" && before.kind === "wanted" && isAnother(wish.selection, before.selection);
    if (!this.#isQueued) {
      this.#isQueued = true;
      this.#work = this.#work.then(() => this.#settle());
    }
    return this.#work;
  }

  /** It is unplugged. */
  async unplugged(): Promise<void> {
    const wasOurs = this.#state === "ours" || this.#isLost;
    this.#device?.unplugged?.("it is unplugged");
    await this.end();
    if (wasOurs) this.#tell("info", "a USB reader was unplugged", { readers: this.#names });
  }

  /** Takes it out of service for good. */
  async end(): Promise<void> {
    this.#isEnding = true;
    await this.wish({ kind: "unwanted", reason: "it is unplugged" }, false);
    this.#deps.freeNumber(this);
  }

  async #settle(): Promise<void> {
    const wish = this.#wish;
    const [isAnew, isRenamed] = [this.#isAnew, this.#isRenamed];
    this.#isQueued = false;
    this.#isAnew = false;
    this.#isRenamed = false;
    if (wish.kind !== "wanted") await this.#keepOut(wish.kind, wish.reason);
    else {
      if (isRenamed) await this.#takeOut();
      const isDue = isAnew || isRenamed || this.#state !== "failed";
      if (this.#device === undefined && isDue) await this.#open(wish.selection);
    }
    if (wish.kind !== "settling") this.#triedOnce();
  }

  async #keepOut(kind: Exclude<Wish["kind"], "wanted">, reason: string): Promise<void> {
    const wasOurs = this.#device !== undefined;
    await this.#takeOut();
    this.#become(kind, reason);
    if (wasOurs && !this.#isEnding) {
      this.#tell("info", "a USB reader is out of service", { readers: this.#names, reason });
    }
  }

  async #open(selection: UsbSelection): Promise<void> {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    this.#become("opening", "it is being opened");
    // Before anything is waited for: readers that are opened together are numbered in their order.
    const isOurs = isOwn(selection) && isSmartCardInterface(this.description) && !this.#isForMakersDriver(selection);
    const number = this.#deps.takeNumber(this, isOurs ? undefined : (selection.driver ?? INSTALLED));
    let device: DrivenDevice | undefined;
    let hasEnded = false;
    const ended = (): void => {
      hasEnded = true;
      this.#ended(device);
    };
    try {
      device = await this.#drive(selection, number, ended);
      await this.#inOrder();
      await this.#serve(device);
      if (hasEnded) throw new SmartCardError("reader-unavailable", "it was lost while it was put into service");
    } catch (error) {
      await device?.close();
      this.#deps.freeNumber(this);
      this.#failed(error);
      return;
    }
    this.#device = device;
    this.#failure = undefined;
    this.#isLost = false;
    this.#servedAt = this.#deps.clock.now();
    this.#toldReason = "";
    this.#become("ours", undefined);
    this.#tell("info", "a USB reader is in service", { readers: this.#names });
  }

  /** The device with its driver: the chosen one, or ours, or else one that is installed for pcscd. */
  async #drive(selection: UsbSelection, number: number, ended: () => void): Promise<DrivenDevice> {
    if (!isOwn(selection)) return openDriver(this.#driving(selection, number, ended));
    const installed = { ...selection, driver: INSTALLED };
    if (!isSmartCardInterface(this.description)) return openDriver(this.#driving(installed, number, ended));
    let ours = number;
    if (this.#isForMakersDriver(selection)) {
      const device = await openDriver(this.#driving(installed, number, ended)).catch(() => undefined);
      if (device !== undefined) return device;
      ours = this.#deps.takeNumber(this, undefined);
    }
    try {
      return await openOwn(this.#driving(selection, ours, ended));
    } catch (error) {
      if (!(error instanceof SmartCardError) || error.code !== "reader-unsupported") throw error;
      const counted = this.#deps.takeNumber(this, INSTALLED);
      // What is wrong with it for us is the better reason.
      return openDriver(this.#driving(installed, counted, ended)).catch(() => Promise.reject(error));
    }
  }

  /** Whether the maker's driver is tried first: it is known to be better, and the configuration does not say ours. */
  #isForMakersDriver({ driver }: UsbSelection): boolean {
    return driver === undefined && isForMakersDriver(this.description);
  }

  #driving(selection: UsbSelection, number: number, ended: () => void): Driving {
    const describe = (slot: number, base?: string): SlotTitle => this.#describe(selection, number, slot, base);
    return { ...this.#deps, description: this.description, selection, describe, ended };
  }

  async #serve(device: DrivenDevice): Promise<void> {
    const { host } = this.#deps;
    const names: string[] = [];
    try {
      for (const reader of device.readers) names.push(await host.addReader(reader));
    } catch (error) {
      for (const name of names) await host.removeReader(name).catch(() => undefined);
      throw error;
    }
    this.#names = names;
  }

  async #takeOut(): Promise<void> {
    const device = this.#device;
    this.#device = undefined;
    if (device === undefined) return;
    // One that was lost is no longer with the manager.
    for (const name of this.#names) await this.#deps.host.removeReader(name).catch(() => undefined);
    await device.close();
  }

  /** The driver has ended by itself: the device is unplugged, was suspended, or does not answer. */
  #ended(device: DrivenDevice | undefined): void {
    if (device === undefined || device !== this.#device) return;
    this.#work = this.#work.then(async () => {
      if (device !== this.#device) return;
      await this.#takeOut();
      this.#isLost = true;
      if (this.#deps.clock.now() - this.#servedAt >= usbLimits.steadyMs) this.#failures = 0;
      this.#failed(
        new SmartCardError("reader-unavailable", "it was lost: it did not answer, or the machine was suspended"),
      );
    });
    this.#deps.look();
  }

  #failed(error: unknown): void {
    const pause = Math.min(usbLimits.shortestRetryMs * 2 ** this.#failures, usbLimits.longestRetryMs);
    this.#failures++;
    this.#failure = failureOf(error, this.description);
    this.#become("failed", this.#failure.reason);
    if (this.#wish.kind !== "wanted") return;
    // One that was lost is told when it is still there after the pause: most are unplugged.
    if (!this.#isLost) this.#tellFailure();
    // Nothing changes with time for a device that is no reader of ours.
    if (this.#failure.code === "reader-unsupported") return;
    this.#cancelRetry = this.#deps.clock.schedule(
      pause,
      "usb-reader-retry",
      () => {
        this.#cancelRetry = undefined;
        if (this.#isLost) this.#tellFailure();
        void this.wish(this.#wish, true);
      },
      { background: true },
    );
  }

  #tellFailure(): void {
    const reason = this.#failure?.reason ?? "";
    if (this.#toldReason === reason) return;
    this.#toldReason = reason;
    this.#tell("warn", "a USB reader is not in service", { reason });
  }

  /** Readers come into service in the order of the bus, so that they have the same numbers after each start. */
  #inOrder(): Promise<unknown> {
    return new Promise((resolve) => {
      const cancel = this.#deps.clock.schedule(usbLimits.orderMs, "usb-reader-order", () => resolve(undefined));
      void this.#before.then(() => {
        cancel();
        resolve(undefined);
      });
    });
  }

  #describe({ name }: UsbSelection, number: number, slot: number, base = baseName(this.description)): SlotTitle {
    const shown = name === undefined ? slotName(base, number, slot) : aliasName(name, slot);
    return { name: shown, id: `${this.id}:${slot}` };
  }

  #become(state: SeatState, reason: string | undefined): void {
    this.#state = state;
    this.#reason = reason;
  }

  #tell(level: "info" | "warn", message: string, details: Readonly<Record<string, unknown>>): void {
    this.#deps.tell(level, message, { device: nameOfDevice(this.description), ...details });
  }
}

/** Whether a reader in service has to be opened anew: its name or its driver is another. */
function isAnother(one: UsbSelection, other: UsbSelection): boolean {
  const keys = ["name", "allowEscape", "allowBogusFirmware"] as const;
  return keys.some((key) => one[key] !== other[key]) || (one.driver ?? "own") !== (other.driver ?? "own");
}

function failureOf(error: unknown, description: UsbInterfaceDescription): SmartCardError {
  if (error instanceof SmartCardError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  const failure = error instanceof UsbError ? error.failure : undefined;
  const code =
    failure === "busy" ? "sharing-violation" : failure === "access-denied" ? "no-access" : "reader-unavailable";
  return new SmartCardError(code, reason, { reader: nameOfDevice(description) }, { cause: error });
}
