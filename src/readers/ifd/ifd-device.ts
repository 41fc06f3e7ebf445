// SPDX-License-Identifier: MIT

import {
  attributes,
  type Clock,
  callback,
  checkNewReaderName,
  clockObject,
  GrowingPause,
  limitsOf,
  optional,
  optionsOf,
  type ReaderDescription,
  type ReaderType,
  SmartCardError,
  type Trace,
  text,
  truth,
  wholeNumber,
} from "../../port/index.ts";
import type { StartDriver } from "./driver-process.ts";
import { DriverSession, type DriverTarget } from "./driver-session.ts";
import { IfdReader, type IfdReaderHost } from "./ifd-reader.ts";
import { defaultIfdLimits, type IfdLimits } from "./limits.ts";

/** One entry of the log about a driver: plain data, with no APDU and no text of the driver in it. */
export interface IfdLogEntry {
  readonly level: "info" | "warn" | "error";
  readonly message: string;
  /** Path of the driver's library. */
  readonly driver: string;
  /** What it has opened. */
  readonly device: string;
  readonly reason?: string;
  readonly remedy?: string;
}

/** Where a driver's end and its new start are told. Must not throw. */
export type IfdLog = (entry: IfdLogEntry) => void;

/** What a reader with a driver of pcsc-lite is made of. */
export interface IfdDeviceOptions extends DriverTarget {
  readonly start: StartDriver;
  readonly clock: Clock;
  readonly trace: Trace;
  readonly log: IfdLog;
  readonly type: ReaderType;
  /**
   * True for a device that is plugged in and out, such as a USB reader: once its driver says that it is not there any more, its
   * readers are lost. The driver of any other is started again then.
   */
  readonly removable: boolean;
  /** The name and the stable id of a slot, counted from 0. */
  readonly describe: (slot: number) => { readonly name: string; readonly id: string };
  readonly limits?: Partial<IfdLimits>;
  /** Called once the device is over: closed by its user, lost, or given up. */
  readonly release?: () => void;
}

const deviceOptions = optionsOf<IfdDeviceOptions>({
  library: text("the path of a driver's library", 4096),
  device: (value, place) => (value === "" ? "" : text("the name of a device", 1024)(value, place)),
  channel: wholeNumber(0, 0xffff_ffff),
  start: callback<StartDriver>("a function that starts a driver's process"),
  clock: clockObject,
  trace: callback<Trace>("a function that takes trace events"),
  log: callback<IfdLog>("a function that takes log entries"),
  type: (value) => value as ReaderType,
  removable: truth,
  describe: callback<IfdDeviceOptions["describe"]>("a function that names a slot"),
  limits: optional(limitsOf(defaultIfdLimits)),
  release: optional(callback<() => void>("a function that ends what is held for the device")),
});

/**
 * A reader that a driver written for pcsc-lite drives, in a process of its own: as many readers as it has slots.
 *
 * A process that crashes, or that hangs, is started again after a pause; the readers stay, and the card counts as removed until
 * then. After so many starts in a row that came to nothing the readers are lost.
 */
export class IfdDevice implements IfdReaderHost {
  readonly readers: readonly IfdReader[];
  readonly clock: Clock;
  readonly limits: IfdLimits;
  readonly #options: IfdDeviceOptions;
  readonly #pause: GrowingPause;
  #session: DriverSession | undefined;
  #startedAt: number;
  #failures = 0;
  #asksForAttributes: boolean;
  #cancelRestart = (): void => {};
  #over: Promise<void> | undefined;

  /**
   * Starts the driver and opens the reader.
   *
   * @throws invalid-parameter (wrong options; the library is no driver), invalid-value (a name that no reader can have),
   * reader-unavailable (the driver cannot open the reader), comm-error (it crashed or hung)
   */
  static async open(given: IfdDeviceOptions): Promise<IfdDevice> {
    const options = deviceOptions(given, { operation: "IfdDevice.open", path: "options" });
    const limits = { ...defaultIfdLimits, ...options.limits };
    // Attributes are asked for at last: a driver that crashes over them is opened without.
    for (const asksForAttributes of [true, false]) {
      const first = new FirstSession(options, limits, asksForAttributes);
      try {
        const session = await first.open();
        return new IfdDevice(options, limits, session, first, asksForAttributes);
      } catch (error) {
        if (!asksForAttributes || !(error instanceof SmartCardError) || error.code !== "comm-error") throw error;
      }
    }
    throw new SmartCardError("internal-error", "a driver is opened in two tries at most");
  }

