// SPDX-License-Identifier: MIT

import { attributes, type Clock, SmartCardError, within } from "../../port/index.ts";
import { CallGate } from "./call-gate.ts";
import { type CallArguments, DriverGone, DriverProcess, type StartDriver } from "./driver-process.ts";
import { capabilityTags, returnCodes, returnCodeText } from "./ifd-handler.ts";
import { type IfdLimits, MAX_CAPABILITY_BYTES } from "./limits.ts";
import type { AnswerMessage, DriverCall } from "./messages.ts";

/** Which driver, and what it is to open. */
export interface DriverTarget {
  /** Path of the library. */
  readonly library: string;
  /** What IFDHCreateChannelByName is given; where it is empty the channel counts, as with version 2 of the interface. */
  readonly device: string;
  readonly channel: number;
}

/** Attributes of the reader that a driver is asked for when it is opened, as they are needed without waiting later. */
const askedAttributes = [
  "vendor-name",
  "vendor-ifd-type",
  "vendor-ifd-version",
  "vendor-ifd-serial-no",
  "channel-id",
  "default-clk",
  "max-clk",
  "default-data-rate",
  "max-data-rate",
  "max-ifsd",
  "power-mgmt-support",
  "characteristics",
  "maxinput",
] as const;

/** One slot of a reader whose driver is running. */
export interface SessionSlot {
  readonly gate: CallGate;
  /** Whether its driver has a polling function for it. */
  readonly polls: boolean;
  /** Whether that function may be left as it is when the reader is closed: pcscd would cancel its thread. */
  readonly isPollKillable: boolean;
  /** What the driver said of the reader, by the number of the attribute. */
  readonly attributes: ReadonlyMap<number, Uint8Array>;
}

/** What a session is opened with. */
export interface SessionOptions extends DriverTarget {
  readonly start: StartDriver;
  readonly clock: Clock;
  readonly limits: IfdLimits;
  /** Told once, as soon as no further call can be made. */
  readonly onGone: (reason: string) => void;
  /** False for a driver that has crashed over the question. */
  readonly asksForAttributes: boolean;
}

/** A driver's process with the channels of one reader open, from its start to its end. */
export class DriverSession {
  /** The version of the driver's interface. */
  readonly version: 2 | 3;
  readonly slots: readonly SessionSlot[];
  readonly #driver: DriverProcess;
  readonly #clock: Clock;
  readonly #limits: IfdLimits;
  /** Settles when the last call of a slot's polling function has ended. */
  readonly #polls = new Map<number, Promise<void>>();

  private constructor(
    driver: DriverProcess,
    { clock, limits }: SessionOptions,
    version: 2 | 3,
    slots: readonly SessionSlot[],
  ) {
    this.#driver = driver;
    this.#clock = clock;
    this.#limits = limits;
    this.version = version;
    this.slots = slots;
  }

  /**
   * Starts the process, loads the library, opens the reader and all of its slots, and looks for cards once, as pcscd does
   * before it shows a reader.
   *
   * @throws invalid-parameter (the library cannot be loaded, or is no driver), reader-unavailable (the reader cannot be opened),
   * comm-error (the process ended, or hung)
   */
  static async open(options: SessionOptions): Promise<DriverSession> {
    const { clock, library } = options;
    const opening = new Opening(new DriverProcess(options.start, clock, options.onGone), options);
    try {
      const version = await opening.load();
      await opening.createChannel(version, 0);
      const count = await opening.slotCount(version);
      const slots = await opening.slots(count);
      return new DriverSession(opening.driver, options, version, slots);
    } catch (error) {
      opening.driver.kill("the driver could not be opened");
      throw notOpened(library, error);
    }
  }

  /** Resolves when the process has ended. */
  get ended(): Promise<void> {
    return this.#driver.ended;
  }

  /** Makes a call for a slot; one at a time for each gate. @throws DriverGone */
  call(call: DriverCall, slot: number, args: CallArguments, limitMs: number): Promise<AnswerMessage> {
    return this.#driver.call(call, { ...args, lun: slot }, limitMs);
  }

