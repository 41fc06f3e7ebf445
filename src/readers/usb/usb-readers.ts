// SPDX-License-Identifier: MIT

import { type CancelTimer, type Runtime, SmartCardError } from "../../port/index.ts";
import type { UsbInterfaceDescription } from "../ccid/index.ts";
import { usbId } from "../names/index.ts";
import type { OpenByDriver, OpenDevice } from "./drive-device.ts";
import { usbLimits } from "./limits.ts";
import { interfaceId, isSameReader, ReaderNumbers } from "./pcscd-names.ts";
import { type ReaderHost, Seat, type SeatState, type Wish } from "./seat.ts";
import { selectionOf, type UsbSelection } from "./selection.ts";
import type { UsbReaderDevice, UsbTransport, UsbTree } from "./transport.ts";

/** What is told of USB readers as they come and go. */
export interface UsbLogEntry {
  readonly level: "info" | "warn";
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** What USB readers need. */
export interface UsbReadersOptions {
  readonly runtime: Pick<Runtime, "clock" | "trace">;
  readonly transport: UsbTransport;
  /** Takes the readers. */
  readonly host: ReaderHost;
  readonly openDevice: OpenDevice;
  /** Opens those whose selection names another driver than our own. */
  readonly openByDriver?: OpenByDriver;
  /**
   * The driver among whose readers one with another driver is counted; undefined where it is counted with ours. By default the one
   * that its selection names.
   */
  readonly countedWith?: (description: UsbInterfaceDescription, driver: string) => string | undefined;
  /**
   * Devices without a smart card interface that those drive: vendor and product, `0dc3:0802`. It is asked for at each look: a
   * driver may have been installed since. Must not reject.
   */
  readonly foreignDevices?: () => Promise<ReadonlySet<string>>;
  /** Which readers; `[{}]` for all. */
  readonly selections: readonly UsbSelection[];
  readonly log?: (entry: UsbLogEntry) => void;
}

/** What is known of a smart card interface of a device that is plugged in. */
export interface UsbReaderReport {
  /** What stays the same of it over restarts. */
  readonly id: string;
  /** Vendor and product: `072f:2200`. */
  readonly device: string;
  readonly manufacturer: string;
  readonly product: string;
  readonly serial: string;
  /** Bus and ports: `1-2.4`. */
  readonly port: string;
  readonly interface: number;
  readonly state: SeatState;
  /** Names of its readers, one a slot; of one that is out of service, those that it had. */
  readonly readers: readonly string[];
  /** Why it is not in service. */
  readonly reason?: string;
  /** What is known of this device beyond what it says, one sentence each. */
  readonly notes: readonly string[];
}

/** The USB readers of a manager: puts them into service as they are plugged in, and takes them out. */
export class UsbReaders {
  readonly #options: UsbReadersOptions;
  readonly #seats = new Map<string, Seat>();
  readonly #numbers = new ReaderNumbers();
  /** Ids of those that were given free at run time. */
  readonly #released = new Set<string>();
  #selections: readonly UsbSelection[];
  #tree: UsbTree | undefined;
  #stopWatching: (() => void) | undefined;
  #cancelLook: CancelTimer | undefined;
  #looking: Promise<void> | undefined;
  #isDue = false;
  /** Whether what failed is tried at once with the next look: permissions may have changed. */
  #anew = false;
  #lookMs: number = usbLimits.shortestLookMs;
  readonly #settlingSince = new Map<string, number>();
  /** Settles when the newest seat, and with it those before it, have been tried. */
  #lastTried: Promise<unknown> = Promise.resolve();
  /** Settles when what was wished so far is done. */
  #done: Promise<unknown> = Promise.resolve();
  /** The names of readers that were unplugged, by their id. */
  readonly #formerNames = new Map<string, readonly string[]>();
  #closed = false;

  constructor(options: UsbReadersOptions) {
    this.#options = options;
    this.#selections = options.selections;
  }

  /** Begins. Settles when the readers that are plugged in are in service or have failed, or have taken too long. */
  async start(): Promise<void> {
    this.#stopWatching = this.#options.transport.watch(() => void this.look());
    await this.look();
    await this.#within(usbLimits.startMs, "usb-readers-start", this.#done);
  }

  /** Looks which devices are there, and tries again those that failed. Settles when it has looked. */
  look(): Promise<void> {
    this.#anew = true;
    return this.#look();
  }

  /** Has other readers in service from now on. Settles when they are, or have failed. */
  async select(selections: readonly UsbSelection[]): Promise<void> {
    this.#selections = selections;
    await this.#look();
    await this.#review(false);
  }

  /** Why there is no USB here; undefined where there is. */
  get missing(): string | undefined {
    return this.#tree?.isThere === false ? this.#tree.reason : undefined;
  }