  private constructor(
    options: IfdDeviceOptions,
    limits: IfdLimits,
    session: DriverSession,
    first: FirstSession,
    asksForAttributes: boolean,
  ) {
    this.#options = options;
    this.clock = options.clock;
    this.limits = limits;
    this.#pause = new GrowingPause(limits.restartMs, limits.longestRestartMs);
    this.#session = session;
    this.#startedAt = options.clock.now();
    this.#asksForAttributes = asksForAttributes;
    this.readers = session.slots.map((_, slot) => new IfdReader(this, slot, this.#describe(session, slot)));
    first.handOver((reason) => this.#sessionGone(reason));
    this.#tell("started", undefined);
  }

  /** The running driver; undefined while it is being started again, and once the device is over. */
  session(): DriverSession | undefined {
    return this.#session;
  }

  /** The device was unplugged: its readers are lost, and the driver is told, has its channels closed, and is ended. */
  unplugged(reason: string): void {
    this.#lose(reason);
  }

  /**
   * The driver says that the device is not there any more: the reader is lost, or opened again where it cannot have been pulled.
   *
   * @returns whether it is lost
   */
  deviceGone(session: DriverSession): boolean {
    const isRemovable = this.#options.removable === true;
    if (session !== this.#session) return isRemovable;
    const reason = "the driver says that the reader is not there any more";
    if (isRemovable) this.#lose(reason);
    else session.kill(reason);
    return isRemovable;
  }

  async closed(slot: number): Promise<void> {
    const session = this.#session;
    if (this.readers.every((reader) => reader.isOver)) {
      await this.#end(session);
      return;
    }
    // The other slots go on; their driver's process is not ended by a slot that cannot be closed.
    await session?.closeSlot(slot).catch(() => {});
  }

  /** Closes all readers, and ends the driver. Never rejects. */
  async close(): Promise<void> {
    await Promise.all(this.readers.map((reader) => reader.close()));
    await this.#over;
  }

  #describe(session: DriverSession, slot: number): ReaderDescription {
    const { name, id } = this.#options.describe(slot);
    checkNewReaderName(name);
    const said = (attribute: keyof typeof attributes): string => {
      const value = session.slots[slot]?.attributes.get(attributes[attribute].value);
      return value === undefined ? "" : plainText(value);
    };
    const serial = said("vendor-ifd-serial-no");
    return {
      name,
      id,
      vendor: said("vendor-name") || "unknown",
      product: said("vendor-ifd-type") || name,
      ...(serial !== "" && { serial }),
      type: this.#options.type,
      // What a card can be spoken to with, its driver decides; RAW goes to the reader itself with old drivers.
      protocols: ["t0", "t1"],
      canEject: false,
    };
  }

  #sessionGone(reason: string): void {
    const session = this.#session;
    if (session === undefined || this.#over !== undefined) return;
    this.#session = undefined;
    this.#tell("ended", reason);
    this.#log("warn", "the process of a driver ended, and is started again", reason);
    for (const reader of this.readers) reader.sessionEnded();
    if (this.clock.now() - this.#startedAt >= this.limits.soundMs) {
      this.#failures = 0;
      this.#pause.restart();
    }
    // A process that does not die at once may still hold the reader.
    void session.ended.then(() => this.#restartLater(reason));
  }

  #restartLater(reason: string): void {
    if (this.#over !== undefined) return;
    if (++this.#failures > this.limits.restarts) {
      this.#lose(`${reason}, ${this.#failures} times in a row`);
      return;
    }
    this.#cancelRestart = this.clock.schedule(this.#pause.next(), "driver: restart", () => void this.#restart());
  }

  async #restart(): Promise<void> {
    const first = new FirstSession(this.#options, this.limits, this.#asksForAttributes);
    try {
      const session = await first.open();
      if (this.#over !== undefined) {
        session.kill("the reader was closed");
        return;
      }
      this.#session = session;
      this.#startedAt = this.clock.now();
      first.handOver((reason) => this.#sessionGone(reason));
      this.#tell("started", undefined);
      this.#log("info", "a driver runs again", undefined);
      for (const [slot, reader] of this.readers.entries()) {
        if (slot < session.slots.length) reader.sessionStarted(session);
        else reader.lose("the reader has fewer slots than before");
      }
    } catch (error) {
      // A driver that crashed over its attributes is not given up for them.
      if (error instanceof SmartCardError && error.code === "comm-error") this.#asksForAttributes = false;
      const reason = error instanceof SmartCardError ? error.reason : "the driver could not be started";
      await first.ended;
      this.#restartLater(reason);
    }
  }

  #lose(reason: string): void {
    if (this.#over !== undefined) return;
    const session = this.#session;
    this.#log("error", "a reader was given up", reason);
    const release = this.#finish();
    const told = session?.deviceRemoved().catch(() => {});
    this.#over = closeAll(session, told, this.clock, this.limits.closeMs).then(release);
    for (const reader of this.readers) reader.lose(reason);
  }

  async #end(session: DriverSession | undefined): Promise<void> {
    if (this.#over !== undefined) return this.#over;
    const release = this.#finish();
    this.#over = closeAll(session, undefined, this.clock, this.limits.closeMs).then(release);
    return this.#over;
  }

  /** No driver is started any more. Returns what tells the platform. */
  #finish(): () => void {
    this.#cancelRestart();
    this.#session = undefined;
    this.#tell("over", undefined);
    return () => this.#options.release?.();
  }

  #log(level: IfdLogEntry["level"], message: string, reason: string | undefined): void {
    const { channel, device, library } = this.#options;
    const remedy =
      level === "error" ? "reload the configuration, or plug the reader in again, once its driver works" : undefined;
    this.#options.log({
      level,
      message,
      driver: library,
      device: device || `channel ${channel}`,
      ...(reason !== undefined && { reason }),
      ...(remedy !== undefined && { remedy }),
    });
  }

  #tell(kind: string, detail: string | undefined): void {
    const reader = this.readers[0]?.description.id ?? this.#options.library;
    const event = { at: this.clock.now(), kind: `ifd-${kind}`, reader };
    this.#options.trace(detail === undefined ? event : { ...event, detail });
  }
}