  /** Asks whether there is a card. @throws DriverGone */
  async presence(slot: number): Promise<number> {
    return (await this.call("presence", slot, {}, this.#limits.presenceMs)).code;
  }

  /**
   * Waits in the driver's polling function, outside of the turns of the slot. It may last for ever: it is not ended, as the one
   * of a reader that cannot tell when a card comes never returns.
   */
  async poll(slot: number): Promise<number> {
    const { pollingFunctionMs } = this.#limits;
    const polling = this.call("poll", slot, { argument: pollingFunctionMs }, FOREVER_MS);
    this.#polls.set(slot, polling.then(ignore, ignore));
    return (await polling).code;
  }

  /** Tells the driver that the reader was pulled out, before its channels are closed: it need not be spoken to any more. */
  async deviceRemoved(): Promise<void> {
    for (const slot of this.slots.keys()) await this.call("device-removed", slot, {}, this.#limits.closeMs);
  }

  /** Closes the channels of all slots, before the process ends. A polling function that may be killed ends with that. */
  async closeAll(): Promise<void> {
    await Promise.all(
      this.slots.map((slot, lun) =>
        (slot.isPollKillable ? this.#closeChannel(lun) : this.closeSlot(lun)).catch(ignore),
      ),
    );
  }

  /**
   * Closes the channel of a slot, once its polling function has been told to end, and has ended: it would find the reader gone. Where
   * it does not end, the channel stays open. It fails with the process.
   */
  async closeSlot(slot: number): Promise<void> {
    const { closeMs } = this.#limits;
    if (this.slots[slot]?.polls) await this.call("stop-polling", slot, {}, closeMs);
    const polling = this.#polls.get(slot) ?? Promise.resolve();
    await within(this.#clock, closeMs, "driver: polling function", polling, () => {
      throw new DriverGone("the polling function does not end");
    });
    await this.#closeChannel(slot);
  }

  async #closeChannel(slot: number): Promise<void> {
    await this.slots[slot]?.gate.run(() => this.call("close-channel", slot, {}, this.#limits.closeMs));
  }

  /** Ends the process at once. */
  kill(reason: string): void {
    this.#driver.kill(reason);
  }

  /** Has the process end itself. */
  end(): Promise<void> {
    return this.#driver.end(this.#limits.closeMs);
  }
}

function notOpened(library: string, error: unknown): SmartCardError {
  if (error instanceof SmartCardError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new SmartCardError("comm-error", `the driver ${library} could not be opened: ${reason}`, {}, { cause: error });
}

/** The longest time that a timer takes. */
const FOREVER_MS = 0x7fff_ffff;

/** The steps of opening a reader, in the order in which pcscd takes them. */
class Opening {
  readonly driver: DriverProcess;
  readonly #options: SessionOptions;

  constructor(driver: DriverProcess, options: SessionOptions) {
    this.driver = driver;
    this.#options = options;
  }

  async load(): Promise<2 | 3> {
    const { library, limits } = this.#options;
    const { code, data, outcome } = await this.driver.call(
      "load",
      { data: new TextEncoder().encode(library) },
      limits.loadMs,
    );
    if (outcome !== "returned" || (code !== 2 && code !== 3)) {
      const reason = new TextDecoder().decode(data).replace(/\p{Cc}+/gu, " ");
      throw new SmartCardError(
        "invalid-parameter",
        `${library} cannot be used as a driver: ${reason || "no reason given"}`,
      );
    }
    return code;
  }

  async createChannel(version: 2 | 3, lun: number): Promise<void> {
    const { channel, device, library, limits } = this.#options;
    const byName = version === 3 && device !== "";
    const { code } = byName
      ? await this.driver.call(
          "create-channel-by-name",
          { lun, data: new TextEncoder().encode(device) },
          limits.createMs,
        )
      : await this.driver.call("create-channel", { lun, argument: channel }, limits.createMs);
    if (code === returnCodes.IFD_SUCCESS) return;
    const what = byName ? device : `channel 0x${channel.toString(16).toUpperCase()}`;
    throw new SmartCardError(
      "reader-unavailable",
      `the driver ${library} cannot open ${what}: it answers ${returnCodeText(code)}; check that the reader is connected there`,
    );
  }

  /** How many slots could be opened: at least the one that is open. */
  async slotCount(version: 2 | 3): Promise<number> {
    const named = await this.#byteOf("TAG_IFD_SLOTS_NUMBER");
    const wanted = Math.min(named ?? 1, this.#options.limits.slots);
    for (let slot = 1; slot < wanted; slot++) await this.createChannel(version, slot);
    return Math.max(wanted, 1);
  }

  async slots(count: number): Promise<readonly SessionSlot[]> {
    const { limits } = this.#options;
    const isSlotThreadSafe = count > 1 && (await this.#byteOf("TAG_IFD_SLOT_THREAD_SAFE")) === 1;
    const shared = new CallGate();
    const slots: SessionSlot[] = [];
    for (let lun = 0; lun < count; lun++) {
      const { code } = await this.driver.call("presence", { lun }, limits.presenceMs);
      if (presenceOf(code) === undefined) {
        const message = `the driver ${this.#options.library} cannot tell whether there is a card: it answers ${returnCodeText(code)}`;
        throw new SmartCardError("reader-unavailable", message);
      }
      const polling = await this.driver.call("has-polling", { lun }, limits.capabilityMs);
      slots.push({
        gate: isSlotThreadSafe ? new CallGate() : shared,
        polls: polling.outcome === "returned" && polling.data[0] === 1,
        isPollKillable:
          polling.data[0] === 1 && ((await this.#byteOf("TAG_IFD_POLLING_THREAD_KILLABLE", lun)) ?? 0) !== 0,
        attributes: await this.#attributes(lun),
      });
    }
    return slots;
  }

  async #attributes(lun: number): Promise<ReadonlyMap<number, Uint8Array>> {
    const found = new Map<number, Uint8Array>();
    if (!this.#options.asksForAttributes) return found;
    for (const name of askedAttributes) {
      const { value } = attributes[name];
      const args = { lun, argument: value, room: MAX_CAPABILITY_BYTES };
      const { code, data } = await this.driver.call("capability", args, this.#options.limits.capabilityMs);
      if (code === returnCodes.IFD_SUCCESS && data.length > 0) found.set(value, data);
    }
    return found;
  }

  /** A capability of one byte; undefined where the driver answers anything else. */
  async #byteOf(tag: keyof typeof capabilityTags, lun = 0): Promise<number | undefined> {
    const args = { lun, argument: capabilityTags[tag], room: 1 };
    const { code, data } = await this.driver.call("capability", args, this.#options.limits.capabilityMs);
    return code === returnCodes.IFD_SUCCESS && data.length === 1 ? data[0] : undefined;
  }
}

function ignore(): void {}

/** Whether there is a card, by what IFDHICCPresence returns; undefined where it does not tell. */
export function presenceOf(code: number): boolean | undefined {
  // pcscd takes a plain success for a card too.
  if (code === returnCodes.IFD_ICC_PRESENT || code === returnCodes.IFD_SUCCESS) return true;
  return code === returnCodes.IFD_ICC_NOT_PRESENT ? false : undefined;
}