  report(): readonly UsbReaderReport[] {
    return [...this.#seats.values()].map(({ description, id, names, notes, reason, state }) => ({
      id,
      device: usbId(description),
      manufacturer: description.manufacturer,
      product: description.product,
      serial: description.serial,
      port: description.portPath,
      interface: description.interfaceNumber,
      state,
      readers: names,
      notes,
      ...(reason !== undefined && { reason }),
    }));
  }

  /** Whether a reader of this name is one of these, in service or given free. */
  knows(name: string): boolean {
    return [...this.#seats.values()].some((seat) => seat.names.some((own) => isSameReader(own, name)));
  }

  /**
   * Gives a reader free for other programs until it is claimed, all slots of it.
   *
   * @param choice a name of it, its id, vendor and product, or its port
   * @returns the names that it had
   * @throws unknown-reader (none, or several)
   */
  async release(choice: string): Promise<readonly string[]> {
    const seat = this.#chosen(choice);
    this.#released.add(seat.id);
    await seat.wish(this.#wishFor(seat), false);
    return seat.names;
  }

  /**
   * Takes a reader that was given free, or could not be opened.
   *
   * @param choice as for {@link release}
   * @returns its names
   * @throws unknown-reader (none, or several), sharing-violation (another driver or program has it), no-access,
   * reader-unavailable; unsupported-feature where udev or the configuration leave it to others
   */
  async claim(choice: string): Promise<readonly string[]> {
    const seat = this.#chosen(choice);
    this.#released.delete(seat.id);
    await seat.wish(this.#wishFor(seat), true);
    if (seat.state === "ours") return seat.names;
    throw (
      seat.failure ?? new SmartCardError("unsupported-feature", `it is not taken: ${seat.reason}`, { reader: choice })
    );
  }

  /** Ends: the readers are taken out of service, and the devices are free. Never rejects. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stopWatching?.();
    this.#cancelLook?.();
    await this.#looking;
    const ended = Promise.all([...this.#seats.values()].map((seat) => seat.end()));
    // One that is just being opened is closed when that has ended: nothing waits for a device that does not answer.
    await this.#within(usbLimits.closeMs, "usb-readers-close", ended);
    this.#seats.clear();
  }

  #look(): Promise<void> {
    this.#isDue = true;
    this.#looking ??= this.#lookUntilDone().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #lookUntilDone(): Promise<void> {
    while (this.#isDue && !this.#closed) {
      this.#isDue = false;
      const others = await this.#others();
      const tree = await this.#options.transport.look(others).catch((error: unknown): UsbTree => {
        return { isThere: false, reason: error instanceof Error ? error.message : String(error) };
      });
      if (!this.#closed) this.#apply(tree);
    }
  }

  /** Devices that are looked for although they are no smart card devices: another driver knows them. */
  async #others(): Promise<ReadonlySet<string>> {
    const foreign = (await this.#options.foreignDevices?.()) ?? [];
    return new Set([...foreign, ...this.#selections.flatMap(({ devices = [] }) => devices)]);
  }

  #apply(tree: UsbTree): void {
    const before = this.#tree;
    this.#tree = tree;
    if (!tree.isThere && (before === undefined || before.isThere)) {
      this.#tell("info", "waits for USB readers", { reason: tree.reason });
    }
    const devices = tree.isThere ? tree.devices : [];
    const there = new Set(devices.flatMap((device) => keysOf(device)));
    for (const [key, seat] of this.#seats) {
      if (there.has(key)) continue;
      this.#seats.delete(key);
      this.#formerNames.set(seat.id, seat.names);
      void seat.unplugged();
    }
    for (const device of devices) for (const key of keysOf(device)) this.#seat(key, device);
    this.#lookAgain(devices);
    const anew = this.#anew;
    this.#anew = false;
    void this.#review(anew);
  }

  #seat(key: string, device: UsbReaderDevice): void {
    const description = device.interfaces[Number(key.slice(key.lastIndexOf("#") + 1))];
    if (description === undefined || this.#seats.has(key)) return;
    const { countedWith = sameDriver, host, openByDriver = noDriver, openDevice, runtime, transport } = this.#options;
    const deps = {
      ...runtime,
      transport,
      host,
      openDevice,
      openByDriver,
      tell: this.#tell.bind(this),
      takeNumber: (seat: Seat, driver: string | undefined) => {
        const counted = driver === undefined ? OWN : countedWith(seat.description, driver);
        return this.#numbers.take(seat.id, counted ?? OWN, seat);
      },
      freeNumber: (seat: Seat) => this.#numbers.free(seat.id, seat),
      look: () => void this.#look(),
    };
    const seat = new Seat(description, deps, this.#lastTried, this.#formerNames.get(interfaceId(description)));
    this.#seats.set(key, seat);
    this.#lastTried = Promise.all([this.#lastTried, seat.tried]);
  }

  /** Devices that the system sets up are looked at soon, as nothing tells when that is done. */
  #lookAgain(devices: readonly UsbReaderDevice[]): void {
    const now = this.#options.runtime.clock.now();
    const settling = devices.filter(({ isSettling }) => isSettling === true).map(({ key }) => key);
    for (const key of this.#settlingSince.keys()) if (!settling.includes(key)) this.#settlingSince.delete(key);
    for (const key of settling) if (!this.#settlingSince.has(key)) this.#settlingSince.set(key, now);
    this.#cancelLook?.();
    this.#cancelLook = undefined;
    if (settling.length === 0) {
      this.#lookMs = usbLimits.shortestLookMs;
      return;
    }
    const isNew = [...this.#settlingSince.values()].some((since) => now - since < usbLimits.settleMs);
    const pause = isNew ? this.#lookMs : usbLimits.unconfiguredLookMs;
    this.#lookMs = Math.min(2 * this.#lookMs, usbLimits.longestLookMs);
    const { clock } = this.#options.runtime;
    const options = { background: true };
    this.#cancelLook = clock.schedule(pause, "usb-device-settles", () => void this.#look(), options);
  }

  /** Has each reader in or out of service, as the configuration says now. */
  #review(anew: boolean): Promise<unknown> {
    const work = [...this.#seats.values()].map((seat) => {
      const wish = this.#wishFor(seat);
      return seat.wish(wish, anew);
    });
    this.#done = Promise.all([this.#done, ...work]);
    return this.#done;
  }

  #wishFor(seat: Seat): Wish {
    const device = this.#deviceOf(seat);
    if (device?.ignored !== undefined) return { kind: "ignored", reason: device.ignored };
    if (this.#released.has(seat.id)) {
      return { kind: "released", reason: "it was given free: scard claim takes it back" };
    }
    const selection = selectionOf(this.#selections, seat.description);
    if (selection === undefined) return { kind: "unwanted", reason: "the configuration has chosen other readers" };
    const since = device === undefined ? undefined : this.#settlingSince.get(device.key);
    // One in service stays there: udev's rules may be applied anew at any time.
    const isSettling =
      seat.state !== "ours" && since !== undefined && this.#options.runtime.clock.now() - since < usbLimits.settleMs;
    return isSettling ? { kind: "settling", reason: "the system is setting it up" } : { kind: "wanted", selection };
  }

  #deviceOf(seat: Seat): UsbReaderDevice | undefined {
    const devices = this.#tree?.isThere ? this.#tree.devices : [];
    const [key] = [...this.#seats].find(([, one]) => one === seat) ?? [];
    return devices.find((device) => keysOf(device).includes(key ?? ""));
  }

  #chosen(choice: string): Seat {
    const seats = [...this.#seats.values()];
    const byName = seats.filter(({ names }) => names.some((name) => isSameReader(name, choice)));
    const found = byName.length > 0 ? byName : seats.filter((seat) => isMeant(seat, choice));
    const [only, ...others] = found;
    if (only !== undefined && others.length === 0) return only;
    const known = seats.map((seat) => `"${seat.names[0] ?? seat.id}"`).join(", ");
    const which = only === undefined ? "no USB reader" : `${found.length} USB readers`;
    const message = `${which} fits "${choice}"; there ${known === "" ? "is none" : `are ${known}`}`;
    throw new SmartCardError("unknown-reader", message, { reader: choice });
  }

  #within(limitMs: number, name: string, work: Promise<unknown>): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.runtime.clock.schedule(limitMs, name, resolve);
      void work.then(() => {
        cancel();
        resolve();
      });
    });
  }

  #tell(level: UsbLogEntry["level"], message: string, details: UsbLogEntry["details"]): void {
    this.#options.log?.({ level, message, details });
  }
}

/** What our own readers are counted under. */
const OWN = "";

const sameDriver = (_description: UsbInterfaceDescription, driver: string): string => driver;

/** Where other drivers than ours cannot be had. */
const noDriver: OpenByDriver = async () => undefined;

function isMeant({ description, id }: Seat, choice: string): boolean {
  const { portPath, serial } = description;
  const known = [id, usbId(description), portPath, ...(serial === "" ? [] : [serial])];
  return known.includes(choice) || usbId(description) === choice.toLowerCase();
}

/** One for each interface of a device. */
function keysOf({ interfaces, key }: UsbReaderDevice): readonly string[] {
  return interfaces.map((_, index) => `${key}#${index}`);
}