/** A session that is being opened: its end is an error of the opening, and later its device's concern. */
class FirstSession {
  readonly #options: IfdDeviceOptions;
  readonly #limits: IfdLimits;
  readonly #asksForAttributes: boolean;
  #onGone: ((reason: string) => void) | undefined;
  #gone: string | undefined;
  /** Resolves when the process has ended; at once where none was started. */
  ended: Promise<void> = Promise.resolve();

  constructor(options: IfdDeviceOptions, limits: IfdLimits, asksForAttributes: boolean) {
    this.#options = options;
    this.#limits = limits;
    this.#asksForAttributes = asksForAttributes;
  }

  open(): Promise<DriverSession> {
    const { clock, start } = this.#options;
    let hasEnded = (): void => {};
    this.ended = new Promise((resolve) => {
      hasEnded = resolve;
    });
    return DriverSession.open({
      ...this.#options,
      clock,
      start: (events) =>
        start({
          received: events.received,
          ended: (how) => {
            hasEnded();
            events.ended(how);
          },
        }),
      limits: this.#limits,
      asksForAttributes: this.#asksForAttributes,
      onGone: (reason) => {
        this.#gone = reason;
        this.#onGone?.(reason);
      },
    });
  }

  handOver(onGone: (reason: string) => void): void {
    this.#onGone = onGone;
    if (this.#gone !== undefined) onGone(this.#gone);
  }
}

/** Closes the channels of a driver, powers its cards down by that, and ends its process. @param told settles when that may begin */
async function closeAll(
  session: DriverSession | undefined,
  told: Promise<void> | undefined,
  clock: Clock,
  closeMs: number,
): Promise<void> {
  if (session === undefined) return;
  const cancel = clock.schedule(closeMs, "driver: close", () => session.kill("the driver did not close the reader"));
  await told;
  await session.closeAll();
  cancel();
  await session.end();
}

/** Longest text of a driver that a description repeats, in bytes. */
const MAX_DESCRIPTION_BYTES = 128;

function plainText(value: Uint8Array): string {
  const end = value.indexOf(0);
  const part = value.subarray(0, end < 0 ? value.length : end).subarray(0, MAX_DESCRIPTION_BYTES - 2);
  return new TextDecoder()
    .decode(part)
    .replace(/[\p{Cc}\ufffd]+/gu, " ")
    .trim();
}
