// SPDX-License-Identifier: MIT

import type { PowerAction, Protocol, Reader, ReaderDescription, ReaderEvents } from "../src/port/index.ts";
import type { Oracle } from "./oracle.ts";
import type { SlotRecord } from "./records.ts";

/** Faults of a driver, once. */
export type DriverFault = "empty" | "throw" | "huge-atr";

/** A reader whose every operation the oracle sees, and whose driver can be made to misbehave. */
export class WatchedReader implements Reader {
  readonly description: ReaderDescription;
  readonly slot: SlotRecord;
  readonly eject?: (signal: AbortSignal) => Promise<void>;
  /** The signals that the manager gave, for the search for listeners that were left on them. */
  readonly signals: Set<AbortSignal> = new Set();
  readonly #inner: Reader;
  readonly #oracle: Oracle;
  #fault: DriverFault | undefined;
  #deaf = false;
  #release: (() => void)[] = [];

  constructor(inner: Reader, oracle: Oracle) {
    this.#inner = inner;
    this.#oracle = oracle;
    this.description = inner.description;
    this.slot = {
      name: "",
      id: inner.description.id,
      lost: false,
      deaf: false,
      babbles: false,
      inFlight: undefined,
      lastWork: 0,
      idleInterruptions: undefined,
      idled: false,
      interruptions: 0,
      removals: 0,
      removalRest: 0,
      arrivals: 0,
      powered: false,
      lockedBy: undefined,
      due: undefined,
    };
    if (inner.eject !== undefined)
      this.eject = (signal) => this.#watch("eject", signal, (own) => inner.eject?.(own) ?? Promise.resolve());
  }

  /** The next answer of the driver is a wrong one; undefined: it is not. */
  spoil(how: DriverFault | undefined): void {
    this.#fault = how;
  }

  /** While on, operations do not end when they are aborted. */
  deafen(on: boolean): void {
    this.#deaf = on;
    if (on) return;
    const release = this.#release;
    this.#release = [];
    for (const one of release) one();
  }

  async open(events: ReaderEvents): Promise<void> {
    await this.#inner.open({
      inserted: () => {
        this.slot.arrivals++;
        events.inserted();
      },
      removed: () => {
        this.#oracle.removed(this.slot);
        events.removed();
      },
      lost: (reason) => {
        this.slot.lost = true;
        events.lost(reason);
      },
    });
  }

  power(action: PowerAction, signal: AbortSignal): Promise<Uint8Array> {
    this.#oracle.power(this.slot, action);
    this.slot.powered = false;
    const { removals } = this.slot;
    return this.#watch(action, signal, async (own) => {
      const atr = await this.#inner.power(action, own);
      // The answer may be that of a card that has gone since.
      this.slot.powered = action !== "power-down" && this.slot.removals === removals;
      return this.#takeFault() === "huge-atr" ? new Uint8Array(34).fill(0x3b) : atr;
    });
  }

  setProtocol(protocol: Protocol, signal: AbortSignal): Promise<void> {
    this.#oracle.deps.reached(`driver set-protocol ${protocol}`);
    return this.#watch("set-protocol", signal, (own) => this.#inner.setProtocol(protocol, own));
  }

  transmit(command: Uint8Array, protocol: Protocol, signal: AbortSignal): Promise<Uint8Array> {
    this.#oracle.reachesDriver(this.slot, numberIn(command), "transmit", command[1] === 0xa4);
    return this.#watch("transmit", signal, async (own) => {
      const response = await this.#inner.transmit(command, protocol, own);
      return this.#takeFault() === undefined ? response : new Uint8Array(1);
    });
  }

  control(code: number, input: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    this.#oracle.reachesDriver(this.slot, numberIn(input), "control");
    return this.#watch("control", signal, (own) => this.#inner.control(code, input, own));
  }

  getAttribute(attribute: number): Uint8Array | undefined {
    return this.#inner.getAttribute(attribute);
  }

  setAttribute(attribute: number, value: Uint8Array): boolean {
    return this.#inner.setAttribute(attribute, value);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #takeFault(): DriverFault | undefined {
    const fault = this.#fault;
    this.#fault = undefined;
    if (fault === "throw") throw new Error("this driver fails");
    return fault;
  }

  async #watch<T>(operation: string, signal: AbortSignal, run: (own: AbortSignal) => Promise<T>): Promise<T> {
    this.signals.add(signal);
    this.#oracle.operates(this.slot, operation);
    try {
      return this.#deaf ? await this.#deafly(signal, run) : await run(signal);
    } finally {
      this.slot.lastWork = this.#oracle.deps.now();
      this.slot.inFlight = undefined;
    }
  }

  /** Runs an operation that cannot be aborted, and does not end before the driver hears again. */
  async #deafly<T>(signal: AbortSignal, run: (own: AbortSignal) => Promise<T>): Promise<T> {
    this.slot.deaf = true;
    const heard = new Promise<void>((resolve) => this.#release.push(resolve));
    const aborted = new AbortController();
    const abort = (): void => aborted.abort();
    await heard;
    if (signal.aborted) abort();
    return run(aborted.signal);
  }
}

/** The number of a call, in a command or in the input of a control. */
export function numberIn(bytes: Uint8Array): number {
  const [, ins, p1 = 0, p2 = 0] = bytes;
  // A SELECT has it at the end of its name.
  const [high = 0, low = 0] = ins === 0xa4 ? bytes.subarray(9, 11) : [p1, p2];
  return high * 256 + low;
}
